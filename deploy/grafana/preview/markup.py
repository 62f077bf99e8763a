"""Panels as HTML: figures, bars, tables, alerts, text, and legends."""

import html
import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

from deploy.grafana.preview.data import Row, Series
from deploy.grafana.preview.fields import Field
from deploy.grafana.preview.plots import colour_of
from deploy.grafana.reading import Json

_LINK: Final = re.compile(r"\[([^\]]+)\]\(([^)]+)\)")
_BOLD: Final = re.compile(r"\*\*([^*]+)\*\*")
_FOREVER: Final = "UnderstudyWatchdog"


NOTHING: Final = '<div class="stat quiet">No data</div>'


def key(colours: Mapping[str, str]) -> str:
    """What each colour stands for."""
    marks = (
        f'<span><i style="border-top:3px solid {colour}"></i>{html.escape(name)}</span>'
        for name, colour in colours.items()
    )
    return f'<div class="legend">{"".join(marks)}</div>'


def words(panel: Json, series: Sequence[Series]) -> str:
    """What the colours of states stand for, of those that came."""
    came = sorted({value for each in series for value in each.values if value is not None})
    field = Field.of(panel, "")
    return key({field.text(value): field.colour(value) for value in came})


def figure(panel: Json, series: Sequence[Series]) -> str:
    """A stat panel: the newest value, above its own small graph."""
    field = Field.of(panel, series[0].name)
    value = series[0].last
    colour = field.colour(value)
    graph = _spark(series[0], colour) if panel["options"].get("graphMode") == "area" else ""
    words = html.escape(field.text(value))
    size = "small" if len(words) > 8 else ""
    return f'<div class="stat {size}" style="color:{colour}"><span>{words}</span>{graph}</div>'


def gauges(panel: Json, series: Sequence[Series]) -> str:
    """A bar gauge, lying."""
    rows = []
    for each in series:
        field = Field.of(panel, each.name)
        value, colour = each.last, field.colour(each.last)
        most = float(field.config.get("max", max((s.last or 0) for s in series) or 1))
        rows.append(
            f'<div class="gauge"><label>{html.escape(each.name)}</label>'
            f"{_bar(value, most, colour)}"
            f'<b style="color:{colour}">{html.escape(field.text(value))}</b></div>'
        )
    return f'<div class="gauges">{"".join(rows)}</div>'


def table(panel: Json, names: Sequence[str], rows: Sequence[Row]) -> str:
    """A table panel."""
    heads = "".join(f"<th>{html.escape(name)}</th>" for name in names)
    body = "".join(
        "<tr>" + "".join(_cell(panel, name, row.get(name)) for name in names) + "</tr>"
        for row in rows
    )
    return f'<div class="scroll"><table><tr>{heads}</tr>{body}</table></div>'


def alerts(found: Sequence[dict[str, Any]]) -> str:
    """An alert list: firing ones first."""

    def place(alert: dict[str, Any]) -> tuple[bool, bool, str]:
        name = alert["labels"]["alertname"]
        return name == _FOREVER, alert["state"] != "firing", name

    rows = []
    for each in sorted(found, key=place):
        severity = html.escape(each["labels"].get("severity", ""))
        words = html.escape(each["annotations"].get("summary", ""))
        rows.append(
            f'<div class="alert {each["state"]} {severity}"><b>{each["labels"]["alertname"]}</b>'
            f"<i>{each['state']} · {severity}</i><p>{words}</p></div>"
        )
    return f'<div class="scroll">{"".join(rows) or "No alerts."}</div>'


def text(markdown: str) -> str:
    """The little Markdown that the dashboards use."""
    linked = _LINK.sub(r'<a href="\2">\1</a>', markdown)
    bold = _BOLD.sub(r"<b>\1</b>", linked)
    return f'<div class="text">{bold}</div>'


def legend(panel: Json, series: Sequence[Series]) -> str:
    """Names, colours and, where asked for, the newest values."""
    options = (panel.get("options") or {}).get("legend") or {}
    if not options.get("showLegend"):
        return ""
    rows = []
    for place, each in enumerate(series):
        field = Field.of(panel, each.name)
        if (field.custom.get("hideFrom") or {}).get("legend"):
            continue
        style = (field.custom.get("lineStyle") or {}).get("fill", "solid")
        border = {"dash": "dashed", "dot": "dotted"}.get(style, "solid")
        last = f" <em>{html.escape(field.text(each.last))}</em>" if options.get("calcs") else ""
        mark = f'<i style="border-top:3px {border} {colour_of(panel, series, place)}"></i>'
        rows.append(f"<span>{mark}{html.escape(each.name)}{last}</span>")
    return f'<div class="legend">{"".join(rows)}</div>'


def _cell(panel: Json, name: str, value: float | str | None) -> str:
    if isinstance(value, str):
        return f'<td class="name">{html.escape(value)}</td>'
    field = Field.of(panel, name)
    words = html.escape(field.text(value))
    kind = (field.custom.get("cellOptions") or {}).get("type", "auto")
    place = field.custom.get("align", "left")
    if value is None:
        return f'<td style="text-align:{place}" class="quiet">–</td>'
    if kind == "gauge":
        colour = field.colour(value)
        bar = _bar(value, float(field.config["max"]), colour)
        return f'<td><div class="cell">{bar}<b style="color:{colour}">{words}</b></div></td>'
    colour = field.colour(value) if kind == "color-text" else "inherit"
    return f'<td style="text-align:{place};color:{colour}">{words}</td>'


def _bar(value: float | None, most: float, colour: str) -> str:
    share = 100 * min(max((value or 0) / most, 0), 1)
    return f'<div class="bar"><div style="width:{share:.1f}%;background:{colour}"></div></div>'


def _spark(series: Series, colour: str) -> str:
    found = [(n, v) for n, v in enumerate(series.values) if v is not None]
    if len(found) < 2:
        return ""
    low, high = min(v for _, v in found), max(v for _, v in found)
    first, last = found[0][0], found[-1][0]
    points = " ".join(
        f"{100 * (n - first) / (last - first):.1f},{28 - 24 * (v - low) / ((high - low) or 1):.1f}"
        for n, v in found
    )
    return (
        '<svg viewBox="0 0 100 30" preserveAspectRatio="none">'
        f'<polygon points="0,30 {points} 100,30" fill="{colour}" opacity="0.15"/>'
        f'<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="1" '
        'vector-effect="non-scaling-stroke"/></svg>'
    )
