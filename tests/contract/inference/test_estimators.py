"""Runners answer as the models themselves would."""

import asyncio
import io
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import skops.io
from sklearn.compose import TransformedTargetRegressor
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.linear_model import LinearRegression, LogisticRegression, SGDClassifier
from sklearn.model_selection import FixedThresholdClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler

from services.serving.adapters.library import ModelLibrary
from services.serving.domain.rows import Plan, Shape
from services.serving.domain.warming import probe_rows
from tests.fakes.serving import (
    FLOWERS,
    LOANS,
    StoredArtifacts,
    artifact_of,
    halved,
    loan_frame,
    loan_model,
    served,
)
from understudy.contracts.policy import Policy
from understudy.contracts.signature import Feature, Signature, Target
from understudy.contracts.vocabulary import FeatureKind, Task
from understudy.inference.errors import UnfitModelError
from understudy.inference.estimators import SklearnRunner
from understudy.inference.layouts import Arrays, Frames
from understudy.inference.rows import Rows

SIX = Signature(
    features=tuple(
        Feature(f"f{index}", FeatureKind.NUMBER, minimum=-5.0, maximum=5.0) for index in range(6)
    ),
    target=Target("y", Task.CLASSIFICATION, classes=("c", "a", "b")),
)
TRAIN = np.random.default_rng(0).uniform(-5.0, 5.0, (400, 6))
CLASSES = np.select([TRAIN[:, 0] > 1.5, TRAIN[:, 1] > 0.0], ["a", "b"], "c")
TWO = Signature(SIX.features, Target("y", Task.CLASSIFICATION, classes=("b", "a")))
TWO_CLASSES = np.where(TRAIN[:, 0] > 0.0, "a", "b")
PRICE = Signature(SIX.features, Target("y", Task.REGRESSION))
PROBE = probe_rows(SIX, 200)


def probabilities(runner: SklearnRunner, rows: Rows) -> Any:
    return runner.score(rows).probabilities


def named(model: Any, classes: Any = CLASSES) -> Any:
    """The model, fitted on a frame whose columns are not in the signature's order."""
    names = [f"f{index}" for index in range(6)]
    return model.fit(pd.DataFrame(TRAIN, columns=names)[names[::-1]], classes)


@pytest.mark.parametrize(
    ("model", "signature"),
    [
        (LogisticRegression().fit(TRAIN, CLASSES), SIX),
        (make_pipeline(StandardScaler(), LogisticRegression()).fit(TRAIN, CLASSES), SIX),
        (RandomForestClassifier(10, n_jobs=2, random_state=0).fit(TRAIN, CLASSES), SIX),
        (HistGradientBoostingClassifier(max_iter=5).fit(TRAIN, CLASSES), SIX),
        (SGDClassifier(random_state=0).fit(TRAIN, CLASSES), SIX),
        (
            FixedThresholdClassifier(LogisticRegression(), threshold=0.9, pos_label="a").fit(
                TRAIN, TWO_CLASSES
            ),
            TWO,
        ),
    ],
    ids=lambda value: type(value).__name__,
)
def test_classes_and_probabilities_are_the_models(model: Any, signature: Signature) -> None:
    scored = SklearnRunner(model, signature, PROBE).score(PROBE)
    classes = signature.target.classes
    expected = model.predict(PROBE.numbers).tolist()
    found = scored.values  # noqa: PD011 - ours, not a frame's
    assert [classes[int(index)] for index in found] == expected
    if hasattr(model, "predict_proba"):
        order = [model.classes_.tolist().index(label) for label in classes]
        assert scored.probabilities is not None
        assert np.array_equal(scored.probabilities, model.predict_proba(PROBE.numbers)[:, order])
    else:
        assert scored.probabilities is None


def test_numbers_are_the_models() -> None:
    model = LinearRegression().fit(TRAIN, TRAIN[:, 0])
    scored = SklearnRunner(model, PRICE, PROBE).score(PROBE)
    assert np.array_equal(scored.values, model.predict(PROBE.numbers))


def test_a_model_fitted_on_a_frame_is_given_arrays_when_it_answers_them_alike() -> None:
    model = named(LogisticRegression())
    runner = SklearnRunner(model, SIX, PROBE)
    assert isinstance(runner._layout, Arrays)
    frame = pd.DataFrame(PROBE.numbers, columns=SIX.names)[[*model.feature_names_in_]]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        expected = model.predict_proba(frame)
    order = [model.classes_.tolist().index(label) for label in SIX.target.classes]
    assert np.array_equal(probabilities(runner, PROBE), expected[:, order])


def test_a_model_that_chooses_columns_by_name_is_given_frames() -> None:
    model = loan_model()
    probe = probe_rows(LOANS, 20)
    runner = SklearnRunner(model, LOANS, probe)
    assert isinstance(runner._layout, Frames)
    frame = loan_frame(50, seed=3)
    plan = Plan(LOANS)
    draft = plan.read(
        [{**r, "employed": bool(r["employed"])} for r in frame.to_dict("records")],  # type: ignore[dict-item]
        Policy(),
        Shape.ROWS,
    )
    rows = plan.rows(draft.cells)
    assert np.array_equal(probabilities(runner, rows), model.predict_proba(frame))


def test_missing_categories_are_what_a_frame_makes_of_them() -> None:
    runner = SklearnRunner(loan_model(), LOANS, probe_rows(LOANS, 20))
    rows = Rows(np.array([[30_000.0, np.nan, 1.0]]), ([None], ["Ghent"]))
    assert np.isfinite(probabilities(runner, rows)).all()


@pytest.mark.parametrize(
    ("model", "signature", "words"),
    [
        (LogisticRegression().fit(TRAIN, TWO_CLASSES), SIX, "classes"),
        (LinearRegression().fit(TRAIN, TRAIN[:, 0]), SIX, "no classes"),
        (named(LogisticRegression()), FLOWERS, "fitted with the features"),
    ],
)
def test_a_model_that_does_not_fit_the_signature_is_not_loaded(
    model: Any, signature: Signature, words: str
) -> None:
    with pytest.raises(UnfitModelError, match=words):
        SklearnRunner(model, signature, probe_rows(signature, 5))


def test_answers_that_are_no_numbers_are_failures() -> None:
    inner = LinearRegression()
    model = TransformedTargetRegressor(inner, transformer=FunctionTransformer(np.log, np.exp))
    model.fit(TRAIN, np.exp(TRAIN[:, 0]))
    runner = SklearnRunner(model, PRICE, PROBE)
    huge = Rows(np.full((1, 6), 1e6), ())
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with pytest.raises(UnfitModelError, match="finite"):
            runner.score(huge)


def test_no_model_starts_threads() -> None:
    model = make_pipeline(RandomForestClassifier(3, n_jobs=2)).fit(TRAIN, CLASSES)
    SklearnRunner(model, SIX, PROBE)
    assert model[0].n_jobs == 1


def test_the_library_loads_once_and_lets_go(tmp_path: Path) -> None:
    artifact = artifact_of(LogisticRegression().fit(TRAIN, CLASSES))
    version = served(1, artifact, SIX)
    library = ModelLibrary(StoredArtifacts(tmp_path, artifact), tmp_path, 10.0)

    async def load_twice() -> None:
        first, second = await asyncio.gather(
            library.load("m", version, ()), library.load("m", version, ())
        )
        assert first is second
        assert 0.0 < first.cost.call_seconds < 1.0
        library.keep([])
        assert await library.load("m", version, ()) is not first

    asyncio.run(load_twice())


def test_types_that_are_not_trusted_are_not_loaded(tmp_path: Path) -> None:
    model = make_pipeline(FunctionTransformer(halved), LogisticRegression()).fit(TRAIN, CLASSES)
    artifact = artifact_of(model)
    unknown = skops.io.get_untrusted_types(file=io.BytesIO(artifact))
    assert unknown == ["tests.fakes.serving.halved"]
    library = ModelLibrary(StoredArtifacts(tmp_path, artifact), tmp_path, 10.0)
    with pytest.raises(skops.io.exceptions.UntrustedTypesFoundException):
        asyncio.run(library.load("m", served(1, artifact, SIX), ()))
    assert asyncio.run(library.load("m", served(1, artifact, SIX), unknown))
