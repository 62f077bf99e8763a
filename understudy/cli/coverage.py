"""Coverage: how many answers have labels, how late those come, and which are missing."""

from collections.abc import Iterator, Mapping
from typing import Final

import typer
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from understudy.cli.bars import bar
from understudy.cli.connections import connections
from understudy.cli.deployments import Deployment
from understudy.cli.durations import Days
from understudy.cli.figures import amount, lasting, number, percent
from understudy.cli.output import cell, make_table, show
from understudy.contracts.monitor import CoverageReading, CoverageView

_LAGS: Final = ("HALF WITHIN", "95% WITHIN")


def add_to(app: typer.Typer) -> None:
    """Give the root this module's command."""
    app.command()(coverage)


def coverage(context: typer.Context, *, deployment: Deployment, days: Days = None) -> None:
    """Show how many answers have labels, how late labels come, and which answers lack them.

    Example: `understudy coverage credit-risk`
    """
    with connections(context).monitor() as monitor:
        found = monitor.coverage(deployment, days)
    show(context, found, coverage_page(found))


def coverage_page(found: CoverageView) -> RenderableType:
    """The warning first, then by version, day, predicted class and score."""
    parts: list[RenderableType] = [
        Text.assemble((cell(found.deployment), "bold"), f": {_states(found)}")
    ]
    if found.selection_warning:
        parts.append(Text(f"  warning: {cell(found.selection_warning)}", "bold yellow"))
    deciles = {_decile(found, at): each for at, each in enumerate(found.score_deciles)}
    for title, readings in (
        ("VERSION", found.versions),
        ("DAY OF PREDICTION", found.days),
        ("PREDICTED CLASS", found.predicted_classes),
        ("SCORE", deciles),
    ):
        if readings:
            parts += [Text(), _covered(title, readings)]
    return Group(*parts, *_labels(found))


def _states(found: CoverageView) -> str:
    return (
        f"{amount(found.parked)} labels parked (no such prediction yet), "
        f"{amount(found.corrected)} corrected, {amount(found.duplicates)} repeated"
    )


def _decile(found: CoverageView, at: int) -> str:
    edges = found.score_edges
    if len(edges) > at + 1:
        return f"{edges[at]:.2f} to {edges[at + 1]:.2f}"
    return f"decile {at + 1}"


def _covered(title: str, readings: Mapping[str, CoverageReading]) -> Table:
    late = any(reading.lag_p50_seconds is not None for reading in readings.values())
    table = make_table((*(title, "ANSWERS", "LABELS", "COVERED", ""), *(_LAGS if late else ())), ())
    for place in (1, 2, 4):
        table.columns[place].justify = "right"
    for name, reading in readings.items():
        table.add_row(
            Text(cell(name)),
            amount(reading.answered),
            amount(reading.labelled),
            bar(reading.coverage_ratio or 0.0, "cyan"),
            percent(reading.coverage_ratio),
            *(_lags(reading) if late else ()),
        )
    return table


def _lags(reading: CoverageReading) -> tuple[str, str]:
    return lasting(reading.lag_p50_seconds), lasting(reading.lag_p95_seconds)


def _labels(found: CoverageView) -> Iterator[RenderableType]:
    shares = ", ".join(f"{cell(name)} {percent(each)}" for name, each in found.label_shares.items())
    moments = (
        ""
        if found.label_mean is None
        else f"mean {number(found.label_mean)}, variance {number(found.label_variance)}"
    )
    if told := shares or moments:
        yield Text()
        yield Text(f"labels: {told}")
