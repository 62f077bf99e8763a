"""The likeliest that counts can be under any distribution that a reference sample allows.

Formula: sup of Σ c_k·ln q_k over all q with KL(r‖q) ≤ δ, for live counts c and the reference's
shares r. By Lagrange duality it is at most D(μ) = Σ c_k·ln q_k + μ·(δ - KL(r‖q)) with
q = (c + μ·r)/(n + μ), for every μ ≥ 0, and equals the least of them. The radius is
δ = (√(χ²_{1-β}(K - 1)/2m) + √τ)²: the confidence ball of m reference rows, widened by τ.
Source: Wilks (1938) for 2m·KL(r‖q) ~ χ²; Wasserman, Ramdas & Balakrishnan, "Universal inference",
2020, for what the supremum is good for; weak duality.
Guarantee: whatever μ the search ends at, D(μ) is an upper bound, so that evidence divided by it is
never too large. Adding roots of divergences is exact for small ones only (√KL is about a metric).
K counts all bins, also those without a reference row: with the others alone the ball of a sparse
table misses far too often (measured in `docs/statistics/drift.md`).
Assumes: the reference's rows are exchangeable with each other, or m was divided by a design effect.
"""

from typing import Final

import numpy as np
from scipy.special import chdtri

from services.monitor.domain.statistics.segments import Segments
from understudy.profiles.arrays import Floats

STEPS: Final = 4
"""Newton steps for ln μ; the bound is off by less than 1e-6."""


def radius(rows: Floats, bins: Floats, tolerance: float, chance: float) -> Floats:
    """δ in nats, where the true distribution lies beyond the ball with that chance at most."""
    spread = chdtri(np.maximum(bins - 1.0, 1.0), chance) / (2.0 * np.maximum(rows, 1.0))
    return np.asarray((np.sqrt(spread) + np.sqrt(tolerance)) ** 2)


def log_likelihood_bound(counts: Floats, shares: Floats, radii: Floats, tables: Segments) -> Floats:
    """For each table, the bound in nats; where the counts' own shares are inside, their own."""
    rows = tables.sums(counts)
    price = _begin(counts, shares, radii, rows, tables)
    entropy = tables.sums(shares * _log(shares))
    for _ in range(STEPS):
        mixed, total = counts + tables.spread(price) * shares, rows + price
        apart = entropy - tables.sums(shares * _log(mixed)) + np.log(total)
        slope = 1.0 / total - tables.sums(shares * shares / np.maximum(mixed, _TINY))
        # Newton on ln KL as a function of ln μ: from the right it never leaves the right side.
        apart = np.maximum(apart, _TINY)
        step = apart * np.log(apart / radii) / np.minimum(price * slope, -_TINY)
        price = price * np.exp(-np.clip(step, -3.0, 3.0))
    return _dual(counts, shares, radii, price, tables)


def _begin(counts: Floats, shares: Floats, radii: Floats, rows: Floats, tables: Segments) -> Floats:
    """μ by the quadratic approximation of the divergence."""
    gaps = counts / tables.spread(np.maximum(rows, 1.0)) - shares
    squares = tables.sums(gaps * gaps / np.maximum(shares, 1e-4))
    return np.asarray(rows * np.maximum(np.sqrt(squares / (2.0 * radii)) - 1.0, 1e-3) + _TINY)


def _dual(counts: Floats, shares: Floats, radii: Floats, price: Floats, tables: Segments) -> Floats:
    total = tables.sums(counts) + price
    mixed = (counts + tables.spread(price) * shares) / tables.spread(total)
    logs = _log(mixed)
    apart = tables.sums(shares * (_log(shares) - logs))
    return np.asarray(tables.sums(counts * logs) + price * (radii - apart))


def _log(values: Floats) -> Floats:
    """ln, where 0 stands for a factor of 0 beside it."""
    return np.asarray(np.log(np.maximum(values, _TINY)))


_TINY: Final = 1e-300
