"""Requests that were turned down."""

from typing import Final

from prometheus_client import CollectorRegistry, Counter

from services.serving.domain.errors import (
    BusyError,
    DeadlineError,
    LogFullError,
    NotLoadedError,
    OverloadedError,
    ScoringFailedError,
)
from services.serving.domain.limited import QuotaExceededError, RateLimitedError
from understudy.contracts.refusals import Fault
from understudy.runtime.http import STATUS
from understudy.runtime.keys import ForbiddenError, UnauthenticatedError

_NOBODY: Final = ""
_WATCHED: Final = (
    UnauthenticatedError,
    ForbiddenError,
    NotLoadedError,
    ScoringFailedError,
    BusyError,
    LogFullError,
    OverloadedError,
    DeadlineError,
    RateLimitedError,
    QuotaExceededError,
)
INTERNAL: Final = "internal"
"""The code of a failure that nobody foresaw."""


class RefusalMetrics:
    """What was turned down, by code and status."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._refusals = Counter(
            "understudy_refusals",
            "Requests turned down, by the code and the HTTP status of the problem; without a "
            "deployment where none of that name exists.",
            ["deployment", "code", "status"],
            registry=registry,
        )
        self.begins(_NOBODY)

    def begins(self, deployment: str) -> None:
        """What is our fault, or may be abuse, is there at 0: an increase shows the first one."""
        for refusal in _WATCHED:
            self._refusals.labels(deployment, refusal.code, str(STATUS[refusal.fault]))
        self._refusals.labels(deployment, INTERNAL, str(STATUS[Fault.FAILED]))

    def refused(self, deployment: str, code: str, status: int) -> None:
        """One request."""
        self._refusals.labels(deployment, code, str(status)).inc()
