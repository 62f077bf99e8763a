"""Figures in words: short, with the digits that mean something; `–` where there is none."""

import math
from typing import Final

from understudy.contracts.monitor import Interval

NONE: Final = "–"
_UNITS: Final = ((86_400.0, "d"), (3_600.0, "h"), (60.0, "min"), (1.0, "s"))
_MOST_ODDS: Final = 1e6


def amount(count: int | None) -> str:
    """`2,150`."""
    return NONE if count is None else f"{count:,}"


def percent(share: float | None, *, signed: bool = False) -> str:
    """`84.2%`, with more digits for small shares: `0.20%`."""
    if share is None or not math.isfinite(share):
        return NONE
    digits = 2 if abs(share) < 0.1 else 1
    return f"{share:{'+' if signed else ''}.{digits}%}"


def number(value: float | None, *, signed: bool = False) -> str:
    """Four digits that mean something: `0.8421`, `61,200`, `+0.0061`."""
    if value is None or not math.isfinite(value):
        return NONE
    sign = "+" if signed else ""
    if abs(value) >= 1_000:
        return f"{value:{sign},.0f}" if abs(value) < 1e9 else f"{value:{sign}.3e}"
    return f"{value:{sign}.4g}" if abs(value) >= 1e-3 or value == 0 else f"{value:{sign}.2g}"


def interval(found: Interval | None, *, signed: bool = False) -> str:
    """`0.842 [0.830, 0.854]`: the value, and where it lies with 95 % confidence."""
    if found is None:
        return NONE
    value = _fixed(found.value, signed=signed)
    if found.low is None or found.high is None:
        return value
    low, high = _fixed(found.low, signed=signed), _fixed(found.high, signed=signed)
    return f"{value} [{low}, {high}]"


def odds(log_evidence: float) -> str:
    """Evidence as a factor: what was bet on it would have grown so many times."""
    factor = math.exp(min(log_evidence, 700.0))
    if factor > _MOST_ODDS:
        return "> 10⁶"
    if factor >= 100:
        return f"{factor:,.0f}"
    return f"{factor:.2g}" if factor >= 0.01 else "< 0.01"


def lasting(seconds: float | None) -> str:
    """`22 h`, `1.5 d`, `10 min`: in the largest unit that it fills."""
    if seconds is None or not math.isfinite(seconds):
        return NONE
    for size, unit in _UNITS:
        if (parts := seconds / size) >= 1:
            return f"{parts:.2g} {unit}" if parts < 10 else f"{parts:.0f} {unit}"
    return f"{seconds:.2g} s"


def _fixed(value: float, *, signed: bool) -> str:
    """As many decimals for value and ends: three, four for what is small, none for large."""
    sign = "+" if signed else ""
    if abs(value) >= 1_000:
        return f"{value:{sign},.0f}"
    decimals = 2 if abs(value) >= 10 else 4 if signed else 3
    return f"{value:{sign}.{decimals}f}"
