"""What is counted of the answers of one cohort, once their labels are known or before.

A cohort is the rows that one main answered in one release and stretch of prediction time, under the
same terms. Cohorts of different releases are never merged, so that whatever begins with a release
(a comparison, a main's tenure) is told by the release's number, not by a time within a cohort.
Everything in a tally is an integer or made of integers, and adds and subtracts: a tally of a set of
facts is the same bit for bit whatever the order in which the facts came, and when a fact changes,
what it counted for is taken away and counted anew.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, is_dataclass
from typing import Any, Final, TypeVar

import numpy as np

from services.monitor.domain.cells import added
from services.monitor.domain.statistics.spectrum import Spectrum
from understudy.profiles.arrays import Counts

Key = TypeVar("Key")
Part = TypeVar("Part")

LAG_EDGES_SECONDS: Final = (
    *(1.0, 10.0, 60.0, 600.0, 3_600.0, 6 * 3_600.0, 86_400.0),
    *(3 * 86_400.0, 7 * 86_400.0, 30 * 86_400.0, 90 * 86_400.0),
)
SCORE_BINS: Final = 100
"""A probability is counted into so many equal bins."""
FIXED_POINT: Final = 2**20
"""Sums of numbers are kept as whole multiples of the target's scale divided by this."""


@dataclass(frozen=True, slots=True, eq=False)
class ClassCounts:
    """A classifier's answers; k classes in the signature's order."""

    confusion: Counts
    """(k, k): true class × predicted class, of labelled rows."""
    scores: Counts
    """(k, SCORE_BINS, 2): each class's probability × whether it was the true one; of labelled rows
    with probabilities."""
    answered: Counts
    """(k,): predicted class, labelled or not."""
    answered_scores: Counts
    """(k, SCORE_BINS): predicted class × score, labelled or not. The score of an answer is the
    probability of the last class; with more than two classes, that of the predicted class."""
    labelled_scores: Counts
    """The same of labelled rows: what labelling selects shows in the difference."""
    brier: int = 0
    """Sum over labelled rows, in units of 1/FIXED_POINT; and of squares, for intervals."""
    brier_squares: int = 0
    log_loss: int = 0
    log_loss_squares: int = 0

    def __add__(self, other: "ClassCounts") -> "ClassCounts":
        return ClassCounts(**_summed(self, other))

    def __neg__(self) -> "ClassCounts":
        return ClassCounts(**_negated(self))


@dataclass(frozen=True, slots=True)
class NumberSums:
    """A regression's errors: multiples of scale/FIXED_POINT (squares: of its square)."""

    error: int = 0
    absolute: int = 0
    absolute_squares: int = 0
    squared: int = 0
    squared_squares: int = 0
    label: int = 0
    label_squares: int = 0
    pinball_10: int = 0
    pinball_50: int = 0
    pinball_90: int = 0

    def __add__(self, other: "NumberSums") -> "NumberSums":
        return NumberSums(**_summed(self, other))

    def __neg__(self) -> "NumberSums":
        return NumberSums(**_negated(self))


@dataclass(frozen=True, slots=True, eq=False)
class VersionTally:
    """One version on the rows of a cohort."""

    rows: int
    """Answered rows, labelled or not."""
    failed: int
    """Rows that it did not answer, or answered with what is no answer."""
    labelled: int
    lag: Counts
    """Labelled rows by how long the label took: see `LAG_EDGES_SECONDS`; the last is beyond."""
    losses: Spectrum
    """Of labelled answered rows: the loss of the terms over its range, in [0, 1]."""
    classes: ClassCounts | None = None
    numbers: NumberSums | None = None

    def __add__(self, other: "VersionTally") -> "VersionTally":
        return VersionTally(**_summed(self, other))

    def __neg__(self) -> "VersionTally":
        return VersionTally(**_negated(self))


@dataclass(frozen=True, slots=True, eq=False)
class CoupleTally:
    """The main and one challenger on labelled rows that both were asked."""

    differences: Spectrum
    """(main's loss - challenger's loss) / clip: positive where the challenger is better. A row that
    only one of them answered counts as the worst for the other one."""
    clipped: int
    """Differences beyond the clip."""
    challenger_failed: int
    main_failed: int

    def __add__(self, other: "CoupleTally") -> "CoupleTally":
        return CoupleTally(**_summed(self, other))

    def __neg__(self) -> "CoupleTally":
        return CoupleTally(**_negated(self))


GroupKey = tuple[int, str, str]
"""A version, a protected attribute, one of its values."""


@dataclass(frozen=True, slots=True)
class GroupTally:
    """One version's answers to the rows of one group.

    "Selected" is an answer of the target's last class. Regression has no groups.
    """

    rows: int = 0
    selected: int = 0
    positives: int = 0
    """Labelled rows whose true class is the last one."""
    true_positives: int = 0
    negatives: int = 0
    false_positives: int = 0

    def __add__(self, other: "GroupTally") -> "GroupTally":
        return GroupTally(**_summed(self, other))

    def __neg__(self) -> "GroupTally":
        return GroupTally(**_negated(self))


@dataclass(frozen=True, slots=True, order=True)
class CohortId:
    """Which rows: who was main, the terms' fingerprint, in which release, when and how long."""

    start: int
    """Seconds since the epoch, a multiple of `seconds`."""
    seconds: int
    main: int
    terms: str
    release: int

    @property
    def end(self) -> int:
        """Its rows were predicted before it."""
        return self.start + self.seconds


@dataclass(frozen=True, slots=True, eq=False)
class CohortTally:
    """All of a cohort. An empty mapping where nothing was counted."""

    versions: Mapping[int, VersionTally] = field(default_factory=dict)
    """The main and whichever challengers answered its rows."""
    couples: Mapping[int, CoupleTally] = field(default_factory=dict)
    """By challenger."""
    groups: Mapping[GroupKey, GroupTally] = field(default_factory=dict)
    labels: Mapping[str, int] = field(default_factory=dict)
    """Labels by class name; for regression `n`, `sum` and `squares`, fixed-point."""

    def __add__(self, other: "CohortTally") -> "CohortTally":
        return CohortTally(
            _counted(added(self.versions, other.versions)),
            _counted(added(self.couples, other.couples)),
            _counted(added(self.groups, other.groups)),
            _counted(added(self.labels, other.labels)),
        )

    def __neg__(self) -> "CohortTally":
        return CohortTally(
            {version: -held for version, held in self.versions.items()},
            {challenger: -held for challenger, held in self.couples.items()},
            {group: -held for group, held in self.groups.items()},
            {label: -rows for label, rows in self.labels.items()},
        )

    def __sub__(self, other: "CohortTally") -> "CohortTally":
        return self + -other

    def __bool__(self) -> bool:
        return bool(self.versions or self.couples or self.groups or self.labels)


def _summed(mine: Any, theirs: Any) -> dict[str, Any]:
    """The members of two tallies of one kind, added; a part that only one has is kept."""
    found = {}
    for member in fields(mine):
        one, other = getattr(mine, member.name), getattr(theirs, member.name)
        found[member.name] = one if other is None else other if one is None else one + other
    return found


def _negated(mine: Any) -> dict[str, Any]:
    members = {member.name: getattr(mine, member.name) for member in fields(mine)}
    return {name: None if value is None else -value for name, value in members.items()}


def _counted(parts: Mapping[Key, Part]) -> dict[Key, Part]:
    """Without what counts nothing: the same facts give the same tally whichever way they came."""
    return {key: part for key, part in parts.items() if _counts(part)}


def _counts(part: Any) -> bool:
    if isinstance(part, np.ndarray):
        return bool(part.any())
    if is_dataclass(part):
        return any(_counts(getattr(part, member.name)) for member in fields(part))
    return bool(part)
