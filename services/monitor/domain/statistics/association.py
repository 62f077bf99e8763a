"""A classifier of live against reference rows that knows how features go together, nothing else.

Formula: for a pair of features with joint counts L (of one window) and M (reference) over up to
5 × 5 codes, s = dc(ln(L + ½) - ln(M + ½)), where dc takes row and column means off: the difference
of the interaction terms of two log-linear models, over codes that 5 rows of both samples have.
Windows are pooled cell by cell with weights L + ½; X² = Σ s²/(1/Σ(L + ½) + 1/(M + ½)). A pair
counts when X² is beyond what 0.2 of all pairs would reach by chance (χ² with f degrees of freedom,
f = (rows - 1)·(columns - 1)), with live rows coded by their own fifths *and* by the reference's.
The first is blind to a feature that moves, the second to rows that are drawn more often for one
feature's value, and pooling what was centred to features that move at the same time. The 8 largest
count at most, each shrunk by 1 - f/X². A row's score is tanh of half the sum of its pairs'
s: 1 for "surely live", -1 for "surely reference", 0 where no pair counts.
Source: log-linear models (Bishop, Fienberg & Holland 1975, ch. 2: interaction terms don't change
when rows and columns are reweighted); pooling of strata: Woolf 1955; naive Bayes over pairs;
James-Stein shrinkage.
Guarantee: none by itself: it is bet with (see `interaction`), and a bad one loses.
Assumes: what changes shows in pairs of features. Three that go together while each two of them
don't are not seen.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.special import chdtri

from services.monitor.domain.statistics.coding import CODES, NONE, Codes
from understudy.profiles.arrays import Floats

Singles = NDArray[np.float32]
_MOST_PAIRS: Final = 8
_BY_CHANCE: Final = 0.2
_FEWEST_ROWS: Final = 5


@dataclass(frozen=True, slots=True, eq=False)
class Pair:
    """Two features that go together otherwise than in the reference."""

    first: int
    second: int
    strength: float
    """X²."""
    scores: Floats
    """By the codes of both; 0 where either is missing."""


@dataclass(frozen=True, slots=True, eq=False)
class Comparison:
    """What windows say of all pairs; comparisons add."""

    weighted: Singles
    """(codings, pairs, codes, codes): Σ (L + ½)·s."""
    weights: Singles
    """Σ (L + ½); 0 in cells of codes that are hardly used."""

    def __add__(self, other: "Comparison") -> "Comparison":
        return Comparison(self.weighted + other.weighted, self.weights + other.weights)


def joint_counts(codes: Codes) -> Singles:
    """(pairs, codes, codes): how many rows have both; all pairs by one matrix product."""
    rows, features = codes.shape
    flags = np.zeros((rows, features, CODES + 1), dtype=np.float32)
    np.put_along_axis(flags, codes[:, :, None].astype(np.intp), 1.0, axis=2)
    flat = np.ascontiguousarray(flags[:, :, :CODES]).reshape(rows, features * CODES)
    counts = (flat.T @ flat).reshape(features, CODES, features, CODES)
    first, second = np.triu_indices(features, 1)
    return np.asarray(counts[first, :, second, :])


def compare(codings: tuple[Codes, ...], reference: Singles) -> Comparison:
    """One window, coded in one or several ways, with the reference's joint counts."""
    parts = [_compare(joint_counts(codes), reference) for codes in codings]
    return Comparison(*(np.stack(part) for part in zip(*parts, strict=True)))


def changed_pairs(found: Comparison, reference: Singles) -> tuple[Pair, ...]:
    """The pairs that count, the strongest first. Scores are for the first coding."""
    if not reference.size:
        return ()
    scores = found.weighted / np.maximum(found.weights, 0.5)
    used = found.weights > 0
    inverse = 1.0 / np.maximum(found.weights, 0.5) + 1.0 / (reference + 0.5)
    strengths = (scores**2 / inverse).sum(axis=(2, 3))
    freedom = np.maximum((_codes_used(used, 3) - 1) * (_codes_used(used, 2) - 1), 1)
    excess = (strengths / chdtri(freedom, _BY_CHANCE / len(reference))).min(axis=0)
    chosen = [at for at in np.argsort(-excess)[:_MOST_PAIRS] if excess[at] > 1.0]
    first, second = np.triu_indices(_features(len(reference)), 1)
    shrunk = 1.0 - freedom[0] / np.maximum(strengths[0], freedom[0])
    return tuple(
        Pair(
            first=int(first[at]),
            second=int(second[at]),
            strength=float(strengths[0, at]),
            scores=_padded(scores[0, at] * shrunk[at]),
        )
        for at in chosen
    )


def row_scores(pairs: tuple[Pair, ...], codes: Codes) -> Floats:
    """One in (-1, 1) for each row."""
    total = np.zeros(codes.shape[0])
    for pair in pairs:
        total += pair.scores[codes[:, pair.first], codes[:, pair.second]]
    return np.asarray(np.tanh(total / 2))


def _compare(live: Singles, reference: Singles) -> tuple[Singles, Singles]:
    """The weighted scores, and the weights."""
    down, across = (_used(live, reference, axis) for axis in (2, 1))
    weights = (live + np.float32(0.5)) * down * across
    scores = _centred(np.log(live + 0.5) - np.log(reference + 0.5), down, across)
    return weights * scores, weights


def _used(live: Singles, reference: Singles, axis: int) -> Singles:
    """1 for each code of one feature that both samples have rows of."""
    fewest = np.minimum(live.sum(axis=axis, keepdims=True), reference.sum(axis=axis, keepdims=True))
    return np.asarray(fewest >= _FEWEST_ROWS, dtype=np.float32)


def _centred(values: Singles, down: Singles, across: Singles) -> Singles:
    """Less the means of rows and of columns, over the used ones; 0 in all others."""
    rows, columns = (np.maximum(one.sum(axis=(1, 2), keepdims=True), 1.0) for one in (down, across))
    by_row = (values * across).sum(axis=2, keepdims=True) / columns
    by_column = (values * down).sum(axis=1, keepdims=True) / rows
    whole = (by_row * down).sum(axis=1, keepdims=True) / rows
    return np.asarray((values - by_row - by_column + whole) * down * across, dtype=np.float32)


def _codes_used(used: NDArray[np.bool_], axis: int) -> NDArray[np.int64]:
    return np.asarray(used.any(axis=axis).sum(axis=-1))


def _features(pairs: int) -> int:
    return int((1 + np.sqrt(1 + 8 * pairs)) / 2)


def _padded(scores: Singles) -> Floats:
    """With zeros for rows in which either feature is missing."""
    found = np.zeros((NONE + 1, NONE + 1))
    found[:CODES, :CODES] = scores
    return found
