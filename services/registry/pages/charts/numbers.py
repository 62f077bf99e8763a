"""Numbers as people read them."""

import math
from typing import Final

_LARGE: Final = ((1e12, "T"), (1e9, "B"), (1e6, "M"), (1e4, "k"))


def figure(value: float | None, digits: int = 3) -> str:
    """Up to that many significant digits, in full up to 10 000; a dash for what is not known."""
    if value is None or not math.isfinite(value):
        return "–"
    size = abs(value)
    if size == 0:
        return "0"
    if size < 10.0 ** (-digits - 1) or size >= 1e7:
        return _signed(f"{value:.{digits - 1}e}".replace("e-0", "e-").replace("e+", "e"))
    return _signed(_plainly(value, size, digits))


def _plainly(value: float, size: float, digits: int) -> str:
    if size >= 1000:
        return f"{value:,.0f}".replace(",", "\N{NARROW NO-BREAK SPACE}")
    if size >= 10 and value == int(value):
        return f"{value:.0f}"
    if size >= 0.1:
        return f"{value:.{max(0, digits - 1 - math.floor(math.log10(size)))}f}"
    # Below that two digits are enough, and none that are 0: 0.005 rather than 0.00500.
    return f"{value:.{1 - math.floor(math.log10(size))}f}".rstrip("0")


def short(value: float) -> str:
    """For axes, where there is little room: 12k instead of 12 000, 0.5 instead of 0.500."""
    size = abs(value)
    for least, unit in _LARGE:
        if size >= least:
            scale = 1e3 if unit == "k" else least
            return _signed(f"{value / scale:.3g}{unit}")
    if size >= 1000:
        return _signed(f"{value:.0f}")
    return _signed(f"{value:.3g}" if size >= 1e-4 or size == 0 else f"{value:.0e}")


def percent(share: float | None) -> str:
    """A share as a percentage, with more digits near none and near all."""
    if share is None or not math.isfinite(share):
        return "–"
    hundredth = 100 * share
    size = abs(hundredth)
    if size == 0:
        return "0 %"
    if size < 0.01:
        return "< 0.01 %"
    near_an_end = size < 0.1 or 99.9 <= size < 99.995
    digits = 2 if near_an_end else 1 if size < 99.9 else 0
    return _signed(f"{hundredth:.{digits}f}") + "\N{NO-BREAK SPACE}%"


def count(number: int) -> str:
    """A number of things."""
    return f"{number:,}".replace(",", "\N{NARROW NO-BREAK SPACE}")


def size(number: float) -> str:
    """Bytes."""
    for unit in ("B", "KiB", "MiB", "GiB"):
        if abs(number) < 1024 or unit == "GiB":
            return f"{number:.0f} {unit}" if unit == "B" else f"{number:.1f} {unit}"
        number /= 1024
    return ""  # pragma: no cover - the loop ends with GiB


def milliseconds(value: float | None) -> str:
    """A duration."""
    if value is None:
        return "–"
    return f"{figure(value * 1000, 2)} µs" if value < 0.1 else f"{figure(value, 3)} ms"


def _signed(text: str) -> str:
    """A minus that is as wide as a plus."""
    return text.replace("-", "\N{MINUS SIGN}", 1) if text.startswith("-") else text
