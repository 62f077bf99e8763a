"""The quality of a regression, from sums over labelled rows.

Formula: with e = answer - label: bias = mean e; MAE = mean |e|; RMSE = √mean e²;
R² = 1 - Σe²/Σ(label - mean label)²; pinball of τ = mean of max(τ·(-e), (τ - 1)·(-e)).
Source: Koenker & Bassett, "Regression quantiles", 1978, for the pinball loss.
Guarantee: intervals are those of a mean (RMSE: the root of that of mean e²). The pinball loss is
|e|/2 - (τ - ½)·e, whose deviation is at most the sum of both parts' deviations: its interval is too
wide rather than too narrow. R² has none: it would need sums that are not kept.
Assumes: independent rows. With heavy tails RMSE's interval is too narrow.
"""

import math
from dataclasses import dataclass, fields

from services.monitor.domain.outcomes.tallies import FIXED_POINT, NumberSums
from services.monitor.domain.statistics.intervals import Interval, mean


@dataclass(frozen=True, slots=True)
class Errors:
    """Sums in the target's units, and how many rows are in them."""

    rows: int
    error: float = 0.0
    absolute: float = 0.0
    absolute_squares: float = 0.0
    squared: float = 0.0
    squared_squares: float = 0.0
    label_spread: float = 0.0
    """Σ(label - mean)², within each part."""
    label: float = 0.0
    pinball_10: float = 0.0
    pinball_50: float = 0.0
    pinball_90: float = 0.0

    def __add__(self, other: "Errors") -> "Errors":
        """Also of sums whose scales differ."""
        total = {
            member.name: getattr(self, member.name) + getattr(other, member.name)
            for member in fields(self)
        }
        rows = self.rows * other.rows
        if rows:
            apart = self.label / self.rows - other.label / other.rows
            total["label_spread"] += apart * apart * rows / (self.rows + other.rows)
        return Errors(**total)


def errors_of(sums: NumberSums, rows: int, scale: float) -> Errors:
    """In the target's units."""
    unit, square = scale / FIXED_POINT, scale * scale / FIXED_POINT
    # Whole numbers until the end: the difference of two large sums keeps its digits.
    spread = sums.label_squares * FIXED_POINT * rows - sums.label * sums.label
    return Errors(
        rows=rows,
        error=sums.error * unit,
        absolute=sums.absolute * unit,
        absolute_squares=sums.absolute_squares * square,
        squared=sums.squared * square,
        squared_squares=sums.squared_squares * square * scale * scale,
        label_spread=max(0, spread) / rows * unit * unit if rows else 0.0,
        label=sums.label * unit,
        pinball_10=sums.pinball_10 * unit,
        pinball_50=sums.pinball_50 * unit,
        pinball_90=sums.pinball_90 * unit,
    )


def number_quality(errors: Errors) -> dict[str, Interval]:
    """By name; what can't be had is absent."""
    if not errors.rows:
        return {}
    n = errors.rows
    bias, mae, mse = errors.error / n, errors.absolute / n, errors.squared / n
    of_error, of_absolute = mse - bias * bias, errors.absolute_squares / n - mae * mae
    found = {
        "bias": mean(n, bias, of_error),
        "mae": _positive(mean(n, mae, of_absolute)),
        "rmse": _rooted(mean(n, mse, errors.squared_squares / n - mse * mse)),
        "r2": _explained(errors),
    }
    for tau in (10, 50, 90):
        value = getattr(errors, f"pinball_{tau}") / n
        deviation = _root(of_absolute) / 2 + abs(tau / 100 - 0.5) * _root(of_error)
        found[f"pinball_{tau}"] = _positive(mean(n, value, deviation * deviation))
    return {name: interval for name, interval in found.items() if interval is not None}


def _explained(errors: Errors) -> Interval | None:
    if errors.label_spread <= 0:
        return None
    return Interval(1 - errors.squared / errors.label_spread)


def _positive(interval: Interval | None) -> Interval | None:
    return interval and interval.mapped(lambda value: max(0.0, value))


def _rooted(interval: Interval | None) -> Interval | None:
    return interval and interval.mapped(_root)


def _root(value: float) -> float:
    return math.sqrt(max(0.0, value))
