"""Fairness: rates by group of each protected attribute, and the gaps between groups."""

from collections.abc import Iterable, Iterator

import typer
from rich.console import Group, RenderableType
from rich.text import Text

from understudy.cli.bars import bar
from understudy.cli.connections import connections
from understudy.cli.deployments import Deployment
from understudy.cli.durations import Days
from understudy.cli.figures import NONE, amount, percent
from understudy.cli.output import cell, make_table, show
from understudy.contracts.monitor import FairnessReading, FairnessView, Interval


def add_to(app: typer.Typer) -> None:
    """Give the root this module's command."""
    app.command()(fairness)


def fairness(context: typer.Context, *, deployment: Deployment, days: Days = None) -> None:
    """Show selection and error rates by group of each protected attribute, and the widest gaps.

    Figures of small groups are suppressed.

    Example: `understudy fairness credit-risk`
    """
    with connections(context).monitor() as monitor:
        found = monitor.fairness(deployment, days)
    show(context, found, fairness_page(found))


def fairness_page(found: FairnessView) -> RenderableType:
    """One table for each version and attribute."""
    head = Text.assemble((cell(found.deployment), "bold"), f": groups since {cell(found.since)}")
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
    for group in reading.groups:
        rates = (group.selection_rate, group.true_positive_rate, group.false_positive_rate)
        if group.rows is None:
            table.add_row(Text(cell(group.group)), Text("< 30", "dim"), Text("too few rows", "dim"))
            continue
        drawn = bar(group.selection_rate.value if group.selection_rate else 0.0, "cyan")
        selected, true, false = (_rate(rate) for rate in rates)
        table.add_row(Text(cell(group.group)), amount(group.rows), drawn, selected, true, false)
    yield table


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
