"""Decoded tallies, kept while their rows stay the same: whoever judges asks every few seconds."""

import threading
from collections.abc import Iterator, Mapping
from typing import Any, Final

import numpy as np
from sqlalchemy import Connection

from services.monitor.adapters.outcome_store.cohorts import read_changed
from services.monitor.domain.outcomes.tallies import CohortId, CohortTally

_MOST_BYTES: Final = 48 * 1024**2
"""That all kept tallies take; who was not asked for longest goes first."""
_BYTES_BESIDE: Final = 4_096
"""What a tally takes beside its vectors of counts, roughly."""

_Held = Mapping[CohortId, tuple[int, CohortTally]]


class TallyCache:
    """By deployment and cohort, with the revision that was read."""

    def __init__(self, most_bytes: int = _MOST_BYTES) -> None:
        self._most_bytes = most_bytes
        self._held: dict[int, _Held] = {}
        self._bytes: dict[int, int] = {}
        self._changing = threading.Lock()

    def read(
        self, connection: Connection, deployment: int, since: float
    ) -> dict[CohortId, CohortTally]:
        """Of the cohorts that end after a time."""
        held = self._held.get(deployment, {})
        known = {cohort: revision for cohort, (revision, _) in held.items()}
        revisions, changed = read_changed(connection, deployment, since, known)
        found = {
            cohort: changed[cohort] if cohort in changed else held[cohort][1]
            for cohort in revisions
        }
        older = {c: pair for c, pair in held.items() if c.start + c.seconds <= since}
        fresh = {cohort: (revisions[cohort], tally) for cohort, tally in found.items()}
        self._keep(deployment, {**older, **fresh})
        return found

    def _keep(self, deployment: int, held: _Held) -> None:
        taken = sum(bytes_of(tally) for _, tally in held.values())
        with self._changing:
            self._let_go(deployment)
            while self._held and sum(self._bytes.values()) + taken > self._most_bytes:
                self._let_go(next(iter(self._held)))
            if taken <= self._most_bytes:
                self._held[deployment], self._bytes[deployment] = held, taken

    def _let_go(self, deployment: int) -> None:
        self._held.pop(deployment, None)
        self._bytes.pop(deployment, None)


def bytes_of(tally: CohortTally) -> int:
    """Roughly what a tally takes in memory."""
    return _BYTES_BESIDE + sum(vector.nbytes for vector in _vectors(tally))


def _vectors(tally: CohortTally) -> Iterator[np.ndarray[Any, Any]]:
    for version in tally.versions.values():
        yield from (version.lag, version.losses.places, version.losses.counts)
        if version.classes is not None:
            yield from (version.classes.confusion, version.classes.scores)
            yield from (version.classes.answered, version.classes.answered_scores)
            yield version.classes.labelled_scores
    for couple in tally.couples.values():
        yield from (couple.differences.places, couple.differences.counts)
