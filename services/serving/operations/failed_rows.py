"""Rows that a model failed on go into the log too, so that whoever judges it sees its errors.

Their caller was refused before, and waits for nothing. Of a request with several rows those that
fail by themselves are told; the others would have been answered, so they are no errors.
"""

import asyncio
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from typing import Final

import numpy as np
import structlog

from services.serving.domain.drafts import Cells
from services.serving.domain.scoring import Loaded
from services.serving.metrics import ServingMetrics
from services.serving.operations.calls import Failure
from services.serving.operations.protecting import protected_events
from services.serving.ports import Answered, Log
from understudy.inference.scored import Scored
from understudy.inference.validity import check_answers
from understudy.runtime.logs import without_message

_MOST_SECONDS: Final = 1.0
"""A request's rows are tried one by one for so long."""


@dataclass(frozen=True, slots=True)
class _Tried:
    """What became of the first rows of a request when each was scored alone."""

    rows: int
    failed: Sequence[int]
    seconds: float
    """That a failure took, on average."""
    cpu_seconds: float = 0.0
    """That trying took in all."""


class FailedRows:
    """Tells the log of rows that were not answered. What it can't tell is counted."""

    def __init__(self, log: Log, metrics: ServingMetrics, most_rows: int) -> None:
        self._log = log
        self._metrics = metrics
        self._most_rows = most_rows
        """Of all requests whose rows are tried one by one, together."""
        self._trying = 0
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="failed-rows")

    def note(self, failure: Failure) -> None:
        """Returns at once, and never raises."""
        rows, seconds = len(failure.asked.cells), failure.seconds
        if seconds is None:
            return  # the model answered, or was not asked
        if rows == 1:
            self._keep(failure, _Tried(1, (0,), seconds))
        elif self._trying + rows > self._most_rows:
            self._metrics.failure_untold(failure.deployment.name, rows)
        else:
            self._try(failure, rows, seconds)

    def close(self) -> None:
        """Forget what was not begun."""
        self._thread.shutdown(wait=False, cancel_futures=True)

    def _try(self, failure: Failure, rows: int, seconds: float) -> None:
        main, cells = failure.live.main, failure.asked.cells
        try:
            trying = asyncio.get_running_loop().run_in_executor(
                self._thread, _tried, main, cells, seconds
            )
        except RuntimeError:  # the worker is stopping
            self._metrics.failure_untold(failure.deployment.name, rows)
            return
        self._trying += rows
        trying.add_done_callback(partial(self._after, failure, rows))

    def _after(self, failure: Failure, rows: int, trying: "asyncio.Future[_Tried]") -> None:
        self._trying -= rows
        if trying.cancelled() or trying.exception() is not None:
            self._metrics.failure_untold(failure.deployment.name, rows)
            return
        tried = trying.result()
        main = failure.live.main
        self._metrics.spent(failure.deployment.name, main.version, tried.cpu_seconds)
        if tried.rows < rows:
            self._metrics.failure_untold(failure.deployment.name, rows - tried.rows)
        if tried.failed:
            self._keep(failure, tried)

    def _keep(self, failure: Failure, tried: _Tried) -> None:
        try:
            # Whoever keeps it counts what it loses.
            self._log.predictions(_record(failure, tried))
        except Exception as error:  # noqa: BLE001 - the refusal stands, whatever this meets
            name = failure.deployment.name
            self._metrics.failure_untold(name, len(tried.failed))
            structlog.stdlib.get_logger().error(
                "failure_untold", deployment=name, **without_message(error)
            )


def _record(failure: Failure, tried: _Tried) -> Answered:
    asked, now = failure.asked, time.time()
    ids = [asked.ids[row] for row in tried.failed]
    protected = [asked.protected[row] for row in tried.failed] if asked.protected else ()
    return Answered(
        failure.deployment.name,
        failure.live,
        ids,
        now,
        tried.seconds,
        failure.live.main.plan.rows([asked.cells[row] for row in tried.failed]),
        Scored(np.full(len(ids), np.nan)),
        protected=protected_events(ids, protected, now),
    )


def _tried(main: Loaded, cells: Sequence[Cells], together_seconds: float) -> _Tried:
    began = time.thread_time()
    tried = _tried_alone(main, cells, together_seconds)
    return replace(tried, cpu_seconds=time.thread_time() - began)


def _tried_alone(main: Loaded, cells: Sequence[Cells], together_seconds: float) -> _Tried:
    """Each row alone, as long as there is time. When all of them succeed, all failed together."""
    began, failed, spent = time.perf_counter(), list[int](), 0.0
    for row, one in enumerate(cells):
        started = time.perf_counter()
        if started - began > _MOST_SECONDS:
            return _Tried(row, failed, spent / max(1, len(failed)))
        if not _succeeds(main, one):
            failed.append(row)
            spent += time.perf_counter() - started
    if not failed:
        return _Tried(len(cells), range(len(cells)), together_seconds)
    return _Tried(len(cells), failed, spent / len(failed))


def _succeeds(main: Loaded, cells: Cells) -> bool:
    try:
        check_answers(main.runner.score(main.plan.rows([cells])), 1, len(main.classes))
    except BaseException:  # noqa: BLE001 - models exit and panic, in this thread as in others
        return False
    return True
