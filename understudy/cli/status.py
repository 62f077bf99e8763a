"""Status: what a deployment is set to, who serves it, and what the monitor reads off it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Final

import typer
from rich.console import Group
from rich.table import Table
from rich.text import Text

from understudy.cli.connections import connections
from understudy.cli.durations import parse_duration
from understudy.cli.log_health import log_health
from understudy.cli.output import (
    Format,
    console,
    make_details,
    make_table,
    output_format,
    show,
    visible,
)
from understudy.cli.policies import described
from understudy.cli.standings import Standing, Standings
from understudy.cli.waiting import await_served, end_unless_served
from understudy.cli.watching import Watch
from understudy.cli.watching import watch as keep_looking
from understudy.client import ClientError, MonitorClient
from understudy.contracts.monitor import Assessment
from understudy.contracts.registry import DeploymentView

_SHOWN_FEATURES: Final = 3
_LISTED: Final = (
    *("DEPLOYMENT", "MODEL", "RELEASE", "MAIN", "CHALLENGERS", "ACCESS"),
    *("STATE", "VERDICT", "LABELS"),
)


@dataclass(frozen=True, slots=True)
class _Monitored:
    """What the monitor says of a deployment, or why it does not."""

    assessment: Assessment | str
    standing: Standing


def add_to(app: typer.Typer) -> None:
    """Give the root this module's command."""
    app.command()(status)


def status(
    context: typer.Context,
    *,
    deployment: Annotated[
        str | None, typer.Argument(help="A deployment; all of them without it.")
    ] = None,
    watch: Watch = False,
    timeout: Annotated[
        str | None,
        typer.Option(
            show_default=False,
            help="Wait this long (60s, 5m) until every serving worker has the current release; "
            "of all deployments when none is named.",
        ),
    ] = None,
) -> None:
    """Show a deployment, or list all.

    With `--timeout` it waits until the current release is served by every worker, and fails when
    that does not happen in time, or when every worker says that it can't, so that a script can go
    on safely after a change.

    Examples: `understudy status`, `understudy status credit-risk --timeout 60s`,
    `understudy status credit-risk --watch`
    """
    if watch and (timeout or deployment is None):
        raise typer.BadParameter("--watch goes with the name of a deployment and no --timeout")
    seconds = parse_duration(timeout).total_seconds() if timeout else 0.0
    at = connections(context)
    with at.registry() as registry, at.monitor() as monitor, at.serving() as serving:
        if deployment is None:
            shown = await_served(registry.deployments, seconds)
            _list(context, shown, Standings(monitor))
        elif watch:
            keep_looking(
                context,
                lambda: _page(
                    registry.deployment(deployment),
                    _monitored(monitor, deployment),
                    log_health(serving),
                ),
            )
        else:
            shown = await_served(lambda: (registry.deployment(deployment),), seconds)
            if output_format(context) is Format.JSON:
                show(context, shown[0], "")
            else:
                monitored = _monitored(monitor, deployment)
                console().print(_page(shown[0], monitored, log_health(serving)))
    if timeout:
        end_unless_served(shown, timeout)


def _list(context: typer.Context, found: Sequence[DeploymentView], standings: Standings) -> None:
    if output_format(context) is Format.JSON:
        show(context, found, "")
        return
    rows = [_line(each, standings.of(each.name)) for each in found]
    console().print(make_table(_LISTED, rows))


def _line(found: DeploymentView, standing: Standing) -> tuple[object, ...]:
    now = found.current
    return (
        *(found.name, found.model, now.release, now.main, now.challengers, found.access),
        *(_state(found), standing.verdict, standing.labelled(now.main)),
    )


def _monitored(monitor: MonitorClient, deployment: str) -> _Monitored:
    return _Monitored(_assessment(monitor, deployment), Standings(monitor).of(deployment))


def _assessment(monitor: MonitorClient, deployment: str) -> Assessment | str:
    """The monitor's readings, or why there are none: the status does without."""
    try:
        return monitor.assessment(deployment)
    except ClientError as error:
        return str(error).partition("\n")[0]


def _page(found: DeploymentView, monitored: _Monitored, log: str | None) -> Group:
    head = _head(found, monitored.standing, log)
    return Group(head, Text(), _followers(found), Text(), *_evidence(monitored.assessment))


def _head(found: DeploymentView, standing: Standing, log: str | None) -> Table:
    current = found.current
    beside = ", ".join(str(number) for number in current.challengers) or "none"
    by = f"{current.kind} by {current.released_by}"
    rows: list[tuple[str, object]] = [
        ("deployment", f"{found.name} ({_state(found)})"),
        ("model", f"{found.model} in project {found.project}, access {found.access}"),
        ("release", f"{current.release}: main {current.main}, challengers {beside}"),
        ("", f"{by}" + (f" – {current.reason}" if current.reason else "")),
    ]
    if policy := described(current.policy):
        rows.append(("policy", policy))
    if verdict := standing.verdict_and_rule:
        rows.append(("verdict", f"{verdict} (understudy why {found.name})"))
    if labelled := standing.labelled(current.main):
        rows.append(("labels", f"{labelled} answers of the main"))
    if log is not None:
        rows.append(("log", log))
    return make_details(rows)


def _state(found: DeploymentView) -> str:
    if found.deployed:
        return "served by all"
    return "switching" if found.running else "not running"


def _followers(found: DeploymentView) -> Table:
    rows = [(f.component, f.instance, f.release, f.reported_at, f.failure) for f in found.followers]
    return make_table(("PROCESS", "INSTANCE", "RELEASE", "REPORTED", "FAILURE"), rows)


def _evidence(assessment: Assessment | str) -> list[Table | Text]:
    if isinstance(assessment, str):
        return [Text(visible(f"no readings: {assessment}"))]
    versions = make_table(
        ("VERSION", "ROLE", "ROWS", "ERRORS", "P50 MS", "P95 MS", "AGREES WITH MAIN"),
        [
            (
                reading.version,
                reading.role,
                reading.rows,
                reading.errors,
                _milliseconds(reading.latency_p50_seconds),
                _milliseconds(reading.latency_p95_seconds),
                _agreement(assessment, reading.version),
            )
            for reading in assessment.versions
        ],
    )
    return [versions, Text(), Text(visible(_drift(assessment)))]


def _milliseconds(seconds: float | None) -> str | None:
    return None if seconds is None else f"{seconds * 1_000:.2f}"


def _agreement(assessment: Assessment, version: int) -> str | None:
    for reading in assessment.agreements:
        if reading.challenger == version and reading.agreement_ratio is not None:
            return f"{reading.agreement_ratio:.1%} of {reading.rows}"
    return None


def _drift(assessment: Assessment) -> str:
    measured = [(f.drift_psi, f.feature) for f in assessment.features if f.drift_psi is not None]
    if not measured:
        return f"drift: no reading yet ({assessment.rows} rows in the window)"
    highest = sorted(measured, reverse=True)[:_SHOWN_FEATURES]
    told = ", ".join(f"{feature} {psi:.3f}" for psi, feature in highest)
    return f"drift (PSI, highest of {len(measured)} features): {told}"
