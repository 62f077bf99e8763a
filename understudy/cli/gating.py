"""A gate for pipelines: may a challenger become main? The answer is the exit code."""

import time
from datetime import UTC, datetime
from typing import Annotated, Final

import typer
from rich.console import Group
from rich.text import Text

from understudy.cli.connections import connections
from understudy.cli.deployments import Deployment
from understudy.cli.durations import parse_duration
from understudy.cli.figures import amount
from understudy.cli.output import cell, show
from understudy.cli.wording import RULES
from understudy.client import MonitorClient, ProblemError
from understudy.contracts.monitor import Gate
from understudy.contracts.registry import DeploymentView
from understudy.contracts.vocabulary import RuleName, Verdict

CLOSED: Final = 1
UNDECIDED: Final = 2

_NOT_FOUND: Final = 404
_LOOK_SECONDS: Final = 10.0


def add_to(app: typer.Typer) -> None:
    """Give the root this module's command."""
    app.command()(gate)


def gate(
    context: typer.Context,
    *,
    deployment: Deployment,
    challenger: Annotated[
        int, typer.Option(min=1, show_default=False, help="The version that would become main.")
    ],
    equivalent: Annotated[
        bool, typer.Option("--equivalent", help="As good as the main is good enough.")
    ] = False,
    timeout: Annotated[
        str | None,
        typer.Option(show_default=False, help="Wait this long (90s, 12h, 3d) for a decision."),
    ] = None,
) -> None:
    """Ask whether a challenger may become main, for pipelines.

    Exit codes: 0 it may, or it is main already; 1 it may not, or nobody could be asked; 2 that is
    not decided yet, or the version is no challenger.

    Example: `understudy gate credit-risk --challenger 3 --timeout 3d && understudy promote
    credit-risk 3`
    """
    seconds = parse_duration(timeout).total_seconds() if timeout else 0.0
    at = connections(context)
    try:
        with at.monitor() as monitor:
            found = _await(monitor, deployment, challenger, seconds)
    except ProblemError as error:
        if error.status != _NOT_FOUND:
            raise
        with at.registry() as registry:
            found = _of_no_challenger(registry.deployment(deployment), challenger)
    opens = found.passes or (equivalent and found.verdict is Verdict.EQUIVALENT)
    show(context, found, _page(found, opens=opens))
    if not opens:
        raise typer.Exit(CLOSED if found.decided else UNDECIDED)


def _of_no_challenger(deployment: DeploymentView, version: int) -> Gate:
    """Open for the main itself: a pipeline that is run again ends well. Else typer.BadParameter."""
    current = deployment.current
    if version != current.main:
        beside = ", ".join(str(number) for number in current.challengers) or "none"
        raise typer.BadParameter(
            f"version {version} is no challenger of {deployment.name} that the monitor knows "
            f"(main {current.main}, challengers {beside}); "
            f"first: understudy challenge {deployment.name} {version}"
        )
    return Gate(
        deployment=deployment.name,
        release=current.release,
        at=datetime.now(UTC),
        challenger=version,
        passes=True,
        decided=True,
        verdict=Verdict.KEEP,
        rule=RuleName.NO_CHALLENGER,
        reasons=(f"version {version} is the main already (release {current.release})",),
    )


def _await(monitor: MonitorClient, deployment: str, challenger: int, seconds: float) -> Gate:
    """The first decided answer, or what holds when the time is over."""
    deadline = time.monotonic() + seconds
    while True:
        found = monitor.gate(deployment, challenger)
        left = deadline - time.monotonic()
        if found.decided or left <= 0:
            return found
        time.sleep(min(_LOOK_SECONDS, left))


def _page(found: Gate, *, opens: bool) -> Group:
    """The answer in a line, then why."""
    word, style = ("open", "green") if opens else ("closed", "red")
    if not found.decided:
        word, style = "not decided yet", "yellow"
    line = Text.assemble(
        (f"{cell(found.deployment)}, version {found.challenger}: ", "bold"),
        (word, f"bold {style}"),
        "" if found.rule is RuleName.NO_CHALLENGER else f" – {RULES[found.rule]}",
    )
    if found.expected_labels:
        line.append(f"; about {amount(found.expected_labels)} more labels for a decision")
    return Group(line, *(Text(f"  {cell(reason)}") for reason in found.reasons))
