"""Decoded tallies, kept while their rows stay the same: whoever judges asks every few seconds."""

import threading
from collections.abc import Mapping
from typing import Final

from sqlalchemy import Connection

from services.monitor.adapters.outcome_store.cohorts import read_changed
from services.monitor.domain.outcomes.tallies import CohortId, CohortTally

_DEPLOYMENTS: Final = 64
"""Of which tallies are kept; who was not asked for longest goes first."""

_Held = Mapping[CohortId, tuple[int, CohortTally]]


class TallyCache:
    """By deployment and cohort, with the revision that was read."""

    def __init__(self) -> None:
        self._held: dict[int, _Held] = {}
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
        with self._changing:
            self._held.pop(deployment, None)
            while len(self._held) >= _DEPLOYMENTS:
                del self._held[next(iter(self._held))]
            self._held[deployment] = held
