"""Dashboards: sections of panels on a grid, with variables, links and the releases as marks."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from grafana_foundation_sdk.builders import dashboard as build
from grafana_foundation_sdk.cog.builder import Builder
from grafana_foundation_sdk.models import dashboard as model

from deploy.grafana import queries
from deploy.grafana.frame import DATASOURCE
from deploy.grafana.look import Colour
from deploy.grafana.variables import datasource

COLUMNS: Final = 24
TAG: Final = "understudy"
_MARKS_STEP: Final = "15s"
"""A release that is current for less is not marked; Grafana widens it over long times."""


@dataclass(frozen=True, slots=True)
class Section:
    """Panels under a heading. Closed, it is opened by whoever looks for what it holds."""

    title: str
    panels: Sequence[model.Panel]
    closed: bool = False


class Marks(build.AnnotationQuery):
    """Annotations of a Prometheus datasource, with the keys that the SDK's type leaves out."""

    def build(self) -> model.AnnotationQuery:
        """The annotation."""
        return _Marks(**vars(super().build()))


class _Marks(model.AnnotationQuery):
    def to_json(self) -> dict[str, object]:
        return super().to_json() | {
            "step": _MARKS_STEP,
            "useValueForTime": True,
            "titleFormat": "{{deployment}}: release {{release}}",
            "textFormat": "version {{version}} is the main one",
            "tagKeys": "deployment",
        }


def dashboard(
    uid: str,
    title: str,
    says: str,
    sections: Sequence[Section],
    *,
    variables: Sequence[Builder[model.VariableModel]],
    marks: Sequence[Marks] = (),
) -> model.Dashboard:
    """A dashboard, its panels placed from left to right, section by section."""
    board = build.Dashboard(title).uid(uid).description(says).tags([TAG]).editable()
    board.time("now-1h", "now").refresh("30s").timezone("browser").version(1)
    board.tooltip(model.DashboardCursorSync.CROSSHAIR).link(_siblings())
    board.variables([datasource(), *variables]).annotations(list(marks))
    built = board.build()
    built.panels, top = [], 0
    for number, section in enumerate(sections, 1):
        place = model.GridPos(h=1, w=COLUMNS, x=0, y=top)
        top = _arrange(section.panels, 100 * number + 1, top + 1)
        row = model.RowPanel(section.closed, section.title, grid_pos=place, id_val=100 * number)
        # Grafana keeps the panels of a closed row inside of it, those of an open one beside it.
        row.panels = list(section.panels) if section.closed else []
        built.panels += [row, *([] if section.closed else section.panels)]
        top = place.y + 1 if section.closed else top
    return built


def release_marks(*matchers: str) -> Marks:
    """One mark for each release, at the time that it was made."""
    marks = Marks().name("Releases").datasource(DATASOURCE).enable(enable=True)
    return marks.icon_color(Colour.OTHER).expr(queries.releases(*matchers))


def _siblings() -> build.DashboardLink:
    """The other dashboards, with the same time and variables."""
    link = build.DashboardLink("Understudy").type(model.DashboardLinkType.DASHBOARDS).tags([TAG])
    return (
        link.as_dropdown(as_dropdown=False)
        .include_vars(include_vars=True)
        .keep_time(keep_time=True)
    )


def _arrange(panels: Sequence[model.Panel], first_id: int, top: int) -> int:
    """Give each panel its id and place; returns the line below them."""
    x, bottom = 0, top
    for number, panel in enumerate(panels):
        size = panel.grid_pos
        if size is None:
            raise ValueError(f"{panel.title} has no size")
        if x + size.w > COLUMNS:
            x, top = 0, bottom
        panel.id_val = first_id + number
        panel.grid_pos = model.GridPos(h=size.h, w=size.w, x=x, y=top)
        x, bottom = x + size.w, max(bottom, top + size.h)
    return bottom
