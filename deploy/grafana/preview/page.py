"""A dashboard as one HTML page, on Grafana's grid of 24 columns."""

import html
import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from deploy.grafana.preview import markup, plots
from deploy.grafana.preview.data import Looking, Mark, Series
from deploy.grafana.reading import Dashboard, Json

_STYLE: Final = (Path(__file__).parent / "page.css").read_text()
_NOTE: Final = (
    "Drawn by Understudy's own preview from the dashboard's JSON and live Prometheus data. "
    "This is not Grafana."
)


@dataclass(frozen=True, slots=True)
class Placed:
    """A panel where it is drawn, and what is asked for it."""

    panel: Json
    looking: Looking
    x: int
    y: int
    w: int
    h: int


def page(dashboard: Dashboard, looking: Looking) -> str:
    """The whole page; plotly.min.js lies beside it."""
    marks = looking.marks(dashboard)
    placed = list(_repeated(list(_placed(dashboard, looking))))
    drawn = "".join(_panel(each, marks) for each in placed)
    head = f"<meta charset=utf-8><title>{html.escape(dashboard.json['title'])}</title>"
    return (
        f"<!doctype html><html lang=en><head>{head}<style>{_STYLE}</style>"
        '<script src="plotly.min.js"></script></head><body>'
        f"<header><h1>{html.escape(dashboard.json['title'])}</h1>{_chosen(dashboard, looking)}"
        f"<p>{_NOTE}</p></header><main>{drawn}</main></body></html>"
    )


def _placed(dashboard: Dashboard, looking: Looking) -> Iterator[Placed]:
    """Closed rows are opened; repeated panels push what follows down, as in Grafana."""
    pushed = 0
    for panel in dashboard.json["panels"]:
        grid = panel["gridPos"]
        yield Placed(panel, looking, grid["x"], grid["y"] + pushed, grid["w"], grid["h"])
        if panel["type"] == "row":
            for inner in panel.get("panels", []):
                spot = inner["gridPos"]
                yield Placed(inner, looking, spot["x"], spot["y"] + pushed, spot["w"], spot["h"])
            spots = [inner["gridPos"] for inner in panel.get("panels", [])]
            below = max((spot["y"] + spot["h"] for spot in spots), default=grid["y"] + 1)
            pushed += below - (grid["y"] + 1)


def _repeated(placed: list[Placed]) -> Iterator[Placed]:
    """Each repeated panel as many times as its variable has values."""
    pushed = 0
    for each in placed:
        name = each.panel.get("repeat")
        if name is None:
            yield replace(each, y=each.y + pushed)
            continue
        values = each.looking.choices.values[name]
        values = [values] if isinstance(values, str) else values
        across = 24 // each.w
        for number, value in enumerate(values):
            x, y = each.w * (number % across), each.y + pushed + each.h * (number // across)
            yield replace(each, looking=each.looking.within(name, value), x=x, y=y)
        pushed += each.h * (-(-len(values) // across) - 1)


def _panel(placed: Placed, marks: list[Mark]) -> str:
    panel, looking = placed.panel, placed.looking
    place = f"grid-column:{placed.x + 1}/span {placed.w};grid-row:{placed.y + 1}/span {placed.h}"
    title = html.escape(looking.fill(panel.get("title") or ""))
    if panel["type"] == "row":
        return f'<h2 style="{place}">{title}</h2>'
    says = html.escape(looking.fill(panel.get("description", "")))
    inner = _inner(panel, looking, marks)
    bare = "bare" if panel.get("transparent") else ""
    head = f'<h3 title="{says}">{title}<sup>i</sup></h3>' if title else ""
    return f'<section class="{bare}" style="{place}">{head}{inner}</section>'


def _inner(panel: Json, looking: Looking, marks: list[Mark]) -> str:
    match panel["type"]:
        case "text":
            return markup.text(looking.fill(panel["options"]["content"]))
        case "alertlist":
            return markup.alerts(looking.prometheus.alerts())
        case "table":
            return markup.table(panel, *looking.table(panel))
        case "barchart":
            return _columns(panel, looking)
        case _:
            series = looking.series(panel)
            return _drawn(panel, series, looking, marks) if series else markup.NOTHING


def _columns(panel: Json, looking: Looking) -> str:
    names, rows = looking.table(panel)
    if not rows:
        return markup.NOTHING
    figure = plots.columns(panel, names, rows)
    return _plot(figure) + markup.key({t["name"]: t["marker"]["color"] for t in figure["data"]})


def _drawn(panel: Json, series: list[Series], looking: Looking, marks: list[Mark]) -> str:
    window = looking.window
    match panel["type"]:
        case "stat":
            return markup.figure(panel, series)
        case "bargauge":
            return markup.gauges(panel, series)
        case "heatmap":
            return _plot(plots.warmth(panel, series, window))
        case "state-timeline":
            drawn = _plot(plots.states(panel, series, window, marks))
            return drawn + markup.words(panel, series)
        case "timeseries":
            figure = plots.lines(panel, series, window, marks)
            return _plot(figure) + markup.legend(panel, series)
        case other:
            raise ValueError(f"{other} is no panel that the preview knows")


def _plot(figure: Json) -> str:
    told = json.dumps(figure).replace("</", "<\\/")
    return (
        '<div class="plot"></div><script>{const at=document.currentScript.previousElementSibling;'
        f"const told={told};addEventListener('load',()=>Plotly.newPlot(at,told.data,"
        "{...told.layout,width:at.clientWidth,height:at.clientHeight},{staticPlot:true}));}"
        "</script>"
    )


def _chosen(dashboard: Dashboard, looking: Looking) -> str:
    shown = []
    for variable in dashboard.variables():
        value = looking.choices.values[variable["name"]]
        if variable.get("hide") == 2:
            continue
        words = value if isinstance(value, str) else "All" if len(value) > 2 else " + ".join(value)
        label = variable.get("label") or variable["name"]
        shown.append(f"<span>{html.escape(label)} <b>{html.escape(words)}</b></span>")
    return f'<div class="chosen">{"".join(shown)}</div>'
