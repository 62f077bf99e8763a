"""SHAP values of sampled answers.

Source: S. Lundberg and S.-I. Lee, A Unified Approach to Interpreting Model Predictions, NeurIPS
2017. Contributions of a row's features, and the mean answer to the background rows, add up to the
row's answer.
"""

from importlib.util import find_spec
from typing import Final

import numpy as np
from scipy import stats

from services.registry.adapters.reviewing.asking_time import affordable
from services.registry.adapters.reviewing.explaining_asking import (
    asked,
    class_to_show,
    legal_places,
    shown,
)
from services.registry.adapters.reviewing.explaining_shap import (
    Explained,
    Question,
    by_permutation,
    by_trees,
)
from services.registry.adapters.reviewing.subject import LeftOutError, Subject
from understudy.contracts.reviews import Shap, ShapFeature
from understudy.inference.rows import Rows
from understudy.inference.scored import Floats

BACKGROUND_ROWS: Final = 50
MOST_ROWS: Final = 100
_FEWEST_ROWS: Final = 5
_MOST_FEATURES: Final = 200
"""More would take longer than there is time for, whatever the model."""
_OF_ALL_TIME: Final = 1 / 30
"""For answers; where the library compiles itself first, that takes some ten seconds more."""
_NEAR: Final = 1e-5
"""How far a sum of contributions may be from the answer, by the size of answers."""


def shap_of(subject: Subject) -> Shap:
    """Contributions of each feature to at most 100 answers; the largest on average first.

    Of two classes to the positive one's probability, of several to the one that varies most, which
    the explainer's name says. Trees are explained by themselves where the library's sums agree
    with what the model answers; they do not for every kind of tree. All else is asked, so of a
    slow model fewer rows are explained. Raises LeftOutError unless asked for and installed.
    """
    if not subject.task.shap:
        raise LeftOutError("it is not asked for")
    if find_spec("shap") is None:
        raise LeftOutError("its library is not installed: pip install 'understudy[shap]'")
    explained, rows = explained_of(subject)
    sizes, scaled = np.abs(explained.values).mean(axis=0), _scaled(subject, rows)
    features = [
        ShapFeature(
            feature=name,
            mean_size=float(sizes[place]),
            points=tuple(
                zip(explained.values[:, place].tolist(), scaled[place], strict=True),
            ),
        )
        for place, name in enumerate(subject.signature.names)
    ]
    features.sort(key=lambda feature: -feature.mean_size)
    return Shap(len(rows), explained.explainer, tuple(features))


def explained_of(subject: Subject) -> tuple[Explained, Rows]:
    """Contributions that add up to the answers, and the rows that were answered."""
    features, held = len(subject.signature.features), subject.held
    if features > _MOST_FEATURES:
        raise LeftOutError(f"there are more than {_MOST_FEATURES} features")
    places = affordable(
        subject.runner,
        held.rows,
        legal_places(held, MOST_ROWS),
        subject.task.seconds * _OF_ALL_TIME,
        times=BACKGROUND_ROWS * (2 * features + 1),
        least=_FEWEST_ROWS,
    )
    rows = held.rows.at(places)
    places = legal_places(subject.reference, BACKGROUND_ROWS)
    place = class_to_show(subject, rows)
    question = Question(subject, rows, subject.reference.rows.at(places), place)
    answers = shown(asked(subject.runner, rows), place)
    for explain in (by_trees, by_permutation):
        explained = explain(question)
        if explained is not None and _adds_up(explained, answers):
            return explained, rows
    raise LeftOutError("contributions do not add up to the answers, so they are not shown")


def _adds_up(explained: Explained, answers: Floats) -> bool:
    sums = explained.values.sum(axis=1) + explained.base
    scale = max(float(np.abs(answers).max()), 1e-12)
    return bool(np.isfinite(sums).all() and np.abs(sums - answers).max() <= _NEAR * scale)


def _scaled(subject: Subject, rows: Rows) -> list[list[float | None]]:
    """Of each feature, its values' ranks from 0 to 1; None for categories and where null."""
    numbers, found = iter(rows.numbers.T), list[list[float | None]]()
    for feature in subject.signature.features:
        column: list[float | None] = [None] * len(rows)
        if feature.numeric:
            values = next(numbers)
            present = np.flatnonzero(np.isfinite(values))
            if present.size:
                ranks = stats.rankdata(values[present], method="average") - 1
                most = max(float(ranks.max()), 1.0)
                for place, rank in zip(present.tolist(), ranks.tolist(), strict=True):
                    column[place] = rank / most
        found.append(column)
    return found
