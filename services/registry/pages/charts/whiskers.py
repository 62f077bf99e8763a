"""Figures with their intervals on one line, to stand in a table's cell beside the numbers."""

from collections.abc import Iterable, Sequence
from typing import Final

from markupsafe import Markup

from services.registry.pages.charts.drawing import Scale, around, dot, line, picture, rectangle
from services.registry.pages.charts.numbers import figure
from understudy.contracts.reviews import Estimate

_WIDTH: Final = 200.0
_KINDS: Final = ("chart__dot", "chart__dot chart__dot--2", "chart__dot chart__dot--3")


def whiskers(held: Sequence[tuple[str, Estimate | None]], title: str) -> Markup:
    """Several figures of one scale below each other; the first is what it is about."""
    rows = [(name, one, kind) for (name, one), kind in zip(held, _KINDS, strict=False) if one]
    ends = [end for _, one, _ in rows for end in _ends(one)]
    x = Scale(*around(ends, margin=0.08), 6, _WIDTH - 6)
    step, layers = 11.0, []
    for place, (name, one, kind) in enumerate(rows):
        y = 8 + place * step
        layers.append(line((0, y), (_WIDTH, y), "chart__grid"))
        low, high = _ends(one)
        layers.append(line((x(low), y), (x(high), y), f"chart__whisker {kind}"))
        layers.append(dot(x(one.value), y, 3.4, kind, f"{name}: {told(one)}"))
    said = "; ".join(f"{name}: {told(one)}" for name, one, _ in rows)
    return picture(_WIDTH, 16 + step * (len(rows) - 1), title, said, *layers, kind="chart--line")


def bar(one: Estimate, most: float, title: str) -> Markup:
    """A size from nothing, with its interval."""
    ends = _ends(one)
    low = min(0.0, *ends)
    x = Scale(low, max(most, *ends, 1e-12), 1, _WIDTH - 4)
    y = 8.0
    start, end = sorted((x(0), x(one.value)))
    layers = [rectangle(start, 2, max(end - start, 0.5), 12, "chart__bar chart__bar--strong")]
    if one.low is not None:
        layers.append(line((x(ends[0]), y), (x(ends[1]), y), "chart__error"))
    return picture(_WIDTH, 16, title, told(one), *layers, kind="chart--line")


def gap(one: Estimate, bounds: tuple[float, float], title: str) -> Markup:
    """A difference beside a mark where there is none; all of a table have the same bounds."""
    ends = _ends(one)
    x = Scale(min(bounds[0], 0.0), max(bounds[1], 1e-12), 6, _WIDTH - 6)
    layers = [line((x(0), 0), (x(0), 16), "chart__axis")]
    layers.append(line((x(ends[0]), 8), (x(ends[1]), 8), "chart__whisker chart__dot"))
    layers.append(dot(x(one.value), 8, 3.6, "chart__dot", told(one)))
    return picture(_WIDTH, 16, title, told(one), *layers, kind="chart--line")


def told(one: Estimate) -> str:
    """A figure and its interval in words."""
    if one.low is None or one.high is None:
        return figure(one.value)
    return f"{figure(one.value)} ({figure(one.low)} to {figure(one.high)})"


def bounds_of(several: Iterable[Estimate]) -> tuple[float, float]:
    """From the least to the most that any interval holds."""
    held = [end for one in several for end in _ends(one)]
    return min(held, default=0.0), max(held, default=0.0)


def _ends(one: Estimate) -> tuple[float, float]:
    low = one.value if one.low is None else one.low
    return low, one.value if one.high is None else one.high
