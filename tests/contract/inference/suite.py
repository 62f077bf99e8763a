"""What every runner must do, whatever it runs on."""

import numpy as np

from tests.contract.inference.zoo import Fitted
from understudy.contracts.vocabulary import Task
from understudy.inference.rows import Rows
from understudy.inference.scored import Floats, Runner, Scored


def check_shapes(runner: Runner, found: Fitted) -> None:
    """Figures of the stated type, number and order, whatever the number of rows."""
    classes = len(found.signature.target.classes)
    for count in (1, 2, 7, 64):
        scored = runner.score(found.rows.part(0, count))
        assert scored.values.shape == (count,)
        assert scored.values.dtype == np.float64
        if scored.probabilities is not None:
            assert scored.probabilities.shape == (count, classes)
            assert scored.probabilities.dtype == np.float64
            assert np.allclose(scored.probabilities.sum(axis=1), 1.0, atol=1e-5)


def check_labels(runner: Runner, found: Fitted) -> None:
    """Indices of the signature's classes, for what the model itself predicts."""
    if found.signature.target.task is Task.REGRESSION:
        return
    own = found.model.predict(found.inputs).tolist()
    classes = found.signature.target.classes
    assert [classes[int(value)] for value in runner.score(found.rows).values] == own
    assert len({*own}) == len(classes)


def check_figures(runner: Runner, found: Fitted, tolerance: float) -> None:
    """The model's own numbers, or its probabilities in the signature's order of classes."""
    scored = runner.score(found.rows)
    if found.signature.target.task is Task.REGRESSION:
        own = found.model.predict(found.inputs)
        assert np.allclose(scored.values, own, rtol=tolerance, atol=tolerance)
    elif hasattr(found.model, "predict_proba"):
        labels = found.model.classes_.tolist()
        order = [labels.index(label) for label in found.signature.target.classes]
        own = found.model.predict_proba(found.inputs)[:, order]
        assert scored.probabilities is not None
        assert np.allclose(scored.probabilities, own, rtol=0.0, atol=tolerance)
    else:
        assert scored.probabilities is None


def check_single_rows(runner: Runner, found: Fitted, tolerance: float) -> None:
    """A row is answered alike by itself and among others."""
    rows = found.rows.part(0, 40)
    together = runner.score(rows)
    each = [runner.score(rows.part(row, row + 1)) for row in range(len(rows))]
    assert np.allclose(together.values, _values(each), rtol=tolerance, atol=tolerance)
    if together.probabilities is not None:
        alone = np.concatenate([one.probabilities for one in each if one.probabilities is not None])
        assert np.allclose(together.probabilities, alone, rtol=0.0, atol=tolerance)


def check_does_not_write(runner: Runner, found: Fitted) -> None:
    """Rows belong to whoever asked; answers do not change with the next call."""
    rows = found.rows.part(0, 8)
    before, texts = rows.numbers.copy(), [[*column] for column in rows.texts]
    first = runner.score(rows)
    kept = first.values.copy()
    runner.score(found.rows.part(8, 16))
    assert np.array_equal(rows.numbers, before, equal_nan=True)
    assert [*rows.texts] == texts
    assert np.array_equal(first.values, kept)


def odd_rows(found: Fitted) -> Rows:
    """All missing, unseen categories, both: legal, and seldom."""
    rows = found.rows.part(0, 3)
    numbers, texts = rows.numbers.copy(), [[*column] for column in rows.texts]
    numeric = [feature for feature in found.signature.features if feature.numeric]
    nullable = [place for place, feature in enumerate(numeric) if feature.nullable]
    numbers[:2, nullable] = np.nan
    categories = [feature for feature in found.signature.features if not feature.numeric]
    for column, feature in zip(texts, categories, strict=True):
        if feature.nullable:
            column[0] = None
        if feature.open_choices:
            column[1] = column[2] = "Reykjavík"
    return Rows(numbers, tuple(texts))


def check_odd_rows(runner: Runner, original: Runner, found: Fitted, tolerance: float) -> None:
    """Text and missing inputs are answered as the model answers them."""
    rows = odd_rows(found)
    mine, own = runner.score(rows), original.score(rows)
    assert np.allclose(mine.values, own.values, rtol=tolerance, atol=tolerance)
    if own.probabilities is not None:
        assert mine.probabilities is not None
        assert np.allclose(mine.probabilities, own.probabilities, rtol=0.0, atol=tolerance)


def _values(scored: list[Scored]) -> Floats:
    return np.concatenate([one.values for one in scored])
