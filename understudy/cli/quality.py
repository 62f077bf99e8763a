"""Quality: main and challengers on the rows whose labels are known."""

from collections.abc import Sequence
from typing import Annotated, Final

import typer
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from understudy.cli.connections import connections
from understudy.cli.deployments import Deployment
from understudy.cli.durations import Days, looked_back
from understudy.cli.figures import NONE, amount, interval
from understudy.cli.output import cell, make_table, show
from understudy.cli.wording import spoken
from understudy.contracts.monitor import CohortQuality, QualityReading, QualityView

_LEADING: Final = ("accuracy", "rmse", "mae")
"""The metric that days are told by: the first that there is."""


def add_to(app: typer.Typer) -> None:
    """Give the root this module's command."""
    app.command()(quality)


def quality(
    context: typer.Context,
    *,
    deployment: Deployment,
    days: Days = None,
    early: Annotated[
        bool,
        typer.Option("--early", help="Also labels that have not matured: they may be biased."),
    ] = False,
    by_class: Annotated[bool, typer.Option("--by-class", help="Also each class alone.")] = False,
) -> None:
    """Compare main and challengers on the rows whose labels are known.

    Estimated figures need no labels; they assume that what a row means has not changed.

    Examples: `understudy quality credit-risk --days 14`, `understudy quality credit-risk -o json`
    """
    with connections(context).monitor() as monitor:
        found = monitor.quality(deployment, days)
    show(context, found, quality_page(found, days, early=early, by_class=by_class))


def quality_page(
    found: QualityView, days: int | None = None, *, early: bool = False, by_class: bool = False
) -> RenderableType:
    """Metrics down, versions across; then day by day."""
    readings = found.all_labelled if early else found.matured
    said = "all labels, also early ones" if early else "matured labels"
    head = Text.assemble(
        (cell(found.deployment), "bold"),
        f": quality on {said} of predictions since {cell(found.since)}",
    )
    if less := looked_back(days, found.since, found.at):
        head.append(f"\n  {less}", "yellow")
    if not any(reading.labelled for reading in readings):
        return Group(head, Text("  no labels yet: understudy label sends them", "yellow"))
    parts: list[RenderableType] = [head, Text(), _metrics(readings)]
    if by_class:
        parts += [Text(), _classes(readings)]
    if found.days:
        parts += [Text(), _days(found.days)]
    hint = f"Which one is better, and whether that is chance: understudy why {found.deployment}"
    return Group(*parts, Text(), Text(cell(hint), "dim"))


def _metrics(readings: Sequence[QualityReading]) -> Table:
    table = make_table(("", *(_version(reading) for reading in readings)), ())
    table.add_row("labelled", *(_labelled(reading) for reading in readings))
    names = dict.fromkeys(name for reading in readings for name in reading.metrics)
    for name in names:
        figures = [reading.metrics.get(name) for reading in readings]
        table.add_row(Text(spoken(name)), *(interval(figure) for figure in figures))
    for name in dict.fromkeys(name for reading in readings for name in reading.estimated):
        figures = [reading.estimated.get(name) for reading in readings]
        told = Text(f"{spoken(name)}, estimated", "dim")
        table.add_row(told, *(Text(interval(figure), "dim") for figure in figures))
    return table


def _version(reading: QualityReading) -> str:
    return f"{reading.role} {reading.version}".upper()


def _labelled(reading: QualityReading) -> str:
    return f"{amount(reading.labelled)} of {amount(reading.rows)}"


def _classes(readings: Sequence[QualityReading]) -> Table:
    table = make_table(("CLASS", "", *(_version(reading) for reading in readings)), ())
    for name, metric in dict.fromkeys(
        (name, metric)
        for reading in readings
        for name, metrics in reading.by_class.items()
        for metric in metrics
    ):
        figures = (reading.by_class.get(name, {}).get(metric) for reading in readings)
        table.add_row(
            Text(cell(name)), Text(spoken(metric)), *(interval(figure) for figure in figures)
        )
    return table


def _days(days: Sequence[CohortQuality]) -> Table:
    """One metric by day of prediction, UTC."""
    metric = _leading(days)
    versions = list(dict.fromkeys(_version(reading) for day in days for reading in day.versions))
    columns = [part for version in versions for part in (f"{version} {spoken(metric)}", "LABELS")]
    table = make_table(("DAY (UTC)", *columns, ""), ())
    for day in days:
        read = {_version(reading): reading for reading in day.versions}
        cells = [part for version in versions for part in _day(read.get(version), metric)]
        told = Text("" if day.matured else "not matured", "dim")
        table.add_row(f"{day.begins:%Y-%m-%d}", *cells, told)
    return table


def _leading(days: Sequence[CohortQuality]) -> str:
    known = {name for day in days for reading in day.versions for name in reading.metrics}
    return next((name for name in _LEADING if name in known), min(known, default="accuracy"))


def _day(reading: QualityReading | None, metric: str) -> tuple[str, str]:
    if reading is None:
        return NONE, NONE
    return interval(reading.metrics.get(metric)), amount(reading.labelled)
