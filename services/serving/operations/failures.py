"""Releases that could not be taken up: what is known of each, and when to try again."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from understudy.contracts.registry import DeploymentSnapshot
from understudy.runtime.loops import Backoff


@dataclass(frozen=True, slots=True)
class _Failure:
    attempt: tuple[object, ...]
    """What was tried: the same will hardly fare better at once, anything else may."""
    reason: str
    tries: int
    again_at: float


class Failures:
    """One for each deployment at most."""

    def __init__(
        self, backoff: Backoff | None = None, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._backoff = backoff or Backoff(0.5, 60.0)
        self._clock = clock
        self._found: dict[str, _Failure] = {}

    def due(self, wanted: DeploymentSnapshot, trusted: Sequence[str]) -> bool:
        """Whether to try: at once when it is new, later and later while it fails."""
        found = self._found.get(wanted.name)
        if found is None or found.attempt != _attempt(wanted, trusted):
            return True
        return self._clock() >= found.again_at

    def note(self, wanted: DeploymentSnapshot, trusted: Sequence[str], reason: str) -> bool:
        """It failed; True when that is news and worth a whole log line."""
        attempt, found = _attempt(wanted, trusted), self._found.get(wanted.name)
        same = found is not None and found.attempt == attempt
        tries = found.tries + 1 if found is not None and same else 1
        again_at = self._clock() + self._backoff.delay(tries)
        self._found[wanted.name] = _Failure(attempt, reason, tries, again_at)
        return found is None or not same or found.reason != reason

    def forget(self, deployment: str) -> None:
        """It was taken up, or is not wanted any more."""
        self._found.pop(deployment, None)

    def keep(self, deployments: Sequence[str]) -> None:
        """Forget those of all other deployments."""
        for name in self._found.keys() - {*deployments}:
            del self._found[name]


def _attempt(wanted: DeploymentSnapshot, trusted: Sequence[str]) -> tuple[object, ...]:
    return wanted.release, wanted.model, wanted.main, *trusted
