"""SHAP's explainers over a review's subject: one that knows trees, and one that asks."""

import contextlib
import io
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pandas as pd

from services.registry.adapters.reviewing.explaining_asking import shown
from services.registry.adapters.reviewing.subject import Subject
from understudy.contracts.signature import Signature
from understudy.inference.rows import Rows
from understudy.inference.scored import Floats

_TREES: Final = frozenset(
    {
        "DecisionTreeClassifier",
        "DecisionTreeRegressor",
        "ExtraTreesClassifier",
        "ExtraTreesRegressor",
        "GradientBoostingClassifier",
        "GradientBoostingRegressor",
        "RandomForestClassifier",
        "RandomForestRegressor",
    }
)
"""Histogram boosting is not among them: SHAP 0.50's sums are off by up to 0.06 in probability."""
_COLUMN_BY_COLUMN: Final = frozenset(
    {"MaxAbsScaler", "MinMaxScaler", "RobustScaler", "SimpleImputer", "StandardScaler"}
)
"""Steps before the trees that leave each column where it is."""


@dataclass(frozen=True, slots=True, eq=False)
class Question:
    """What is to be explained."""

    subject: Subject
    rows: Rows
    background: Rows
    place: int | None
    """The class whose probability it is."""

    @property
    def about(self) -> str:
        """Of several classes, which one."""
        classes = self.subject.signature.target.classes
        named = self.place is not None and len(classes) > 2
        return f", probability of {classes[self.place or 0]}" if named else ""


@dataclass(frozen=True, slots=True, eq=False)
class Explained:
    """Contributions to the answers of some rows."""

    explainer: str
    values: Floats
    """Rows × features."""
    base: float
    """The mean answer to the background rows."""


def by_trees(question: Question) -> Explained | None:
    """Exactly, from the trees; None where they can't be taken by themselves.

    Source: S. Lundberg et al., Nature Machine Intelligence 2, 2020, interventional.
    """
    signature, model = question.subject.signature, question.subject.estimator
    steps = [step for _, step in getattr(model, "steps", [("", model)])]
    before = [step for step in steps[:-1] if step is not None and step != "passthrough"]
    trees = steps[-1]
    known = type(trees).__name__ in _TREES
    known &= all(type(step).__name__ in _COLUMN_BY_COLUMN for step in before)
    if not known or any(not feature.numeric for feature in signature.features):
        return None
    try:
        return _of_trees(question, before, trees)
    except MemoryError:
        raise
    except Exception:  # noqa: BLE001 - the other explainer takes all models
        return None


def by_permutation(question: Question) -> Explained:
    """From answers to rows, of which some features are the background's, in random orders."""
    import shap  # noqa: PLC0415 - an extra, that takes seconds to import

    subject, table = question.subject, _Table(question.subject.signature)
    background, rows = table.coded(question.background), table.coded(question.rows)

    def answered(coded: Floats) -> Floats:
        scored = subject.runner.score(table.decoded(np.asarray(coded, dtype=np.float64)))
        return shown(scored, question.place)

    masker = shap.maskers.Independent(background, max_samples=len(background))
    explainer = shap.explainers.Permutation(answered, masker, seed=subject.task.seed)
    with contextlib.redirect_stderr(io.StringIO()):  # where it draws a bar
        found = explainer(rows, max_evals=2 * rows.shape[1] + 1, silent=True)
    base = float(np.asarray(found.base_values).ravel()[0])
    return Explained(f"permutation{question.about}", np.asarray(found.values), base)


def _of_trees(question: Question, before: Sequence[Any], trees: Any) -> Explained | None:
    import shap  # noqa: PLC0415 - an extra, that takes seconds to import

    signature, model = question.subject.signature, question.subject.estimator
    names = [*getattr(model, "feature_names_in_", signature.names)]
    tables = []
    for rows in (question.background, question.rows):
        table: Any = pd.DataFrame(rows.numbers, columns=[*signature.names])[names]
        if not hasattr(model, "feature_names_in_"):
            table = table.to_numpy()
        for step in before:
            table = step.transform(table)
        tables.append(np.asarray(table, dtype=np.float64))
    background, asked = tables
    output = "raw" if question.place is None else "probability"
    explainer = shap.TreeExplainer(trees, data=background, model_output=output)
    values = np.asarray(explainer.shap_values(asked, check_additivity=False))
    base = np.atleast_1d(explainer.expected_value).astype(np.float64)
    if question.place is not None:
        values, base = _of_class(question, trees, values, base)
    ordered = values[:, [names.index(name) for name in signature.names]]
    return Explained(f"trees{question.about}", ordered, float(base[0]))


def _of_class(
    question: Question, trees: Any, values: Floats, base: Floats
) -> tuple[Floats, Floats]:
    label = question.subject.signature.target.classes[question.place or 0]
    column = np.asarray(trees.classes_).tolist().index(label)
    if values.ndim == 3:
        return values[:, :, column], base[column : column + 1]
    # Of two classes the second one's alone.
    return (values, base) if column == 1 else (-values, 1.0 - base)


class _Table:
    """Rows as one table of numbers: SHAP's own can't hold texts and numbers."""

    def __init__(self, signature: Signature) -> None:
        self._numeric = [feature.numeric for feature in signature.features]
        self._books: list[dict[str | None, int]] = [{} for numeric in self._numeric if not numeric]

    def coded(self, rows: Rows) -> Floats:
        """Rows × features, in the signature's order."""
        numbers, texts = iter(rows.numbers.T), zip(self._books, rows.texts, strict=True)
        columns = []
        for numeric in self._numeric:
            if numeric:
                columns.append(next(numbers))
            else:
                book, column = next(texts)
                codes = [float(book.setdefault(text, len(book))) for text in column]
                columns.append(np.array(codes))
        return np.column_stack(columns)

    def decoded(self, table: Floats) -> Rows:
        """The same rows again."""
        numeric = np.array(self._numeric)
        coded, texts = table[:, ~numeric].astype(np.intp), list[list[str | None]]()
        for place, book in enumerate(self._books):
            named = [*book]
            texts.append([named[code] for code in coded[:, place].tolist()])
        return Rows(np.ascontiguousarray(table[:, numeric]), tuple(texts))
