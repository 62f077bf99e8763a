"""Drift: which features, answers or combinations left the reference, since when, how much."""

from collections.abc import Iterator, Sequence
from typing import Annotated, Final

import typer
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from understudy.cli.bars import evidence_bar, sparkline
from understudy.cli.connections import connections
from understudy.cli.deployments import Deployment
from understudy.cli.figures import amount, lasting, number, odds, percent
from understudy.cli.output import Format, cell, make_table, output_format, show
from understudy.cli.watching import Watch, watch
from understudy.cli.wording import KINDS
from understudy.client import ClientError, MonitorClient
from understudy.contracts.monitor import Assessment, DriftAlarm, DriftView
from understudy.contracts.vocabulary import DriftKind

DRIFTED: Final = 1

_SHOWN: Final = 12
_NAMED: Final = 5
_SHARES: Final = frozenset({DriftKind.MISSING, DriftKind.UNSEEN, DriftKind.OUT_OF_RANGE})
_COLUMNS: Final = (
    *("SUBJECT", "WHAT", "EVIDENCE", "", "SINCE", "PSI"),
    *("WAS", "IS", "IMPORTANCE", "REFERENCE → LIVE"),
)


def add_to(app: typer.Typer) -> None:
    """Give the root this module's command."""
    app.command()(drift)


def drift(
    context: typer.Context,
    *,
    deployment: Deployment,
    everything: Annotated[
        bool, typer.Option("--all", "-a", help="Also what shows no sign of drift.")
    ] = False,
    exit_code: Annotated[
        bool, typer.Option("--exit-code", help="End with 1 when something drifted.")
    ] = False,
    watching: Watch = False,
) -> None:
    """Rank what is watched by the evidence that it left the reference.

    The bar is full where there is an alarm. An effect size stands beside it: PSI in nats, and what
    the mean (or the share of rows) is and was.

    Examples: `understudy drift credit-risk`, `understudy drift credit-risk --all --watch`
    """
    most = None if everything else _SHOWN
    with connections(context).monitor() as monitor:
        if watching:
            watch(
                context,
                lambda: page(monitor.drift(deployment), _assessed(monitor, deployment), most),
            )
        found = monitor.drift(deployment)
        if output_format(context) is Format.JSON:
            show(context, found, "")
        else:
            show(context, found, page(found, _assessed(monitor, deployment), most))
    if exit_code and any(alarm.ended is None for alarm in found.alarms):
        raise typer.Exit(DRIFTED)


def page(found: DriftView, assessed: Assessment | None, most: int | None) -> RenderableType:
    """What drifted in a line, then the ranking, then what is over, then what evidence assumes."""
    told = found.watched or found.alarms
    ranked = [alarm for alarm in told if alarm.ended is None]
    over = [alarm for alarm in told if alarm.ended is not None]
    shown, shapes = ranked[:most], _shapes(assessed)
    parts: list[RenderableType] = [_headline(found), _looked_at(found)]
    if shown:
        parts += [Text(), _table(found, shown, shapes)]
    if len(ranked) > len(shown):
        parts.append(Text(f"… and {len(ranked) - len(shown)} more with less evidence", "dim"))
    if over:
        title = Text("OVER: rows came back to the reference", "dim")
        parts += [Text(), title, _table(found, over[:most], shapes)]
    return Group(*parts, *_assumptions(found))


def _headline(found: DriftView) -> Text:
    name = (f"{cell(found.deployment)}: ", "bold")
    present = [alarm for alarm in found.alarms if alarm.ended is None]
    if present:
        return Text.assemble(name, (f"{_subjects(present)} drifted", "bold red"))
    over = [alarm for alarm in (*found.watched, *found.alarms) if alarm.ended is not None]
    if over:
        after = (f" – {_subjects(over)} had drifted, that is over", "dim")
        return Text.assemble(name, ("no drift any more", "bold green"), after)
    return Text.assemble(name, ("no drift", "bold green"))


def _subjects(alarms: Sequence[DriftAlarm]) -> str:
    """Five at most by name."""
    names = list(dict.fromkeys(_subject(alarm) for alarm in alarms))
    beside = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return f"{', '.join(names[:_NAMED])}{beside}"


def _looked_at(found: DriftView) -> Text:
    since = f" since {cell(found.since)}" if found.since else ""
    told = f"  {amount(found.rows)} rows{since}, release {found.release}"
    if found.interaction_at is not None:
        told += f"; interactions looked at {cell(found.interaction_at)}"
    return Text(told)


def _table(found: DriftView, alarms: Sequence[DriftAlarm], shapes: dict[str, str]) -> Table:
    table = make_table(_COLUMNS, ())
    for place in (3, 5, 6, 7, 8):
        table.columns[place].justify = "right"
    for column in table.columns[1:]:
        column.no_wrap = True
    for alarm in alarms:
        alarmed = alarm.ended is None and alarm.log_evidence >= alarm.threshold
        style = "red" if alarmed else "cyan" if alarm.ended is None else "dim"
        table.add_row(
            Text(_subject(alarm), "bold red" if alarmed else ""),
            KINDS[alarm.kind],
            evidence_bar(alarm.log_evidence, alarm.threshold, style),
            Text(odds(alarm.log_evidence), style if alarmed else "dim"),
            Text(_since(found, alarm), "" if alarmed else "dim"),
            number(alarm.psi),
            _figure(alarm, alarm.reference),
            Text(_figure(alarm, alarm.live), "bold" if alarmed else ""),
            number(alarm.importance),
            shapes.get(alarm.subject, "") if alarm.kind is DriftKind.SHAPE else "",
        )
    return table


def _since(found: DriftView, alarm: DriftAlarm) -> str:
    if alarm.ended is not None:
        return f"over since {lasting((found.at - alarm.ended).total_seconds())}"
    ago = (found.at - alarm.since).total_seconds()
    return f"{lasting(ago)} ago" if alarm.log_evidence > 0 else ""


def _subject(alarm: DriftAlarm) -> str:
    version = "" if alarm.version is None else f" of version {alarm.version}"
    return f"{cell(alarm.subject)}{version}"


def _figure(alarm: DriftAlarm, value: float | None) -> str:
    return percent(value) if alarm.kind in _SHARES else number(value)


def _shapes(assessed: Assessment | None) -> dict[str, str]:
    """Each feature's bins in the reference and in the newest window, as heights."""
    if assessed is None:
        return {}
    return {
        feature.feature: f"{before} → {now}"
        for feature in assessed.features
        if (before := sparkline(feature.reference_counts))
        and (now := sparkline(feature.live_counts))
    }


def _assumptions(found: DriftView) -> Iterator[Text]:
    told = dict.fromkeys(alarm.assumes for alarm in found.alarms)
    if told:
        yield Text()
    for assumed in told:
        yield Text(f"assumes: {cell(assumed)}", "dim")


def _assessed(monitor: MonitorClient, deployment: str) -> Assessment | None:
    """The newest window, for its shapes; the ranking does without."""
    try:
        return monitor.assessment(deployment)
    except ClientError:
        return None
