"""Fairness: rates by group of each protected attribute, and the gaps between groups."""

from collections.abc import Iterable, Iterator
from typing import Final

import typer
from rich.console import Group, RenderableType
from rich.text import Text

from understudy.cli.bars import bar
from understudy.cli.connections import connections
from understudy.cli.deployments import Deployment
from understudy.cli.durations import Days, looked_back
from understudy.cli.figures import NONE, amount, percent
from understudy.cli.output import Format, cell, make_table, output_format, show
from understudy.client import ClientError, ServingClient
from understudy.contracts.monitor import FairnessReading, FairnessView, Interval
from understudy.contracts.vocabulary import class_name

_NAMED: Final = 5
"""Of groups that are too small."""


def add_to(app: typer.Typer) -> None:
    """Give the root this module's command."""
    app.command()(fairness)


def fairness(context: typer.Context, *, deployment: Deployment, days: Days = None) -> None:
    """Show selection and error rates by group of each protected attribute, and the widest gaps.

    Selected is who is answered the last class of the model's signature. Groups of fewer than 30
    rows are not shown.

    Example: `understudy fairness credit-risk`
    """
    at = connections(context)
    with at.monitor() as monitor:
        found = monitor.fairness(deployment, days)
    if output_format(context) is Format.JSON:
        show(context, found, "")
        return
    with at.serving() as serving:
        show(context, found, fairness_page(found, days, _selected(serving, deployment)))


def _selected(serving: ServingClient, deployment: str) -> str:
    """Whom the rates are of: those that are answered the last class; its name where it is told."""
    try:
        classes = serving.signature(deployment).target.classes
    except ClientError:
        return "the last class of the model's signature"
    return f"'{class_name(classes[-1])}'" if classes else "nothing: a regression has no classes"


def fairness_page(found: FairnessView, days: int | None, selected: str) -> RenderableType:
    """One table for each version and attribute."""
    head = Text.assemble(
        (cell(found.deployment), "bold"), f": groups of predictions since {cell(found.since)}"
    )
    if less := looked_back(days, found.since, found.at):
        head.append(f"\n  {less}", "yellow")
    head.append(f"\n  selected: answered {cell(selected)}; intervals are of 95 %", "dim")
    if not found.attributes:
        return Group(head, Text("  no protected attributes were sent", "dim"))
    parts = [part for reading in found.attributes for part in _groups(reading)]
    return Group(head, *parts)


def _groups(reading: FairnessReading) -> Iterator[RenderableType]:
    yield Text()
    title = f"{cell(reading.attribute)}, {reading.role} {reading.version}"
    yield Text(f"{title}{_gaps(reading)}", "bold")
    table = make_table(("GROUP", "ROWS", "SELECTED", "", "TRUE POSITIVES", "FALSE POSITIVES"), ())
    table.columns[1].justify = "right"
    for group in (group for group in reading.groups if group.rows is not None):
        rates = (group.selection_rate, group.true_positive_rate, group.false_positive_rate)
        drawn = bar(group.selection_rate.value if group.selection_rate else 0.0, "cyan")
        selected, true, false = (_rate(rate) for rate in rates)
        table.add_row(Text(cell(group.group)), amount(group.rows), drawn, selected, true, false)
    if table.row_count:
        yield table
    small = [cell(group.group) for group in reading.groups if group.rows is None]
    if small:
        more = f" and {len(small) - _NAMED} more" if len(small) > _NAMED else ""
        told = f"too few rows to be shown (fewer than 30): {', '.join(small[:_NAMED])}{more}"
        yield Text(told, "dim")


def _gaps(reading: FairnessReading) -> str:
    named: Iterable[tuple[str, Interval | None]] = (
        ("selection", reading.selection_gap),
        ("true positives", reading.true_positive_gap),
        ("false positives", reading.false_positive_gap),
    )
    told = ", ".join(f"{name} {_rate(gap)}" for name, gap in named if gap is not None)
    return f" – widest gaps: {told}" if told else ""


def _rate(found: Interval | None) -> str:
    if found is None:
        return NONE
    if found.low is None or found.high is None:
        return percent(found.value)
    return f"{percent(found.value)} [{percent(found.low)}, {percent(found.high)}]"
