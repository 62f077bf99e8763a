"""What the monitor will hold live rows against: read by the code that the monitor reads it with."""

from itertools import pairwise
from pathlib import Path
from typing import Any, Final

import numpy as np
from pyarrow import parquet

from services.registry.adapters.reviewing.subject import LeftOutError, Subject
from understudy.contracts.reviews import MonitoredFeature, MonitorReference
from understudy.contracts.vocabulary import DriftStrata
from understudy.profiles.bins import FIRST_BIN, MISSING, Bins, NumberBins
from understudy.profiles.errors import UnusableReferenceError
from understudy.profiles.reading import read_reference
from understudy.profiles.reference import FeatureProfile, Reference
from understudy.profiles.sample_times import Ordering

MOST_ROWS: Final = 200_000
"""As many as the monitor reads unless it is told otherwise."""
_TENTHS: Final = 10


def monitor_of(subject: Subject) -> MonitorReference:
    """Bins, counts, shares of what is missing or new, design effect, calibration of the scores.

    Raises LeftOutError.
    """
    task = subject.task
    ordering = Ordering(task.time_column)
    try:
        found = read_reference(Path(task.reference.path), subject.signature, MOST_ROWS, ordering)
    except UnusableReferenceError as error:
        raise LeftOutError(str(error)) from error
    return MonitorReference(
        fingerprint=found.fingerprint,
        rows=found.rows,
        features=tuple(_feature(profile, found.rows) for profile in found.features),
        design_effect=_design_effect(found),
        scores=_scores(subject),
    )


def _feature(profile: FeatureProfile, rows: int) -> MonitoredFeature:
    counts = [int(count) for count in profile.counts]
    return MonitoredFeature(
        feature=profile.name,
        bins=_names(profile.bins),
        counts=tuple(counts[FIRST_BIN:]),
        missing=counts[MISSING] / max(rows, 1),
        # Good and Turing: as likely as a row whose category occurs once.
        unseen=float(profile.rare[0]) / max(rows, 1),
    )


def _names(bins: Bins) -> tuple[str, ...]:
    if isinstance(bins, NumberBins):
        edges = [f"{edge:.6g}" for edge in bins.names]
        return tuple(f"{low} to {high}" for low, high in pairwise(edges))
    return bins.names


def _design_effect(found: Reference) -> float | None:
    """Of the feature whose rows vary together most."""
    if found.timing is None:
        return None
    return float(found.timing.effects[DriftStrata.NONE].max(initial=1.0))


def _scores(subject: Subject) -> tuple[tuple[float, float, int], ...]:
    """Tenths of the baseline's answers by score: mean score, share that came true, rows."""
    if subject.task.baseline is None or not subject.classification:
        return ()
    table = parquet.read_table(subject.task.baseline)
    if "p0" not in table.column_names:
        return ()
    score, true = _told(table, subject.positive)
    known = np.isfinite(score) & np.isfinite(true)
    order = np.argsort(score[known], kind="stable")
    tenths = np.array_split(order, _TENTHS)
    return tuple(
        (float(score[known][at].mean()), float(true[known][at].mean()), int(at.size))
        for at in tenths
        if at.size
    )


def _told(table: Any, positive: int | None) -> tuple[Any, Any]:
    """The positive class's probability and whether it was that; of several, the answered one's."""
    labels = table["label"].to_numpy()
    if positive is not None:
        came = np.where(np.isfinite(labels), labels == positive, np.nan)
        return table[f"p{positive}"].to_numpy(), came
    values = table["value"].to_numpy()
    names = [name for name in table.column_names if name[0] == "p" and name[1:].isdigit()]
    chances = np.column_stack([table[name].to_numpy() for name in names])
    answered = chances[np.arange(values.size), values.astype(np.intp)]
    return answered, np.where(np.isfinite(labels), labels == values, np.nan)
