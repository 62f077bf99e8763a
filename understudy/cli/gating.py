"""A gate for pipelines: may a challenger become main? The answer is the exit code."""

import time
from typing import Annotated, Final

import typer

from understudy.cli.connections import connections
from understudy.cli.deployments import Deployment
from understudy.cli.durations import parse_duration
from understudy.cli.output import show
from understudy.cli.why import headline
from understudy.client import MonitorClient, ProblemError
from understudy.contracts.monitor import Judgement
from understudy.contracts.problems import Problem

CLOSED: Final = 1
UNDECIDED: Final = 2

_LOOK_SECONDS: Final = 10.0
_EXITS: Final = {"gate_closed": CLOSED, "not_decided": UNDECIDED}
"""By the codes of the monitor's refusals; any other one is a failure to ask."""


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

    Exit codes: 0 it may; 1 it may not, or nobody could be asked; 2 that is not decided yet.

    Example: `understudy gate credit-risk --challenger 3 --timeout 3d && understudy promote
    credit-risk 3`
    """
    seconds = parse_duration(timeout).total_seconds() if timeout else 0.0
    with connections(context).monitor() as monitor:
        answer = _await(monitor, (deployment, challenger), seconds, equivalent=equivalent)
    if isinstance(answer, Judgement):
        show(context, answer, headline(answer))
        return
    show(context, answer, answer.detail)
    raise typer.Exit(_EXITS[answer.code])


def _await(
    monitor: MonitorClient, of: tuple[str, int], seconds: float, *, equivalent: bool
) -> Judgement | Problem:
    """The verdict that opens the gate, or the refusal that holds at the end."""
    deadline = time.monotonic() + seconds
    while True:
        answer = _ask(monitor, of, equivalent=equivalent)
        left = deadline - time.monotonic()
        if isinstance(answer, Judgement) or _EXITS[answer.code] != UNDECIDED or left <= 0:
            return answer
        time.sleep(min(_LOOK_SECONDS, left))


def _ask(monitor: MonitorClient, of: tuple[str, int], *, equivalent: bool) -> Judgement | Problem:
    try:
        return monitor.gate(*of, equivalent=equivalent)
    except ProblemError as refused:
        if refused.code not in _EXITS:
            raise
        return refused.problem
