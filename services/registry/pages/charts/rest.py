"""Results over time, and a regression's residuals."""

from collections.abc import Sequence

from markupsafe import Markup

from services.registry.pages.charts.drawing import (
    Axis,
    Plot,
    around,
    dot,
    line,
    path,
    rectangle,
    words,
)
from services.registry.pages.charts.numbers import figure
from services.registry.pages.charts.whiskers import told
from understudy.contracts.reviews import Estimate, Residuals, TimeSplit


def time_split(found: TimeSplit, metric: str) -> Markup:
    """The deciding metric in each part of the time, with intervals."""
    ends = [end for one in found.parts for end in _ends(one)]
    marks = [one for one in (found.refitted, found.shuffled) if one is not None]
    ends += [one.value for one in marks]
    across = Axis(-0.5, max(len(found.parts), 1) - 0.5, "Time", wanted=0)
    plot = Plot(across, Axis(*around(ends), metric))
    layers = []
    for place, one in enumerate(found.parts):
        x, (low, high) = plot.x(place), _ends(one)
        layers.append(line((x, plot.y(low)), (x, plot.y(high)), "chart__whisker"))
        layers.append(dot(x, plot.y(one.value), 4, "chart__dot", told(one)))
    if found.bounds:
        first, last = found.bounds[0], found.bounds[-1]
        layers.append(words(plot.left, 225, f"{first:%Y-%m-%d}", "chart__tick"))
        layers.append(words(plot.right, 225, f"{last:%Y-%m-%d}", "chart__tick", "end"))
    thread = [(plot.x(place), plot.y(one.value)) for place, one in enumerate(found.parts)]
    said = "; ".join(told(one) for one in found.parts)
    return plot.drawn(
        "Results over time",
        f"{metric}, part by part: {said}.",
        path(thread, "chart__thin"),
        *layers,
    )


def residuals(found: Residuals) -> Markup:
    """How far truth was from the answer."""
    most = max(found.shares, default=0.0) or 1.0
    plot = Plot(
        Axis(*_bounds(found.edges), "Truth less answer"),
        Axis(0.0, 1.08 * most, "Share of rows", shares=True),
    )
    bars = [
        rectangle(
            plot.x(low) + 0.5,
            plot.y(share),
            plot.x(high) - plot.x(low) - 1,
            plot.y(0) - plot.y(share),
            "chart__bar",
        )
        for low, high, share in zip(found.edges, found.edges[1:], found.shares, strict=False)
    ]
    none = line((plot.x(0), plot.y(0)), (plot.x(0), plot.y(1.08 * most)), "chart__guess")
    first, last = _bounds(found.edges)
    said = f"From {figure(first)} to {figure(last)}; what is right of 0 was answered too low."
    return plot.drawn("Residuals", said, *bars, none)


def truth_by_answer(found: Residuals) -> Markup:
    """Means of truth by means of answers, in tenths; the diagonal is exact."""
    low, high = around((*found.predicted, *found.observed))
    plot = Plot(Axis(low, high, "Answered, mean"), Axis(low, high, "True, mean"))
    points = plot.points(found.predicted, found.observed)
    return plot.drawn(
        "Truth by answer",
        "Means of tenths of the rows; on the diagonal answers are right on average.",
        line((plot.x(low), plot.y(low)), (plot.x(high), plot.y(high)), "chart__guess"),
        path(points, "chart__thin"),
        *(dot(x, y, 4, "chart__dot") for x, y in points),
    )


def _bounds(edges: Sequence[float]) -> tuple[float, float]:
    return (edges[0], edges[-1]) if len(edges) > 1 else (-1.0, 1.0)


def _ends(one: Estimate) -> tuple[float, float]:
    low = one.value if one.low is None else one.low
    return low, one.value if one.high is None else one.high
