"""Lines: ROC, precision-recall, calibration, thresholds, learning, dependence."""

from collections.abc import Sequence
from itertools import pairwise

from markupsafe import Markup

from services.registry.pages.charts.drawing import (
    SHARE,
    Axis,
    Plot,
    Point,
    around,
    dot,
    line,
    path,
    rectangle,
    shortened,
    tag,
    words,
)
from services.registry.pages.charts.numbers import count, figure, percent
from understudy.contracts.reviews import CalibrationBin, Curve, Dependence, LearningPoint, Threshold


def roc(curve: Curve, area: float | None = None) -> Markup:
    """True positives by false positives."""
    plot = Plot(
        Axis(*SHARE, "False positive rate", shares=True),
        Axis(*SHARE, "True positive rate", shares=True),
    )
    told = "" if area is None else f" The area under it is {figure(area)}."
    return plot.drawn(
        "ROC curve",
        f"True positive rate by false positive rate; guessing is the diagonal.{told}",
        line((plot.x(0), plot.y(0)), (plot.x(1), plot.y(1)), "chart__guess"),
        _area(plot, curve),
        path(plot.points(curve.x, curve.y), "chart__line"),
    )


def precision_recall(curve: Curve, base_rate: float | None = None) -> Markup:
    """Precision by recall; guessing is a level line at the base rate."""
    plot = Plot(Axis(*SHARE, "Recall", shares=True), Axis(*SHARE, "Precision", shares=True))
    guess = Markup("")
    if base_rate is not None:
        guess = line((plot.x(0), plot.y(base_rate)), (plot.x(1), plot.y(base_rate)), "chart__guess")
    told = "" if base_rate is None else f" Guessing gives {percent(base_rate)}."
    return plot.drawn(
        "Precision-recall curve",
        f"Precision by recall.{told}",
        guess,
        _area(plot, curve),
        path(plot.points(curve.x, curve.y), "chart__line"),
    )


def calibration(bins: Sequence[CalibrationBin]) -> Markup:
    """How often what was predicted came true, with intervals; the diagonal is exact."""
    ends = [end for one in bins for end in (one.predicted, one.observed.high or one.observed.value)]
    high = 1.0 if max(ends, default=1.0) > 0.5 else max(0.05, *(1.1 * end for end in ends))
    plot = Plot(
        Axis(0.0, high, "Predicted probability", shares=True),
        Axis(0.0, high, "Observed share", shares=True),
    )
    largest = max((one.rows for one in bins), default=1)
    marks = []
    for one in bins:
        x, seen = plot.x(one.predicted), one.observed
        if seen.low is not None and seen.high is not None:
            marks.append(line((x, plot.y(seen.low)), (x, plot.y(seen.high)), "chart__whisker"))
        both = f"Predicted {percent(one.predicted)}, observed {percent(seen.value)}"
        told = f"{both}, {count(one.rows)} rows"
        radius = 2.5 + 2.5 * (one.rows / max(largest, 1)) ** 0.5
        marks.append(dot(x, plot.y(seen.value), radius, "chart__dot", told))
    return plot.drawn(
        "Calibration",
        f"Observed share by predicted probability in {len(bins)} groups of rows, with intervals of "
        "95 %; on the diagonal predictions come true as often as they say.",
        line((plot.x(0), plot.y(0)), (plot.x(high), plot.y(high)), "chart__guess"),
        path(((plot.x(one.predicted), plot.y(one.observed.value)) for one in bins), "chart__thin"),
        *marks,
    )


def thresholds(rows: Sequence[Threshold]) -> Markup:
    """Precision, recall and the share that is flagged, by the threshold."""
    plot = Plot(Axis(*SHARE, "Threshold", shares=True), Axis(*SHARE, "Share", shares=True))
    series = (
        ("Precision", "chart__line", [(one.threshold, one.precision) for one in rows]),
        ("Recall", "chart__line chart__line--2", [(one.threshold, one.recall) for one in rows]),
        ("Flagged", "chart__line chart__line--3", [(one.threshold, one.flagged) for one in rows]),
    )
    layers = []
    for _, kind, pairs in series:
        held = [(plot.x(at), plot.y(value)) for at, value in pairs if value is not None]
        layers += [path(held, kind), *(dot(x, y, 2, f"{kind} chart__mark") for x, y in held)]
    return plot.drawn(
        "What a threshold gives",
        "Precision, recall and the share of rows flagged, by the threshold of the probability.",
        *layers,
    )


def learning(points: Sequence[LearningPoint], metric: str) -> Markup:
    """The deciding metric on rows fitted on and held out, by how many rows were fitted on."""
    values = [value for one in points for value in (one.fitted_on, one.held_out)]
    most = max((one.rows for one in points), default=1)
    plot = Plot(Axis(0.0, 1.04 * most, "Rows fitted on", wanted=4), Axis(*around(values), metric))
    told = plot.points([one.rows for one in points], [one.fitted_on for one in points])
    held = plot.points([one.rows for one in points], [one.held_out for one in points])
    return plot.drawn(
        "Learning curve",
        f"{metric} by rows fitted on, on the rows fitted on and on others.",
        path(told, "chart__line chart__line--3"),
        *(dot(x, y, 3, "chart__line--3 chart__mark") for x, y in told),
        path(held, "chart__line"),
        *(dot(x, y, 3, "chart__dot") for x, y in held),
    )


def dependence(found: Dependence, low: float, high: float) -> Markup:
    """What the model answers by one feature; all of one model are drawn between the same bounds."""
    return _steps(found, low, high) if found.values is None else _line(found, low, high)


def _line(found: Dependence, low: float, high: float) -> Markup:
    values = found.values or ()
    across = Axis(*around(values, margin=0.02), "", wanted=4)
    plot = Plot(across, Axis(low, high, "", wanted=4), width=250, height=160)
    places = [plot.x(value) for value in values]
    between = [(a + b) / 2 for a, b in pairwise(places)]
    middles = [*places[:1], *between, *places[-1:]]
    band = plot.points(values, found.low) + plot.points(values, found.high)[::-1]
    return plot.drawn(
        f"Answers by {found.feature}",
        _told(found),
        _density(plot, found, [*pairwise(middles)]),
        path(band, "chart__band", closed=True),
        path(plot.points(values, found.answers), "chart__line"),
    )


def _steps(found: Dependence, low: float, high: float) -> Markup:
    names = (found.names or ())[:12]
    across = Axis(-0.5, max(len(names), 1) - 0.5, "", wanted=0)
    plot = Plot(across, Axis(low, high, "", wanted=4), width=250, height=160)
    centres = [plot.x(place) for place in range(len(names))]
    room = max(3, int(34 / max(len(names), 1)))
    half = (plot.x(0.4) - plot.x(-0.4)) / 2
    layers = [_density(plot, found, [(x - half, x + half) for x in centres])]
    for place, (x, name) in enumerate(zip(centres, names, strict=True)):
        ends = (x, plot.y(found.low[place])), (x, plot.y(found.high[place]))
        told = f"{name}: {figure(found.answers[place])}"
        layers.append(line(*ends, "chart__whisker chart__whisker--wide"))
        layers.append(dot(x, plot.y(found.answers[place]), 4, "chart__dot", told))
        layers.append(words(x, 153, shortened(name, room), "chart__tick", "middle"))
    return plot.drawn(f"Answers by {found.feature}", _told(found), *layers)


def _density(plot: Plot, found: Dependence, spans: Sequence[tuple[float, float]]) -> Markup:
    """A strip at the bottom that is high where rows are."""
    most, bottom = max(found.density, default=0.0), plot.y.start
    cells = []
    for (start, end), share in zip(spans, found.density, strict=False):
        height = 22 * share / most if most > 0 else 0.0
        cells.append(rectangle(start, bottom - height, end - start, height, "chart__density"))
    return tag("g", *cells)


def _told(found: Dependence) -> str:
    least = min(found.answers, default=0.0)
    most = max(found.answers, default=0.0)
    return (
        f"On average the model answers between {figure(least)} and {figure(most)}; the band holds "
        "the middle 80 % of rows; the bars at the bottom say where rows are."
    )


def _area(plot: Plot, curve: Curve) -> Markup:
    if not curve.x:
        return Markup("")
    points: list[Point] = plot.points(curve.x, curve.y)
    ends = [(points[-1][0], plot.y(0)), (points[0][0], plot.y(0))]
    return path([*points, *ends], "chart__under", closed=True)
