"""Facts: what was answered, by whom, and what came true, in the terms of the signature.

Answers and labels of whatever version are numbers here: the index of a class in the signature's
order, or the predicted number.
"""

from collections.abc import Mapping, Sequence
from dataclasses import astuple, dataclass, field
from operator import add, sub

import numpy as np
from numpy.typing import NDArray

from services.monitor.domain.deciding.terms import Terms
from services.monitor.domain.rows import (
    Indices,
    LabelRows,
    PairRows,
    PredictionRows,
    ProtectedRows,
)
from understudy.contracts.signature import Target
from understudy.profiles.arrays import Floats

Flags = NDArray[np.bool_]
Attributes = Mapping[str, str]
"""Protected attributes by name."""


@dataclass(frozen=True, slots=True, eq=False)
class Incoming:
    """What one look at the log brought."""

    deployment: str
    target: Target
    terms: Terms
    """Of the present release and its main."""
    predictions: Sequence[PredictionRows] = ()
    pairs: Sequence[PairRows] = ()
    labels: Sequence[LabelRows] = ()
    protected: Sequence[ProtectedRows] = ()
    release: int = 1
    """The present one."""
    main: int = 1
    """Of the present release."""
    others: Mapping[int, Terms] = field(default_factory=dict)
    """On the policy of the present release, were another version its main."""
    first_release: int = 1
    """Of the deployment. Rows of earlier ones are of a former deployment of the same name."""

    def terms_of(self, main: int) -> Terms:
        """By the present policy."""
        return self.others.get(main, self.terms)


@dataclass(frozen=True, slots=True, eq=False)
class Answers:
    """What one version said to n rows: NaN where it failed, or was not asked."""

    values: Floats
    probabilities: Floats | None
    """(n, k) in the signature's order; NaN rows where there are none."""
    asked: Flags

    @property
    def answered(self) -> Flags:
        """Where there is an answer."""
        return self.asked & np.isfinite(self.values)

    def take(self, places: Indices) -> "Answers":
        """Those to some of the rows."""
        chances = self.probabilities
        chosen = None if chances is None else chances[places]
        return Answers(self.values[places], chosen, self.asked[places])


Rank = tuple[bool, float, int, int, float, tuple[float, ...]]
"""Failed, when, in which release, by whom, value, probabilities."""


def rank(answers: Answers, place: int, at: float, release: int, version: int) -> Rank:
    """Orders all answers that were ever given to one prediction, whatever order they come in.

    An answer comes before a failure, an early one before a late one; the rest only tells apart.
    """
    value, chances = float(answers.values[place]), answers.probabilities
    there = chances is not None and bool(np.isfinite(chances[place]).all())
    said = tuple(chances[place].tolist()) if chances is not None and there else ()
    if not np.isfinite(value):
        return True, at, release, version, 0.0, ()
    return False, at, release, version, value, said


@dataclass(frozen=True, slots=True, eq=False)
class JoinedRows:
    """Rows of one main, release and set of terms, with whatever is known of each."""

    main: int
    release: int
    terms: Terms
    target: Target
    ids: Sequence[str]
    at: Floats
    answers: Mapping[int, Answers]
    """By version: the main, and challengers that were asked any of the rows."""
    labels: Floats
    """NaN where there is none."""
    received_at: Floats
    """When the first label of each row came, whatever corrected it since."""
    protected: Mapping[int, Attributes]
    """By place in `ids`; most rows have none."""

    def take(self, places: Indices) -> "JoinedRows":
        """Some of the rows, in their order."""
        if places.size == len(self.ids):
            return self
        held = self.protected
        return JoinedRows(
            main=self.main,
            release=self.release,
            terms=self.terms,
            target=self.target,
            ids=[self.ids[place] for place in places],
            at=self.at[places],
            answers={who: answers.take(places) for who, answers in self.answers.items()},
            labels=self.labels[places],
            received_at=self.received_at[places],
            protected=_taken(held, places) if held else held,
        )


@dataclass(frozen=True, slots=True)
class Standing:
    """What is known of labels beside tallies."""

    parked: int = 0
    """Predictions that have a label but are not known themselves, so far."""
    corrected: int = 0
    """Predictions whose label was ever stated otherwise."""
    duplicates: int = 0
    """Labels that said again what one of the same prediction had said."""
    refused: int = 0
    """Labels that are none of the target's values."""
    parked_pairs: int = 0
    """Answers of challengers to predictions that are not known themselves, so far."""
    parked_protected: int = 0
    """Protected attributes of such predictions."""
    expired: int = 0
    """Facts that were let go of without ever having counted: parked until the end of their
    retention, or come after it. What comes after it counts here each time that it is read."""

    def __add__(self, other: "Standing") -> "Standing":
        return Standing(*map(add, astuple(self), astuple(other)))

    def __sub__(self, other: "Standing") -> "Standing":
        return Standing(*map(sub, astuple(self), astuple(other)))


@dataclass(frozen=True, slots=True, eq=False)
class Losses:
    """Losses of labelled rows in the order of prediction; on [0, 1] (see `Terms.span`)."""

    at: Floats
    losses: Floats


def _taken(held: Mapping[int, Attributes], places: Indices) -> dict[int, Attributes]:
    return {new: held[old] for new, old in enumerate(places.tolist()) if old in held}
