"""How well scores rank the positive rows above the others, read off histograms of scores.

Formula: ROC AUC = P(s⁺ > s⁻) + ½·P(s⁺ = s⁻), a bin being one score. Its variance is DeLong's,
Var(V₁₀)/m + Var(V₀₁)/n with V the placements, which for binned scores need no pairs; the interval
is normal on the logit scale. Average precision = Σ over bins, from the highest, of the precision
integrated over the bin's recall, its rows in random order; its interval is normal on the logit
scale with variance AP(1 - AP)/m over the m positives.
Source: DeLong, DeLong & Clarke-Pearson, "Comparing the areas under two or more correlated ROC
curves", 1988; Davis & Goadrich, "The relationship between precision-recall and ROC curves", 2006;
Boyd, Eng & Page, "Area under the precision-recall curve: point estimates and confidence
intervals", 2013.
Guarantee: binning moves the ROC AUC by at most `binning_error`, half of the chance that a positive
and a negative row share a bin.
Assumes: within a bin, scores of positive and negative rows are alike. Independent rows.
"""

import math
from typing import Final

import numpy as np

from services.monitor.domain.statistics.intervals import Interval, within_unit
from understudy.profiles.arrays import Counts, Floats

FEWEST_OF_EACH: Final = 10
"""With fewer rows of either kind the ROC AUC has no limits: they would be too narrow."""


def roc_auc(positives: Floats | Counts, negatives: Floats | Counts) -> Interval | None:
    """From counts by ascending score; absent when one kind is missing."""
    m, n = float(positives.sum()), float(negatives.sum())
    if m <= 0 or n <= 0:
        return None
    above: Floats = np.asarray((np.cumsum(negatives) - negatives / 2) / n)
    below: Floats = np.asarray(1 - (np.cumsum(positives) - positives / 2) / m)
    value = float(positives @ above) / m
    if min(m, n) < FEWEST_OF_EACH:
        return Interval(value)
    variance = _variance(above, positives) / m + _variance(below, negatives) / n
    return within_unit(value, math.sqrt(variance))


def binning_error(positives: Floats | Counts, negatives: Floats | Counts) -> float:
    """By how much the ROC AUC of the scores themselves may differ from that of their bins."""
    pairs = float(positives.sum()) * float(negatives.sum())
    return float(positives @ negatives) / pairs / 2 if pairs else 0.0


def average_precision(positives: Floats | Counts, negatives: Floats | Counts) -> Interval | None:
    """The area under the precision-recall curve; absent without positives."""
    m = float(positives.sum())
    if m <= 0:
        return None
    value = sum(map(_area, *_from_the_top(positives, negatives))) / m
    return within_unit(value, math.sqrt(max(0.0, value * (1 - value)) / m))


def _from_the_top(positives: Floats | Counts, negatives: Floats | Counts) -> tuple[Floats, ...]:
    """For each bin that holds positives: its positives, its rows, and both above it."""
    hits, rows = positives[::-1].astype(float), (positives + negatives)[::-1].astype(float)
    used = hits > 0
    found, seen = np.cumsum(hits) - hits, np.cumsum(rows) - rows
    return hits[used], rows[used], found[used], seen[used]


def _area(hits: float, rows: float, found: float, seen: float) -> float:
    """∫ (found + t·hits)/(seen + t·rows) dt from 0 to 1, times the hits."""
    share = hits / rows
    if seen == 0:
        return hits * share
    return hits * (share + (found - seen * share) / rows * math.log1p(rows / seen))


def _variance(values: Floats, weights: Floats | Counts) -> float:
    rows = float(weights.sum())
    if rows <= 1:
        return 0.0
    centre = float(weights @ values) / rows
    return float(weights @ (values - centre) ** 2) / (rows - 1)
