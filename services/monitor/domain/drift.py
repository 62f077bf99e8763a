"""How far live values moved from the reference: the debiased population stability index.

Formula: PSI = Σ_k (p_k - q_k)·ln(p_k/q_k) over the bins, with p = (c + ½)/(n + K/2) from the n live
rows and q alike from the m reference rows, less its expectation without drift,
(K - 1)·(1/n + 1/m), where K counts the bins that either sample uses.
Source: PSI is the symmetrised Kullback-Leibler divergence (Jeffreys 1946); to second order
n·m/(n + m) of it is χ² with K - 1 degrees of freedom when both samples share a distribution
(Yurdakul & Naranjo, "Statistical properties of the population stability index", 2020).
Guarantee: averages about 0 without drift whatever n, m and K, so windows of different size compare.
What it can't do: it is an effect size, not a test (no false-alarm rate; a single window scatters
with a standard deviation of about √(2(K - 1))·(1/n + 1/m)); it sees one feature at a time, and
nothing within a bin. Values outside the reference count as bins of their own; missing ones don't.
"""

import numpy as np

from services.monitor.domain.arrays import Counts


def debiased_psi(live: Counts, reference: Counts) -> float | None:
    """In nats; about 0 without drift, may be negative; absent when a sample is empty."""
    used = (live + reference) > 0
    n, m, bins = int(live.sum()), int(reference.sum()), int(used.sum())
    if n == 0 or m == 0:
        return None
    p = (live[used] + 0.5) / (n + 0.5 * bins)
    q = (reference[used] + 0.5) / (m + 0.5 * bins)
    index = float(((p - q) * np.log(p / q)).sum())
    return index - (bins - 1) * (1 / n + 1 / m)
