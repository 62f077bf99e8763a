"""Tables, lists of alerts, and text."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from grafana_foundation_sdk.builders import dashboard as build
from grafana_foundation_sdk.builders import table, text
from grafana_foundation_sdk.models import common as options
from grafana_foundation_sdk.models import dashboard as model
from grafana_foundation_sdk.models import text as texts

from deploy.grafana.frame import DATASOURCE, Face, Query, framed, limited, renamed_fields
from deploy.grafana.look import CALM, Steps, Unit

_LISTED: Final = 40


@dataclass(frozen=True, slots=True)
class Column:
    """A column of figures: one query, one value for each row."""

    name: str
    query: Query
    unit: Unit = Unit.COUNT
    limits: Steps = CALM
    mapping: model.ValueMap | None = None
    bar_up_to: float | None = None
    """Drawn as a bar that is full at this value."""
    decimals: int | None = None
    width: int | None = None


def grid(
    face: Face,
    key: str,
    columns: Sequence[Column],
    *,
    sort: str,
    descending: bool = False,
    link: tuple[str, str] | None = None,
) -> model.Panel:
    """A row for each value of the key; `link`, a title and a URL, leads on from it."""
    queries = [column.query for column in columns]
    panel = framed(table.Panel(), face, queries, Unit.COUNT, CALM)
    panel.cell_height(options.TableCellHeight.SM).show_header(show_header=True).filterable(
        filterable=False
    )
    names = {column.query.ref: column.name for column in columns}
    panel.transformations(renamed_fields(key, names, sort=sort, descending=descending))
    panel.no_value("–")
    for column in columns:
        panel.override_by_name(column.name, _properties(column))
    if link is not None:
        led = [{"title": link[0], "url": link[1], "targetBlank": False}]
        panel.override_by_name(key, [model.DynamicConfigValue("links", led)])
    return panel.build()


def alerts(face: Face, matcher: str = "") -> model.Panel:
    """Alerts that fire or are about to, with their words and the way to the runbook.

    The SDK has no builder of it. No datasource is named: Grafana lists the rules of all.
    """
    shown = {
        "viewMode": "list",
        "groupMode": "default",
        "groupBy": [],
        "maxItems": _LISTED,
        "sortOrder": 3,
        "dashboardAlerts": False,
        "alertName": "",
        "alertInstanceLabelFilter": matcher,
        "showInstances": True,
        "stateFilter": {
            "firing": True,
            "pending": True,
            "noData": False,
            "normal": False,
            "error": True,
        },
    }
    panel = build.Panel().type("alertlist").title(face.title).description(face.says)
    return panel.span(face.width).height(face.height).datasource(DATASOURCE).options(shown).build()


def words(face: Face, markdown: str) -> model.Panel:
    """Text, with variables."""
    panel = text.Panel().title(face.title).description(face.says).datasource(DATASOURCE)
    panel.span(face.width).height(face.height).transparent(transparent=True)
    return panel.mode(texts.TextMode.MARKDOWN).content(markdown).build()


def _properties(column: Column) -> list[model.DynamicConfigValue]:
    properties: dict[str, object] = {
        "unit": str(column.unit),
        "thresholds": limited(column.limits).build(),
        "color": {"mode": "thresholds"},
        "custom.cellOptions": _cell(column),
        "custom.align": "right" if column.mapping is None else "center",
    }
    if column.mapping is not None:
        properties["mappings"] = [column.mapping]
    if column.bar_up_to is not None:
        properties |= {"min": 0, "max": column.bar_up_to}
    if column.decimals is not None:
        properties["decimals"] = column.decimals
    if column.width is not None:
        properties["custom.width"] = column.width
    return [model.DynamicConfigValue(name, value) for name, value in properties.items()]


def _cell(column: Column) -> dict[str, str]:
    if column.bar_up_to is not None:
        return {"type": "gauge", "mode": "basic", "valueDisplayMode": "color"}
    coloured = column.mapping is not None or len(column.limits) > 1
    return {"type": "color-text"} if coloured else {"type": "auto"}
