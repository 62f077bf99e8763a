"""How much more batches of a time-ordered sample scatter than exchangeable rows would.

Formula: rows in the order of time are cut into B batches. With n_bk rows of batch b in bin k and
e_bk = Σ_s n_bs·p_sk what the batch's strata lead one to expect, the effect is Pearson's
Σ (n_bk - e_bk)²/e_bk over ((B - 1)·(K - 1)): 1 for exchangeable rows, the mean cluster size for
rows that come in clusters of alike ones. Waves of an ordered feature add up in one direction, so
the same is done to normal scores of the bins: Σ_b n_b·(mean_b - expected_b)²/variance over B - 1.
Both are measured at several sizes of batch, since slow waves show in large batches only; the
largest counts, when it is no chance effect (1 in 1000 for each).
Source: Kish (1965), design effect; Rao & Scott (1981): χ² divided by it is about χ² again.
Guarantee: none exactly. Counts divided by it have the variance that exchangeable rows would have,
as far as live rows are clustered like the sample's and not more.
Assumes: the sample is in the order of time, and long enough that waves repeat within it.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.special import chdtri, ndtri

from understudy.profiles.arrays import Floats

Places = NDArray[np.intp]

BATCHES: Final = (400, 100, 25)
LEAST_ROWS: Final = 10
"""Of a batch; smaller ones are not looked at."""
LEAST_EXPECTED: Final = 1.0
"""Rows of a bin in a batch on average; rarer bins join one."""
_CHANCE: Final = 1e-3


def design_effect(bins: Places, strata: Places | None = None) -> float:
    """Of the bins, from 0, that rows in the order of time fall into; at least 1."""
    layers = np.zeros(bins.size, dtype=np.intp) if strata is None else strata
    found = (
        effect(bins, layers, count)
        for count in BATCHES
        if bins.size // count >= LEAST_ROWS
        for effect in (_of_shares, _of_scores)
    )
    return max([1.0, *found])


def _of_shares(bins: Places, strata: Places, batches: int) -> float:
    """By Pearson's statistic over all bins."""
    coarse = _joined(bins, batches)
    width, layers = int(coarse.max()) + 1, int(strata.max()) + 1
    batch = _batch(bins.size, batches)
    seen = _table(batch, coarse, batches, width)
    shares = _table(strata, coarse, layers, width)
    shares /= np.maximum(shares.sum(axis=1, keepdims=True), 1.0)
    expected = _table(batch, strata, batches, layers) @ shares
    # A bin that none of a batch's strata holds is empty in the batch as well.
    squares = float(((seen - expected) ** 2 / np.maximum(expected, 1e-9)).sum())
    return _beyond_chance(squares, (batches - 1) * (width - 1))


def _of_scores(bins: Places, strata: Places, batches: int) -> float:
    """By the means of normal scores."""
    counts = np.bincount(bins)
    scores = ndtri((np.cumsum(counts) - counts / 2) / bins.size)[bins]
    means = np.bincount(strata, scores) / np.maximum(np.bincount(strata), 1)
    rest = scores - means[strata]
    batch = _batch(bins.size, batches)
    sums, rows = np.bincount(batch, rest), np.bincount(batch)
    variance = max(float(rest.var()), 1e-12)
    return _beyond_chance(float((sums**2 / rows).sum()) / variance, batches - 1)


def _beyond_chance(squares: float, freedom: int) -> float:
    """1 when so much may be chance."""
    if freedom == 0 or squares <= chdtri(freedom, _CHANCE):
        return 1.0
    return squares / freedom


def _batch(rows: int, batches: int) -> Places:
    return np.arange(rows) * batches // rows


def _joined(bins: Places, batches: int) -> Places:
    """Bins that are rare for the size of a batch share one."""
    counts = np.bincount(bins)
    rare = counts < LEAST_EXPECTED * batches
    names = np.where(rare, 0, np.cumsum(~rare))
    _, found = np.unique(names[bins], return_inverse=True)
    return np.asarray(found, dtype=np.intp)


def _table(rows: Places, columns: Places, height: int, width: int) -> Floats:
    counts = np.bincount(rows * width + columns, minlength=height * width)
    return counts.reshape(height, width).astype(np.float64)
