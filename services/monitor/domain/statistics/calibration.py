"""What a score means: the share of positive rows at each score, never falling with it.

Formula: isotonic regression, the non-decreasing shares closest to the observed ones in squared
error weighted by rows, by pooling adjacent violators. A bin without rows lies on the line between
its neighbours; beyond the last one, at its level.
Source: Ayer, Brunk, Ewing, Reid & Silverman, "An empirical distribution function for sampling with
incomplete information", 1955; Zadrozny & Elkan, "Transforming classifier scores into accurate
multiclass probability estimates", 2002.
Guarantee: the pooled shares average to the observed share.
Assumes: a higher score never means a lower chance. Counts may be weighted.
"""

import numpy as np

from understudy.profiles.arrays import Counts, Floats


def isotonic(hits: Floats | Counts, rows: Floats | Counts) -> Floats:
    """The share of hits by ascending bin; ½ everywhere without rows."""
    used = np.flatnonzero(rows > 0)
    if not used.size:
        return np.full(len(rows), 0.5)
    pools: list[tuple[float, float, int]] = []
    for at in used.tolist():
        pool = (float(hits[at]), float(rows[at]), 1)
        while pools and pools[-1][0] * pool[1] >= pool[0] * pools[-1][1]:
            before = pools.pop()
            pool = (before[0] + pool[0], before[1] + pool[1], before[2] + pool[2])
        pools.append(pool)
    levels = np.repeat([hit / row for hit, row, _ in pools], [bins for *_, bins in pools])
    return np.asarray(np.interp(np.arange(len(rows)), used, levels))
