"""What a candidate would have done: its answers to known predictions, counted like live ones.

Tallies of a replay are its own and never added to those of live traffic.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from services.monitor.domain.deciding.terms import Terms
from services.monitor.domain.outcomes.coding import Codes
from services.monitor.domain.outcomes.facts import Answers, JoinedRows
from services.monitor.domain.outcomes.tallies import CohortId, CohortTally
from services.monitor.domain.outcomes.tallying import tally
from services.monitor.domain.rows import Responses


@dataclass(frozen=True, slots=True)
class Candidate:
    """Who is compared with whom, on which terms."""

    main: int
    version: int
    terms: Terms
    release: int
    """The present one: rows of all releases are counted as if they were its."""


@dataclass(frozen=True, slots=True)
class Replayed:
    """What was counted so far; adds up."""

    rows: int = 0
    compared: int = 0
    young: int = 0
    unlabelled: int = 0
    unknown: int = 0
    cohorts: Mapping[CohortId, CohortTally] = field(default_factory=dict)

    def __add__(self, other: "Replayed") -> "Replayed":
        cohorts = dict(self.cohorts)
        for name, found in other.cohorts.items():
            cohorts[name] = cohorts[name] + found if name in cohorts else found
        return Replayed(
            self.rows + other.rows,
            self.compared + other.compared,
            self.young + other.young,
            self.unlabelled + other.unlabelled,
            self.unknown + other.unknown,
            cohorts,
        )


def replayed(
    candidate: Candidate,
    known: Sequence[JoinedRows],
    ids: Sequence[str],
    responses: Responses,
    now: float,
) -> Replayed:
    """Count answers to some predictions of which `known` is whatever is known."""
    places = {name: place for place, name in enumerate(ids)}
    found = Replayed(rows=len(ids))
    seen = 0
    for rows in known:
        if rows.main == candidate.main:
            order = np.array([places[name] for name in rows.ids], dtype=np.intp)
            answers = Codes(rows.target).answers(responses.take(order))
            seen += len(rows.ids)
            found += _counted(candidate, rows, answers, now)
    return replace(found, unknown=len(ids) - seen)


def _counted(candidate: Candidate, rows: JoinedRows, answers: Answers, now: float) -> Replayed:
    terms = candidate.terms
    starts = np.floor_divide(rows.at, terms.cohort_seconds) * terms.cohort_seconds
    mature = starts + terms.cohort_seconds <= terms.matured_until(now)
    labelled = np.isfinite(rows.labels)
    pair = replace(
        rows,
        release=candidate.release,
        terms=terms,
        answers={candidate.main: rows.answers[candidate.main], candidate.version: answers},
        protected={},
    )
    counted = tally(pair.take(np.flatnonzero(labelled)))
    return Replayed(
        compared=int((labelled & mature).sum()),
        young=int((labelled & ~mature).sum()),
        unlabelled=int((~labelled).sum()),
        cohorts={name: CohortTally(couples=found.couples) for name, found in counted.items()},
    )
