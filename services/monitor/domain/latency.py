"""Latency as a histogram on fixed geometric edges.

Formula: the q-quantile lies in the first bucket whose cumulative count reaches q·n; within it, at
lo·(hi/lo)^f with f the share of the bucket's rows that it still needs.
Source: geometric interpolation is exact for a log-uniform density within the bucket.
Guarantee: off by at most one bucket's ratio (14 % for edges × 1.5); counts add, so windows and
versions merge. What it can't do: tell apart what lies beyond the last edge.
"""

from dataclasses import dataclass

import numpy as np

from understudy.profiles.arrays import Counts, Floats, zeros


@dataclass(frozen=True, slots=True, eq=False)
class LatencyTally:
    """Rows per bucket (the last one is beyond every edge), and the sum of their seconds."""

    counts: Counts
    seconds: float = 0.0

    def __add__(self, other: "LatencyTally") -> "LatencyTally":
        return LatencyTally(self.counts + other.counts, self.seconds + other.seconds)

    @property
    def rows(self) -> int:
        """How many rows were timed."""
        return int(self.counts.sum())


def no_latency(edges: Floats) -> LatencyTally:
    """Before any row was timed."""
    return LatencyTally(zeros(edges.size + 1))


def tally_latency(seconds: Floats, edges: Floats) -> LatencyTally:
    """Count each duration under the first edge that is not below it; durations must be finite."""
    timed = seconds[np.isfinite(seconds)]
    buckets = np.searchsorted(edges, timed, side="left")
    return LatencyTally(np.bincount(buckets, minlength=edges.size + 1), float(timed.sum()))


def quantile(tally: LatencyTally, edges: Floats, q: float) -> float | None:
    """The q-quantile in seconds; absent without rows, the last edge when it lies beyond it."""
    rows = tally.rows
    if rows == 0:
        return None
    cumulative = np.cumsum(tally.counts)
    bucket = int(np.searchsorted(cumulative, q * rows, side="left"))
    if bucket >= edges.size:
        return float(edges[-1])
    high = float(edges[bucket])
    low = float(edges[bucket - 1]) if bucket else high * high / float(edges[1])
    before = float(cumulative[bucket - 1]) if bucket else 0.0
    needed = (q * rows - before) / float(tally.counts[bucket])
    return float(low * (high / low) ** min(1.0, max(0.0, needed)))
