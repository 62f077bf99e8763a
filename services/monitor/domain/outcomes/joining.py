"""Joining facts by prediction id: whatever is known of each of some predictions, in columns.

Facts come in any order, again and in pieces; what is known after them is the same. Of several
answers of one version to one prediction the one of the lowest rank counts (see `facts.rank`). Of
labels all events are known, and the latest one counts. A protected attribute has its latest value.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

import numpy as np

from services.monitor.domain.outcomes.facts import (
    Answers,
    Attributes,
    JoinedRows,
    Rank,
    Standing,
    rank,
)
from services.monitor.domain.outcomes.tallies import CohortId, CohortTally
from services.monitor.domain.outcomes.tallying import tally
from services.monitor.domain.outcomes.tenures import Tenure
from services.monitor.domain.rows import Indices
from understudy.contracts.signature import Target
from understudy.profiles.arrays import Counts, Floats

_NOBODY: Final = 0
"""Versions are numbered from 1."""
_HALF: Final = 32
"""Bits of the number of a tenure, where it stands beside a version's in one integer."""


class Stated(NamedTuple):
    """A label event. The latest counts; of two that came at once, the one whose text is greater.

    A tuple: made and compared for each label that comes.
    """

    received_at: float
    text: str
    """The label as JSON; only a digest of one that is refused."""
    value: float | None
    """In the signature's terms; None: it is none of the target's values."""


@dataclass(frozen=True, slots=True)
class Trait:
    """The value of a protected attribute; None once it was forgotten, for good."""

    received_at: float
    value: str | None

    def or_later(self, other: "Trait") -> "Trait":
        """Which of two events counts."""
        if self.value is None or other.value is None:
            return Trait(self.received_at, None)
        mine, theirs = (self.received_at, self.value), (other.received_at, other.value)
        return self if mine >= theirs else other


class Facts:
    """Everything known of n predictions. It grows until it is read."""

    def __init__(self, ids: Iterable[str], target: Target) -> None:
        self._places = {name: place for place, name in enumerate(dict.fromkeys(ids))}
        self._target = target
        rows = len(self._places)
        self.main: Counts = np.zeros(rows, dtype=np.int64)
        """Who answered as main; 0 while the prediction itself is not known."""
        self.tenures: Counts = np.zeros(rows, dtype=np.int64)
        """The number of the tenure under which the prediction was taken up: release and terms."""
        self._at: dict[int, Floats] = {}
        self.answers: dict[int, Answers] = {}
        """By challenger; 0 stands for the main, whoever it was."""
        self.stated: dict[int, frozenset[Stated]] = {}
        self.traits: dict[int, dict[str, Trait]] = {}

    @property
    def ids(self) -> Sequence[str]:
        """In the order of the columns."""
        return [*self._places]

    @property
    def at(self) -> Floats:
        """When each was answered."""
        return self._at.get(_NOBODY, np.zeros(self.main.size))

    def copy(self) -> "Facts":
        """One that may grow while this one stays."""
        other = Facts((), self._target)
        other._places = self._places
        other.main, other.tenures = self.main.copy(), self.tenures.copy()
        other._at = {who: held.copy() for who, held in self._at.items()}
        other.answers = {
            who: held.take(np.arange(self.main.size)) for who, held in self.answers.items()
        }
        other.stated = dict(self.stated)
        other.traits = {place: dict(held) for place, held in self.traits.items()}
        return other

    def places(self, ids: Sequence[str]) -> Indices:
        """Where predictions stand. All of them are among these."""
        return np.fromiter(map(self._places.__getitem__, ids), np.intp, len(ids))

    def place(self, prediction_id: str) -> int:
        """Where one stands."""
        return self._places[prediction_id]

    def add_predictions(
        self,
        places: Indices,
        main: "int | Counts",
        tenures: "int | Counts",
        at: Floats,
        said: Answers,
    ) -> None:
        """Predictions that were not known, or not as they are."""
        self.main[places], self.tenures[places] = main, tenures
        self._add_answers(_NOBODY, places, at, said)

    def add_pairs(self, challenger: int, places: Indices, at: Floats, said: Answers) -> None:
        """Answers of a challenger that were not known, or not as they are."""
        self._add_answers(challenger, places, at, said)

    def unanswered(self, challenger: int, places: Indices) -> Indices:
        """Which of the given places (by their position) the challenger has not answered."""
        held = self.answers.get(challenger)
        unknown = np.ones(places.size, dtype=bool) if held is None else ~held.asked[places]
        return np.flatnonzero(unknown)

    def prediction_rank(self, place: int, book: Mapping[int, Tenure]) -> Rank:
        """Of the main's answer to a prediction that is known."""
        release, main = book[int(self.tenures[place])].release, int(self.main[place])
        return rank(self.answers[_NOBODY], place, float(self.at[place]), release, main)

    def pair_rank(self, challenger: int, place: int) -> Rank:
        """Of a challenger's answer that is known."""
        at = float(self._at[challenger][place])
        return rank(self.answers[challenger], place, at, 0, challenger)

    def add_label(self, place: int, event: Stated) -> bool:
        """Whether the event is new."""
        known = self.stated.get(place)
        if known is None:
            self.stated[place] = frozenset((event,))
            return True
        self.stated[place] = known | {event}
        return event not in known

    def add_trait(self, place: int, attribute: str, trait: Trait) -> bool:
        """Whether the attribute has another value now."""
        held = self.traits.setdefault(place, {})
        before = held.get(attribute)
        held[attribute] = trait if before is None else before.or_later(trait)
        return held[attribute] != before

    def tallies(self, book: Mapping[int, Tenure]) -> dict[CohortId, CohortTally]:
        """What the predictions that are known count for."""
        found: dict[CohortId, CohortTally] = {}
        for rows in self.joined(book):
            for cohort, counted in tally(rows).items():
                found[cohort] = found[cohort] + counted if cohort in found else counted
        return found

    def joined(self, book: Mapping[int, Tenure]) -> Iterator[JoinedRows]:
        """Rows by main, release and terms."""
        kinds = (self.main << _HALF) + self.tenures
        found = np.unique(kinds[self.main != _NOBODY]).tolist()
        everything = self._labelled() if found else None
        for kind in found:
            main, number = divmod(kind, 1 << _HALF)
            places = np.flatnonzero(kinds == kind)
            yield self._rows(main, book[number], *everything or ()).take(places)

    def standing(self) -> Standing:
        """What the facts add to what is known beside tallies."""
        unknown = self.main == _NOBODY
        lost = {place for place, events in self.stated.items() if unknown[place] and latest(events)}
        there = [_said(events) for events in self.stated.values()]
        return Standing(
            parked=len(lost),
            corrected=sum(len(set(said)) > 1 for said in there),
            duplicates=sum(len(said) - len(set(said)) for said in there),
            refused=sum(event.value is None for events in self.stated.values() for event in events),
            parked_pairs=sum(
                int((held.asked & unknown).sum())
                for who, held in self.answers.items()
                if who != _NOBODY
            ),
            parked_protected=sum(
                trait.value is not None
                for place, held in self.traits.items()
                if unknown[place]
                for trait in held.values()
            ),
        )

    def _add_answers(self, who: int, places: Indices, at: Floats, said: Answers) -> None:
        held = self.answers.get(who)
        if held is None:
            held = _nothing(self.main.size, len(self._target.classes))
            self.answers[who], self._at[who] = held, np.zeros(self.main.size)
        self._at[who][places] = at
        held.values[places], held.asked[places] = said.values, said.asked
        if held.probabilities is not None:
            # What is replaced may have had some where the new answer has none.
            held.probabilities[places] = (
                np.nan if said.probabilities is None else said.probabilities
            )

    def _labelled(self) -> tuple[Floats, Floats, dict[int, Attributes]]:
        labels, received = np.full(self.main.size, np.nan), np.full(self.main.size, np.nan)
        for place, events in self.stated.items():
            found = latest(events)
            if found is not None and found.value is not None:
                labels[place] = found.value
                received[place] = (
                    found.received_at
                    if len(events) == 1
                    else min(e.received_at for e in events if e.value is not None)
                )
        return labels, received, self._attributes()

    def _attributes(self) -> dict[int, Attributes]:
        found = {
            place: {name: trait.value for name, trait in held.items() if trait.value is not None}
            for place, held in self.traits.items()
        }
        return {place: attributes for place, attributes in found.items() if attributes}

    def _rows(
        self,
        main: int,
        tenure: Tenure,
        labels: Floats,
        received_at: Floats,
        protected: Mapping[int, Attributes],
    ) -> JoinedRows:
        rivals = {who: said for who, said in self.answers.items() if who not in {_NOBODY, main}}
        return JoinedRows(
            main=main,
            release=tenure.release,
            terms=tenure.terms,
            target=self._target,
            ids=self.ids,
            at=self.at,
            answers={main: self.answers[_NOBODY], **rivals},
            labels=labels,
            received_at=received_at,
            protected=protected,
        )


def latest(events: frozenset[Stated]) -> Stated | None:
    """The label event that counts; None without any that the target can be."""
    if len(events) == 1:  # nearly always
        (event,) = events
        return None if event.value is None else event
    return max(
        (event for event in events if event.value is not None),
        key=lambda event: (event.received_at, event.text),
        default=None,
    )


def _said(events: Iterable[Stated]) -> list[float]:
    return [event.value for event in events if event.value is not None]


def _nothing(rows: int, classes: int) -> Answers:
    chances = np.full((rows, classes), np.nan) if classes else None
    return Answers(np.full(rows, np.nan), chances, np.zeros(rows, dtype=bool))
