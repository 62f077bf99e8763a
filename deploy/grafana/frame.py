"""What every panel has: a place, a title, words, queries of the chosen datasource, a unit."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, TypeVar

from grafana_foundation_sdk.builders import (
    barchart,
    bargauge,
    heatmap,
    prometheus,
    stat,
    statetimeline,
    table,
    timeseries,
)
from grafana_foundation_sdk.builders import dashboard as build
from grafana_foundation_sdk.models import dashboard as model
from grafana_foundation_sdk.models import prometheus as source

from deploy.grafana.look import Steps, Unit

DATASOURCE: Final = model.DataSourceRef(type_val="prometheus", uid="${datasource}")

_Panel = TypeVar(
    "_Panel",
    barchart.Panel,
    bargauge.Panel,
    heatmap.Panel,
    stat.Panel,
    statetimeline.Panel,
    table.Panel,
    timeseries.Panel,
)


@dataclass(frozen=True, slots=True)
class Face:
    """What a panel is called, what it says and what is good, and its size on the grid of 24."""

    title: str
    says: str
    width: int = 8
    height: int = 8
    repeat: str | None = None
    """A variable that the panel is repeated for, side by side."""


@dataclass(frozen=True, slots=True)
class Query:
    """PromQL, and how its series are named. `now` asks for the newest values alone."""

    expr: str
    legend: str = ""
    ref: str = "A"
    now: bool = False
    as_table: bool = False


def framed(
    panel: _Panel, face: Face, queries: Sequence[Query], unit: Unit, limits: Steps
) -> _Panel:
    """The panel with all of it; where it lies is decided by the board."""
    panel.title(face.title).description(face.says).datasource(DATASOURCE)
    panel.span(face.width).height(face.height).unit(unit)
    panel.thresholds(limited(limits))
    panel.targets([_target(query) for query in queries])
    if face.repeat is not None:
        panel.repeat(face.repeat).repeat_direction("h").max_per_row(24 // face.width)
    return panel


def limited(limits: Steps) -> build.ThresholdsConfig:
    """Limits as thresholds: from each value on, its colour."""
    steps = [model.Threshold(value, colour) for value, colour in limits]
    return build.ThresholdsConfig().mode(model.ThresholdsMode.ABSOLUTE).steps(steps)


def renamed_fields(
    key: str, names: Mapping[str, str], *, sort: str, descending: bool = False
) -> list[model.DataTransformerConfig]:
    """Tables of several queries as one: a row for each value of the key, a column for each query.

    Only the named columns stay, in their order, under their names.
    """
    # Grafana calls the value of one of several tables `Value #<ref>`; of a single one, `Value`.
    fields = {"Value" if len(names) == 1 else f"Value #{ref}": name for ref, name in names.items()}
    kept = [key, *fields]
    return [
        model.DataTransformerConfig("joinByField", options={"byField": key, "mode": "outer"}),
        model.DataTransformerConfig("filterFieldsByName", options={"include": {"names": kept}}),
        model.DataTransformerConfig(
            "organize",
            options={
                "excludeByName": {},
                "indexByName": {name: place for place, name in enumerate(kept)},
                "renameByName": fields,
            },
        ),
        model.DataTransformerConfig(
            "sortBy", options={"sort": [{"field": sort, "desc": descending}]}
        ),
    ]


def _target(query: Query) -> prometheus.Dataquery:
    target = prometheus.Dataquery().expr(query.expr).ref_id(query.ref).datasource(DATASOURCE)
    target.legend_format(query.legend or "__auto")
    target.format(
        source.PromQueryFormat.TABLE if query.as_table else source.PromQueryFormat.TIME_SERIES
    )
    return target.instant() if query.now or query.as_table else target.range()
