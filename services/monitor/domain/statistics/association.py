"""A classifier of live against reference rows that knows how features go together, nothing else.

Formula: for a pair of features with joint counts L (live) and M (reference) over 5 × 5 codes,
s = dc ln(L + ½) - dc ln(M + ½), where dc takes row and column means off: the difference of the
interaction terms of two log-linear models. Its size is X² = Σ s² / (1/(L + ½) + 1/(M + ½)); a pair
counts when X² is beyond what 0.2 pairs of all would reach by chance (χ², 16 degrees of freedom), at
most the 8 largest do, and each is shrunk by 1 - 16/X². A row's score is tanh of half the sum of its
pairs' s: 1 for "surely live", -1 for "surely reference", 0 where no pair counts.
Source: log-linear models (Bishop, Fienberg & Holland 1975, ch. 2: interaction terms don't change
when rows and columns are reweighted); naive Bayes over pairs; James-Stein shrinkage.
Guarantee: none by itself: it is bet with (see `interaction`), and a bad one loses.
Assumes: what changes shows in pairs of features. Three that go together while each two of them
don't are not seen.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.special import chdtri

from services.monitor.domain.arrays import Floats
from services.monitor.domain.statistics.coding import CODES, NONE, Codes

Joint = NDArray[np.float32]
"""(features, codes, features, codes): how many rows have both codes."""
_MOST_PAIRS: Final = 8
_FREEDOM: Final = (CODES - 1) ** 2
_BY_CHANCE: Final = 0.2


@dataclass(frozen=True, slots=True, eq=False)
class Pair:
    """Two features that go together otherwise than in the reference."""

    first: int
    second: int
    strength: float
    """X²."""
    scores: Floats
    """By the codes of both; 0 where either is missing."""


def joint_counts(codes: Codes) -> Joint:
    """Of all pairs of features at once: one matrix product. They add."""
    rows, features = codes.shape
    flags = np.zeros((rows, features, CODES + 1), dtype=np.float32)
    np.put_along_axis(flags, codes[:, :, None], 1.0, axis=2)
    flat = np.ascontiguousarray(flags[:, :, :CODES]).reshape(rows, features * CODES)
    return (flat.T @ flat).reshape(features, CODES, features, CODES)


def changed_pairs(live: Joint, reference: Joint) -> tuple[Pair, ...]:
    """The pairs that count, the strongest first."""
    first, second = np.triu_indices(live.shape[0], 1)
    if not first.size:
        return ()
    ours, theirs = live[first, :, second, :] + 0.5, reference[first, :, second, :] + 0.5
    scores = _interaction(ours) - _interaction(theirs)
    strengths = (scores**2 / (1 / ours + 1 / theirs)).sum(axis=(1, 2))
    least = float(chdtri(_FREEDOM, _BY_CHANCE / first.size))
    chosen = [at for at in np.argsort(-strengths)[:_MOST_PAIRS] if strengths[at] > least]
    return tuple(
        Pair(
            int(first[at]),
            int(second[at]),
            float(strengths[at]),
            _shrunk(scores[at], strengths[at]),
        )
        for at in chosen
    )


def row_scores(pairs: tuple[Pair, ...], codes: Codes) -> Floats:
    """One in (-1, 1) for each row."""
    total = np.zeros(codes.shape[0])
    for pair in pairs:
        total += pair.scores[codes[:, pair.first], codes[:, pair.second]]
    return np.asarray(np.tanh(total / 2))


def _interaction(counts: NDArray[np.float32]) -> Floats:
    """Logarithms less the means of their rows and columns."""
    logs: Floats = np.log(counts.astype(np.float64))
    rows, columns = logs.mean(axis=2, keepdims=True), logs.mean(axis=1, keepdims=True)
    return np.asarray(logs - rows - columns + rows.mean(axis=1, keepdims=True))


def _shrunk(scores: Floats, strength: float) -> Floats:
    found = np.zeros((NONE + 1, NONE + 1))
    found[:CODES, :CODES] = scores * (1 - _FREEDOM / strength)
    return found
