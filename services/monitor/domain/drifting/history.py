"""Each feature's drift hour by hour, for charts."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

import numpy as np

from services.monitor.domain.accounting import MINUTE
from services.monitor.domain.cells import Cell, CellId
from services.monitor.domain.drift import debiased_psi
from understudy.profiles.arrays import Counts
from understudy.profiles.bins import BELOW
from understudy.profiles.reference import Reference

MOST_FEATURES: Final = 100


@dataclass(frozen=True, slots=True)
class DriftHistory:
    """Hours without rows are left out."""

    deployment: str
    hours: tuple[datetime, ...]
    rows: tuple[int, ...]
    features: Mapping[str, tuple[float | None, ...]]


def drift_history(
    deployment: str, cells: Mapping[CellId, Cell], reference: Reference, least_rows: int
) -> DriftHistory:
    """Of the features that drifted most; no figure from fewer values than the least."""
    hours = _by_hour(cells, reference.fingerprint)
    begins = sorted(hours)
    found = {
        profile.name: tuple(
            _psi(hours[hour][1][low:high], profile.counts, least_rows) for hour in begins
        )
        for profile, low, high in zip(
            reference.features, reference.offsets, reference.offsets[1:], strict=False
        )
    }
    ranked = sorted(found, key=lambda name: -max(filter(None, found[name]), default=-1.0))
    return DriftHistory(
        deployment=deployment,
        hours=tuple(datetime.fromtimestamp(hour * MINUTE, UTC) for hour in begins),
        rows=tuple(hours[hour][0] for hour in begins),
        features={name: found[name] for name in ranked[:MOST_FEATURES]},
    )


def _by_hour(cells: Mapping[CellId, Cell], fingerprint: str) -> dict[int, tuple[int, Counts]]:
    """Rows and tallies by the minute that an hour begins with."""
    found: dict[int, tuple[int, Counts]] = {}
    for name, cell in cells.items():
        if name.fingerprint == fingerprint and cell.rows:
            rows, counts = found.get(name.hour.minute, (0, np.zeros_like(cell.counts)))
            found[name.hour.minute] = rows + cell.rows, counts + cell.counts
    return found


def _psi(live: Counts, usual: Counts, least_rows: int) -> float | None:
    if live[BELOW:].sum() < least_rows:
        return None
    return debiased_psi(live[BELOW:], usual[BELOW:])
