"""How far live values moved from the reference: the debiased PSI and Jensen-Shannon divergence.

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

Formula: JS = ½·KL(p‖a) + ½·KL(q‖a) with a = (p + q)/2, less (K - 1)·(1/n + 1/m)/8; p, q as above.
Source: Lin, "Divergence measures based on the Shannon entropy", 1991; to second order JS is PSI/8.
Guarantee: as above; 0 to ln 2, hence of one scale for every feature.
"""

import numpy as np

from understudy.profiles.arrays import Counts, Floats


def debiased_psi(live: Counts | Floats, reference: Counts | Floats) -> float | None:
    """In nats; about 0 without drift, may be negative; absent when a sample is empty."""
    if not live.sum() or not reference.sum():
        return None
    p, q, bias = _shares(live, reference)
    return float(((p - q) * np.log(p / q)).sum()) - bias


def debiased_js(live: Counts | Floats, reference: Counts | Floats) -> float | None:
    """In nats; about 0 without drift, may be negative; absent when a sample is empty."""
    if not live.sum() or not reference.sum():
        return None
    p, q, bias = _shares(live, reference)
    middle = (p + q) / 2
    return float((p * np.log(p / middle) + q * np.log(q / middle)).sum()) / 2 - bias / 8


def _shares(live: Counts | Floats, reference: Counts | Floats) -> tuple[Floats, Floats, float]:
    """Both samples' shares of the bins that either uses, and PSI's expectation without drift."""
    used = (live + reference) > 0
    n, m, bins = float(live.sum()), float(reference.sum()), int(used.sum())
    p = np.asarray((live[used] + 0.5) / (n + 0.5 * bins))
    q = np.asarray((reference[used] + 0.5) / (m + 0.5 * bins))
    return p, q, (bins - 1) * (1 / n + 1 / m)
