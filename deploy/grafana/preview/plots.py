"""Panels as plotly figures: lines, heat maps, bars side by side, states over time."""

import datetime as dt
import math
from collections.abc import Sequence
from typing import Final

from deploy.grafana.preview.data import Mark, Row, Series
from deploy.grafana.preview.fields import PALETTE, Field
from deploy.grafana.preview.units import ticks, written
from deploy.grafana.reading import Json, Window

_INK: Final = "#9FA7B3"
_GRID: Final = "rgba(204,204,220,0.09)"
_DASHES: Final = {"dash": "dash", "dot": "dot"}
_INFERNO: Final = tuple(
    (place / 8, colour)
    for place, colour in enumerate(
        (
            "#000004", "#1f0c48", "#550f6d", "#88226a", "#ba3655", "#e35933", "#f98e09",
            "#f8cb34", "#fcffa4",
        )
    )
)  # fmt: skip


def colour_of(panel: Json, series: Sequence[Series], place: int) -> str:
    """A series' own colour, else the next of the palette."""
    own = Field.of(panel, series[place].name).fixed()
    free = sum(Field.of(panel, each.name).fixed() is None for each in series[:place])
    return own or PALETTE[free % len(PALETTE)]


def lines(panel: Json, series: Sequence[Series], window: Window, marks: Sequence[Mark]) -> Json:
    """A time series panel."""
    field = Field.of(panel, "")
    stacked = (field.custom.get("stacking") or {}).get("mode") == "normal"
    logarithmic = (field.custom.get("scaleDistribution") or {}).get("type") == "log"
    traces = [_line(panel, series, place, stacked=stacked) for place in range(len(series))]
    axis = _log_axis(field, series) if logarithmic else _axis(field, series, stacked=stacked)
    layout = _layout(window, axis)
    layout["shapes"] = [*_limits(field, axis), *(_rule(mark) for mark in marks)]
    return {"data": traces, "layout": layout}


def _line(panel: Json, series: Sequence[Series], place: int, *, stacked: bool) -> Json:
    each = series[place]
    field = Field.of(panel, each.name)
    colour = colour_of(panel, series, place)
    opacity = float(field.custom.get("fillOpacity", 0)) / 100
    style = (field.custom.get("lineStyle") or {}).get("fill", "solid")
    line = {"color": colour, "width": 2, "dash": _DASHES.get(style, "solid")}
    trace: Json = {
        "type": "scatter",
        "mode": "lines" if sum(v is not None for v in each.values) > 1 else "markers",
        "x": [_when(at) for at in each.times],
        "y": each.values,
        "line": line,
        "connectgaps": False,
    }
    if stacked:
        trace |= {"stackgroup": "all", "fillcolor": _faint(colour, opacity)}
    elif opacity:
        trace |= {"fill": "tozeroy", "fillcolor": _faint(colour, opacity)}
    return trace


def warmth(panel: Json, series: Sequence[Series], window: Window) -> Json:
    """A heat map: the last series at the top, as Grafana has it."""
    colour = panel["options"]["color"]
    trace = {
        "type": "heatmap",
        "x": [_when(at) for at in (series[0].times if series else [])],
        "y": [each.name for each in series],
        "z": [each.values for each in series],
        "colorscale": _INFERNO,
        "zmin": colour["min"],
        "zmax": colour["max"],
        "ygap": 1,
        "colorbar": {"thickness": 10, "outlinewidth": 0, "tickfont": {"color": _INK, "size": 11}},
    }
    named = {"type": "category", "automargin": True, "showgrid": False, "ticks": "outside"}
    layout = _layout(window, named | {"ticklen": 6, "tickcolor": "rgba(0,0,0,0)"})
    return {"data": [trace], "layout": layout}


def columns(panel: Json, names: Sequence[str], rows: Sequence[Row]) -> Json:
    """A bar chart: the first column is the category."""
    category, *figures = names
    labels = [Field.of(panel, category).word(str(row[category])) for row in rows]
    traces = [
        {
            "type": "bar",
            "x": labels,
            "y": [row.get(name) for row in rows],
            "name": name,
            "marker": {"color": Field.of(panel, name).fixed(), "opacity": 0.85},
        }
        for name in figures
    ]
    found = [float(row[n] or 0) for row in rows for n in figures if isinstance(row.get(n), float)]
    axis = _axis(Field.of(panel, ""), [Series("", [], list(found))], stacked=False)
    layout = _layout(None, axis) | {"bargap": 0.25, "bargroupgap": 0.05}
    short = [label if len(label) <= 14 else label[:13] + "…" for label in labels]
    turned = panel["options"].get("xTickLabelRotation", 0)
    layout["xaxis"] |= {"type": "category", "tickvals": labels, "ticktext": short}
    layout["xaxis"] |= {"tickangle": turned, "automargin": True}
    return {"data": traces, "layout": layout}


def states(panel: Json, series: Sequence[Series], window: Window, marks: Sequence[Mark]) -> Json:
    """A band for each series: a bar for each stretch of one value."""
    traces = [
        {
            "type": "bar",
            "orientation": "h",
            "base": [_when(start)],
            "x": [1000 * (end - start)],
            "y": [each.name],
            "width": 0.6,
            "marker": {"color": Field.of(panel, each.name).colour(value), "opacity": 0.8},
            "text": [
                Field.of(panel, each.name).text(value)
                if end - start > 0.08 * (window.end - window.start)
                else ""
            ],
            "textposition": "inside",
            "insidetextanchor": "start",
            "textfont": {"color": "#111217", "size": 12},
        }
        for each in series
        for start, end, value in _stretches(each, window)
    ]
    named = {"type": "category", "automargin": True, "showgrid": False, "ticks": "outside"}
    layout = _layout(window, named | {"ticklen": 6, "tickcolor": "rgba(0,0,0,0)"})
    layout |= {"barmode": "overlay", "bargap": 0.25, "shapes": [_rule(mark) for mark in marks]}
    return {"data": traces, "layout": layout}


def _stretches(series: Series, window: Window) -> list[tuple[float, float, float]]:
    found: list[tuple[float, float, float]] = []
    for at, value in zip(series.times, series.values, strict=True):
        if value is None:
            continue
        end = min(at + window.step, window.end)
        if found and found[-1][2] == value and found[-1][1] >= at:
            found[-1] = (found[-1][0], end, value)
        else:
            found.append((at, end, value))
    return found


def _layout(window: Window | None, axis: Json) -> Json:
    across: Json = {"ticks": "outside", "ticklen": 5, "tickcolor": "rgba(0,0,0,0)"}
    across |= {"showgrid": False, "tickfont": {"color": _INK, "size": 11}, "zeroline": False}
    if window is not None:
        across |= {"type": "date", "range": [_when(window.start), _when(window.end)], "nticks": 6}
        across["tickformat"] = "%H:%M"
    common = {"gridcolor": _GRID, "zeroline": False, "tickfont": {"color": _INK, "size": 11}}
    return {
        "paper_bgcolor": "rgba(0,0,0,0)",
        "plot_bgcolor": "rgba(0,0,0,0)",
        "margin": {"l": 8, "r": 8, "t": 6, "b": 26},
        "showlegend": False,
        "font": {"family": "Inter, Helvetica, Arial, sans-serif", "color": _INK},
        "xaxis": across,
        "yaxis": common | {"automargin": True} | axis,
    }


def _axis(field: Field, series: Sequence[Series], *, stacked: bool) -> Json:
    low, high = _extent(series, stacked=stacked)
    high = max(high, field.custom.get("axisSoftMax", high))
    low, high = field.config.get("min", low), field.config.get("max", high)
    if high <= low:
        high = low + (abs(low) * 0.1 or 1)
    room = 0.06 * (high - low)
    top = high if "max" in field.config else high + room
    bottom = low if "min" in field.config else low - room
    found = ticks(bottom, top, field.unit)
    texts = [written(each, field.unit) for each in found]
    return {"range": [bottom, top], "tickvals": found, "ticktext": texts}


def _log_axis(field: Field, series: Sequence[Series]) -> Json:
    found = [v for each in series for v in each.values if v is not None and v > 0] or [1.0]
    low, high = math.floor(math.log10(min(found))), math.ceil(math.log10(max(found)))
    high = max(high, low + 1)
    places = [10.0**each for each in range(low, high + 1)]
    texts = [written(each, field.unit) for each in places]
    return {"type": "log", "range": [low, high], "tickvals": places, "ticktext": texts}


def _extent(series: Sequence[Series], *, stacked: bool) -> tuple[float, float]:
    if stacked:
        sums = [sum(filter(None, each)) for each in zip(*(s.values for s in series), strict=True)]
        return 0.0, max(sums, default=1.0)
    found = [v for each in series for v in each.values if v is not None and math.isfinite(v)]
    return min(found, default=0.0), max(found, default=1.0)


def _limits(field: Field, axis: Json) -> list[Json]:
    if (field.custom.get("thresholdsStyle") or {}).get("mode") in {None, "off"}:
        return []
    low, high = axis["range"]
    return [
        _straight("x", "y", step["value"], step["color"], "dash")
        for step in field.steps()
        if step["value"] is not None and low <= step["value"] <= high
    ]


def _straight(across: str, along: str, value: float, colour: str, dash: str) -> Json:
    line = {"color": colour, "width": 1.2, "dash": dash}
    place = {"x0": 0, "x1": 1, "xref": f"{across} domain", "y0": value, "y1": value, "yref": along}
    return {"type": "line", "line": line, "opacity": 0.7, **place}


def _rule(mark: Mark) -> Json:
    at = _when(mark.at)
    line = {"color": "rgba(184,119,217,0.7)", "width": 1, "dash": "dot"}
    return {"type": "line", "x0": at, "x1": at, "y0": 0, "y1": 1, "yref": "paper", "line": line}


def _when(at: float) -> str:
    return dt.datetime.fromtimestamp(at, dt.UTC).strftime("%Y-%m-%d %H:%M:%S.%f")


def _faint(colour: str, opacity: float) -> str:
    red, green, blue = (int(colour[place : place + 2], 16) for place in (1, 3, 5))
    return f"rgba({red},{green},{blue},{opacity})"
