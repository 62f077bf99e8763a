"""Waiting until releases are served; a failure that every worker reports is not waited out."""

import time
from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Final

import typer

from understudy.cli.output import remark
from understudy.contracts.registry import DeploymentView
from understudy.contracts.vocabulary import Component

_LOOK_SECONDS: Final = 0.5
_NEWS_TRAVEL: Final = timedelta(seconds=1)
"""A report this soon after a release may be of a worker that has not heard of the release yet."""


def await_served(
    look: Callable[[], Sequence[DeploymentView]], seconds: float
) -> Sequence[DeploymentView]:
    """Look until all are served by all, one never will be, or the time is over; the last look."""
    deadline = time.monotonic() + seconds
    while True:
        found = look()
        left = deadline - time.monotonic()
        if all(d.deployed for d in found) or any(known_failure(d) for d in found) or left <= 0:
            return found
        time.sleep(min(_LOOK_SECONDS, left))


def known_failure(found: DeploymentView) -> str | None:
    """Why the current release is served by nobody, when every serving worker says so."""
    workers = [f for f in found.followers if f.component is Component.SERVING]
    heard = found.current.released_at + _NEWS_TRAVEL
    failures = [f.failure for f in workers if f.failure and f.reported_at >= heard]
    return failures[0] if failures and len(failures) == len(workers) else None


def end_unless_served(found: Sequence[DeploymentView], timeout: str) -> None:
    """Say of each deployment that is not served by all why, and fail when there is one."""
    for deployment in (unserved := [d for d in found if not d.deployed]):
        release = f"Release {deployment.current.release} of {deployment.name}"
        if failure := known_failure(deployment):
            remark(f"{release} can't be served: {failure}")
        else:
            remark(f"{release} is not served by all within {timeout}.")
    if unserved:
        raise typer.Exit(1)
