"""Whom the model is held against: who knows no features, and the main."""

from dataclasses import dataclass
from typing import Final

import numpy as np

from services.registry.adapters.inspection.sample import evenly, legal_rows
from services.registry.adapters.reviewing.asking_time import affordable, seconds_left
from services.registry.adapters.reviewing.results_answers import (
    Answers,
    Places,
    answered,
    asked,
    joined,
)
from services.registry.adapters.reviewing.subject import Subject
from understudy.contracts.signature import Signature
from understudy.inference.rows import Rows
from understudy.inference.scored import Scored

_MAIN_ROWS: Final = 20_000
_SHARE: Final = 0.3
"""Of the time that is left, for one model's answers."""


@dataclass(frozen=True, slots=True, eq=False)
class Peers:
    """Who is held against each other on one sample's rows."""

    model: Answers
    dummy: Answers | None
    paired: Answers | None = None
    """The model's answers to the rows that the main answered too."""
    main: Answers | None = None


def peers_of(subject: Subject) -> Peers:
    """On the rows that results are measured on. Raises LeftOutError when there are none."""
    held = subject.held
    places = affordable(subject.runner, held.rows, held.usable, _SHARE * seconds_left())
    kept, model = answered(subject, held, places)
    found = Peers(model, dummy_of(subject, model))
    main = _main(subject, held.rows.at(kept))
    if main is None:
        return found
    common, scored = main
    paired = model.at(common)
    return Peers(model, found.dummy, paired, joined(paired.labels, scored, model))


def dummy_of(subject: Subject, model: Answers) -> Answers | None:
    """Answers of who knows the reference sample's labels and nothing of the rows.

    The shares of the classes and the commonest one (scikit-learn's DummyClassifier, `prior`), or
    the mean (DummyRegressor).
    """
    known = subject.reference.labels[subject.reference.usable]
    if not known.size:
        return None
    if not model.classes:
        return Answers(model.labels, np.full(len(model), known.mean()), None, 0, None)
    shares = np.bincount(known.astype(np.intp), minlength=model.classes) / known.size
    probabilities = None if model.probabilities is None else np.tile(shares, (len(model), 1))
    values = np.full(len(model), float(shares.argmax()))
    return Answers(model.labels, values, probabilities, model.classes, model.positive)


def _main(subject: Subject, rows: Rows) -> tuple[Places, Scored] | None:
    """The main's answers to the rows that it takes; None where it can't be held against."""
    theirs = subject.task.main_signature or subject.signature
    order = _class_places(subject.signature, theirs)
    if subject.main is None or order is None:
        return None
    handed = _columns(rows, subject.signature, theirs)
    if handed is None:
        return None
    legal = evenly(np.flatnonzero(legal_rows(handed, theirs)), _MAIN_ROWS)
    legal = affordable(subject.main, handed, legal, _SHARE * seconds_left())
    kept, scored = asked(subject.main, handed.at(legal))
    if scored is None:
        return None
    if not subject.classification:
        return legal[kept], scored
    probabilities = None if scored.probabilities is None else scored.probabilities[:, order]
    places = np.argsort(order).astype(np.float64)
    return legal[kept], Scored(places[scored.values.astype(np.intp)], probabilities)


def _class_places(mine: Signature, theirs: Signature) -> Places | None:
    """Of each of our classes: its place among theirs; None when they answer something else."""
    if mine.target.task is not theirs.target.task:
        return None
    if {*mine.target.classes} != {*theirs.target.classes}:
        return None
    return np.array([theirs.target.classes.index(c) for c in mine.target.classes], dtype=np.intp)


def _columns(rows: Rows, mine: Signature, theirs: Signature) -> Rows | None:
    """The same rows in the order of their features; None when they want a feature we lack."""
    kinds = {feature.name: feature.numeric for feature in mine.features}
    if any(kinds.get(feature.name) is not feature.numeric for feature in theirs.features):
        return None
    numbers = [feature.name for feature in mine.features if feature.numeric]
    texts = [feature.name for feature in mine.features if not feature.numeric]
    wanted = [numbers.index(feature.name) for feature in theirs.features if feature.numeric]
    return Rows(
        rows.numbers[:, wanted],
        tuple(rows.texts[texts.index(f.name)] for f in theirs.features if not f.numeric),
    )
