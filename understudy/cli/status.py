"""Status: what a deployment is set to, who serves it, and what the monitor reads off it."""

import sys
import time
from collections.abc import Callable, Sequence
from typing import Annotated, Final

import typer
from rich.console import Group
from rich.live import Live
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
from understudy.cli.waiting import await_served, end_unless_served
from understudy.client import ClientError, MonitorClient
from understudy.contracts.monitor import Assessment
from understudy.contracts.registry import DeploymentView

_LOOK_SECONDS: Final = 0.5
_SHOWN_FEATURES: Final = 3


def add_to(app: typer.Typer) -> None:
    """Give the root this module's command."""
    app.command()(status)


def status(
    context: typer.Context,
    *,
    deployment: Annotated[
        str | None, typer.Argument(help="A deployment; all of them without it.")
    ] = None,
    watch: Annotated[
        bool, typer.Option("--watch", "-w", help="Keep looking until Ctrl-C.")
    ] = False,
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
            _list(context, shown)
        elif watch:
            _watch(
                lambda: _page(
                    registry.deployment(deployment),
                    _assessment(monitor, deployment),
                    log_health(serving),
                )
            )
        else:
            shown = await_served(lambda: (registry.deployment(deployment),), seconds)
            if output_format(context) is Format.JSON:
                show(context, shown[0], "")
            else:
                assessment = _assessment(monitor, deployment)
                console().print(_page(shown[0], assessment, log_health(serving)))
    if timeout:
        end_unless_served(shown, timeout)


def _list(context: typer.Context, found: Sequence[DeploymentView]) -> None:
    columns = ("DEPLOYMENT", "MODEL", "RELEASE", "MAIN", "CHALLENGERS", "ACCESS", "STATE")
    rows = [
        (d.name, d.model, d.current.release, d.current.main, d.current.challengers, d.access, s)
        for d, s in ((d, _state(d)) for d in found)
    ]
    show(context, found, make_table(columns, rows))


def _watch(page: Callable[[], Group]) -> None:
    if not sys.stdout.isatty():
        while True:
            console().print(page())
            time.sleep(_LOOK_SECONDS * 4)
    with Live(page(), console=console(), auto_refresh=False) as live:
        while True:
            time.sleep(_LOOK_SECONDS * 2)
            live.update(page(), refresh=True)


def _assessment(monitor: MonitorClient, deployment: str) -> Assessment | str:
    """The monitor's readings, or why there are none: the status does without."""
    try:
        return monitor.assessment(deployment)
    except ClientError as error:
        return str(error).partition("\n")[0]


def _page(found: DeploymentView, assessment: Assessment | str, log: str | None) -> Group:
    return Group(_head(found, log), Text(), _followers(found), Text(), *_evidence(assessment))


def _head(found: DeploymentView, log: str | None) -> Table:
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
