"""Background work as steps: a loop calls one, waits, and backs off while it fails."""

import asyncio
import random
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import structlog

_CANCELLATIONS: Final = 5
_CANCEL_SECONDS: Final = 1.0


@dataclass(frozen=True, slots=True)
class Backoff:
    """How long to wait after the n-th failure in a row: doubling, capped, with jitter."""

    first_seconds: float = 0.1
    most_seconds: float = 5.0

    def delay(self, failures: int) -> float:
        """Seconds to wait; at least half of the nominal figure."""
        nominal = min(self.most_seconds, self.first_seconds * 2.0 ** min(failures - 1, 30))
        return nominal * random.uniform(0.5, 1.0)  # noqa: S311 - jitter, not a secret


def _whole(error: Exception) -> dict[str, object]:
    return {"error": repr(error)}


async def repeat(
    name: str,
    step: Callable[[], Awaitable[object]],
    *,
    pause_seconds: float = 0.0,
    backoff: Backoff | None = None,
    on_failure: Callable[[Exception], None] | None = None,
    told: Callable[[Exception], Mapping[str, object]] = _whole,
) -> None:
    """Call `step` until cancelled. A step that raises is logged, counted and tried again later.

    `told`: what the log may tell of an error; `without_message` where steps handle callers' values.
    """
    backoff = backoff or Backoff()
    log = structlog.stdlib.get_logger().bind(loop=name)
    failures = 0
    while True:
        try:
            await step()
        except Exception as error:  # noqa: BLE001 - a loop outlives whatever its step meets
            failures += 1
            log.warning("loop_step_failed", failures=failures, **told(error))
            if on_failure is not None:
                on_failure(error)
            await asyncio.sleep(backoff.delay(failures))
        else:
            if failures:
                log.info("loop_recovered", failures=failures)
            failures = 0
            await asyncio.sleep(pause_seconds)


async def cancel(tasks: Sequence[asyncio.Task[Any]]) -> None:
    """End tasks, and see to it: a library that loses a cancellation is asked again, for a time."""
    for _ in range(_CANCELLATIONS):
        running = [task for task in tasks if not task.done()]
        if not running:
            return
        for task in running:
            task.cancel()
        await asyncio.wait(running, timeout=_CANCEL_SECONDS)
    left = sum(not task.done() for task in tasks)
    if left:
        structlog.stdlib.get_logger().warning("tasks_do_not_end", tasks=left)
