"""How features go together."""

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata

from services.registry.adapters.inspection.sample import evenly
from services.registry.adapters.reviewing.subject import LeftOutError, Subject
from understudy.contracts.reviews import Correlations
from understudy.inference.scored import Floats

_MOST_FEATURES: Final = 40
_MOST_ROWS: Final = 20_000
_FEWEST_ROWS: Final = 10
_MOST_CATEGORIES: Final = 50
Codes = NDArray[np.intp]


def correlations(subject: Subject) -> Correlations:
    """Between the first 40 features of the signature, of at most 20,000 rows of the reference.

    Two numbers: Spearman's coefficient. Two categories: Cramér's V, corrected for its bias
    (Bergsma 2013). One of each: the correlation ratio η of the number's ranks, corrected for its
    bias (Kelley's ε, 1935). Each from the rows that have both values, ranks from all rows that have
    the number; of the rarer categories those beyond 49 are one. None where fewer than 10 rows have
    both or where one of them is constant.

    Raises LeftOutError with fewer than two features, or fewer than 10 rows.
    """
    features = subject.signature.features[:_MOST_FEATURES]
    places = evenly(np.arange(len(subject.reference.rows)), _MOST_ROWS)
    if len(features) < 2:
        raise LeftOutError("there is one feature only")
    if places.size < _FEWEST_ROWS:
        raise LeftOutError(f"the reference sample has fewer than {_FEWEST_ROWS} rows")
    rows = subject.reference.rows.at(places)
    numeric = np.array([feature.numeric for feature in features])
    values = np.full((len(features), len(features)), np.nan)
    numbers = [_ranked(column) for column in rows.numbers.T[: int(numeric.sum())]]
    codes = [_coded(texts) for texts in rows.texts[: int((~numeric).sum())]]
    with np.errstate(all="ignore"):
        if numbers:
            values[np.ix_(numeric, numeric)] = _spearman(np.column_stack(numbers))
        values[np.ix_(~numeric, ~numeric)] = [[_cramer(a, b) for b in codes] for a in codes]
        mixed = np.array([[_ratio(a, b) for b in numbers] for a in codes])
        values[np.ix_(~numeric, numeric)] = mixed.reshape(len(codes), len(numbers))
        values[np.ix_(numeric, ~numeric)] = mixed.reshape(len(codes), len(numbers)).T
    return Correlations(
        names=tuple(feature.name for feature in features),
        values=tuple(tuple(map(_shown, row)) for row in values.tolist()),
    )


def _shown(value: float) -> float | None:
    return min(1.0, max(-1.0, value)) if np.isfinite(value) else None


def _ranked(values: Floats) -> Floats:
    """Ranks about 0, between -1/2 and 1/2; NaN where missing. Infinities are the outermost."""
    ranks = np.full(values.size, np.nan)
    present = ~np.isnan(values)
    if present.any():
        ranks[present] = rankdata(values[present]) / present.sum()
        ranks -= np.nanmean(ranks)
    return ranks


def _coded(texts: list[str | None]) -> Codes:
    """Numbers of categories from 0, the commonest first; -1 where missing."""
    counts: dict[str, int] = {}
    for text in texts:
        if text is not None:
            counts[text] = counts.get(text, 0) + 1
    order = sorted(counts, key=lambda text: (-counts[text], text))
    code = {text: min(place, _MOST_CATEGORIES - 1) for place, text in enumerate(order)}
    return np.array([-1 if text is None else code[text] for text in texts], dtype=np.intp)


def _spearman(ranks: Floats) -> Floats:
    there = np.isfinite(ranks)
    found, mask = np.where(there, ranks, 0.0), there.astype(np.float64)
    rows = mask.T @ mask
    sums, squares = found.T @ mask, (found**2).T @ mask
    spreads = rows * squares - sums**2
    products = rows * (found.T @ found) - sums * sums.T
    # Rounding leaves a little of a spread that is none.
    spreads = np.where(spreads > 1e-9 * rows**2, spreads, np.nan)
    result: Any = np.where(rows >= _FEWEST_ROWS, products / np.sqrt(spreads * spreads.T), np.nan)
    return np.asarray(result, dtype=np.float64)


def _cramer(one: Codes, other: Codes) -> float:
    both = (one >= 0) & (other >= 0)
    rows = int(both.sum())
    if rows < _FEWEST_ROWS:
        return np.nan
    width = _MOST_CATEGORIES
    table = np.bincount(one[both] * width + other[both], minlength=width * width)
    table = table.reshape(width, width)
    table = table[table.any(axis=1)][:, table.any(axis=0)]
    if min(table.shape) < 2:
        return np.nan
    expected = np.outer(table.sum(axis=1), table.sum(axis=0)) / rows
    phi = float(((table - expected) ** 2 / expected).sum()) / rows
    high, wide = (int(size) for size in table.shape)
    phi = max(0.0, phi - (high - 1) * (wide - 1) / (rows - 1))
    least = min(high - (high - 1) ** 2 / (rows - 1), wide - (wide - 1) ** 2 / (rows - 1)) - 1
    return float(np.sqrt(phi / least)) if least > 0 else np.nan


def _ratio(codes: Codes, ranks: Floats) -> float:
    both = (codes >= 0) & np.isfinite(ranks)
    rows, found, values = int(both.sum()), codes[both], ranks[both]
    if rows < _FEWEST_ROWS:
        return np.nan
    counts = np.bincount(found, minlength=_MOST_CATEGORIES)
    sums = np.bincount(found, weights=values, minlength=_MOST_CATEGORIES)
    used = counts > 0
    total = float(((values - values.mean()) ** 2).sum())
    groups = int(used.sum())
    if groups < 2 or rows <= groups or total <= 1e-9 * rows:
        return np.nan
    between = float((counts[used] * (sums[used] / counts[used] - values.mean()) ** 2).sum())
    unexplained = (1.0 - between / total) * (rows - 1) / (rows - groups)
    return float(np.sqrt(max(0.0, 1.0 - unexplained)))
