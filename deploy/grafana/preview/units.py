"""Figures with their units, as Grafana writes them."""

import math
from typing import Final

_SECONDS: Final = ((86_400, "d"), (3_600, "h"), (60, "min"), (1, "s"), (1e-3, "ms"), (1e-6, "µs"))
_BYTES: Final = ((2**30, "GiB"), (2**20, "MiB"), (2**10, "KiB"), (1, "B"))
_SHORT: Final = ((1e9, "B"), (1e6, "M"), (1e3, "K"), (1, ""))
_SCALES: Final = {"s": _SECONDS, "bytes": _BYTES}
_SUFFIXES: Final = {"reqps": " req/s", "rowsps": " rows/s", "cps": " c/s"}


def written(value: float | None, unit: str, decimals: int | None = None) -> str:
    """A figure; a dash for none."""
    if value is None or math.isnan(value):
        return "–"
    if unit == "percentunit":
        return f"{_rounded(100 * value, decimals)}%"
    if unit in _SCALES:
        return _scaled(value, _SCALES[unit], decimals, " ")
    if unit == "none" or unit.startswith("suffix:"):
        return _rounded(value, decimals) + unit.removeprefix("none").removeprefix("suffix:")
    return _scaled(value, _SHORT, decimals, " ") + _SUFFIXES.get(unit, "")


def _scaled(
    value: float, scales: tuple[tuple[float, str], ...], decimals: int | None, gap: str
) -> str:
    size, name = next((each for each in scales if abs(value) >= each[0]), scales[-1])
    if value == 0:
        size, name = next(each for each in scales if each[0] == 1)
    return f"{_rounded(value / size, decimals)}{gap}{name}".rstrip()


def _rounded(value: float, decimals: int | None) -> str:
    value = value or 0.0
    if decimals is None:
        decimals = 0 if value == round(value) or abs(value) >= 100 else 1 if abs(value) >= 10 else 2
        if 0 < abs(value) < 0.1:
            decimals = min(6, 1 - math.floor(math.log10(abs(value))))
        text = f"{value:.{decimals}f}"
        return text.rstrip("0").rstrip(".") if "." in text else text
    text = f"{value:.{decimals}f}"
    return text.removeprefix("-") if float(text) == 0 else text


def ticks(low: float, high: float, unit: str = "none", count: int = 4) -> list[float]:
    """Round places on an axis, round in the unit that they are written in."""
    scales = _SCALES.get(unit, ((1, ""),))
    scale = next((size for size, _ in scales if high >= size), 1.0)
    low, high = low / scale, high / scale
    span = high - low
    if span <= 0:
        return [low * scale]
    rough = span / count
    size = 10 ** math.floor(math.log10(rough))
    step = next(size * each for each in (1, 2, 2.5, 5, 10) if size * each >= rough)
    first = math.ceil(low / step - 1e-9)
    last = math.floor(high / step + 1e-9)
    return [round(each * step, 12) * scale for each in range(first, last + 1)]
