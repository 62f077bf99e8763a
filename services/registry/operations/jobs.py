"""Jobs: begun in a thread, told of in the store, found by whoever may see them."""

import queue
import threading
import time
import uuid
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Final

import structlog

from services.registry.domain.jobs import KEPT_FOR, Job, Step, TooManyJobsError
from services.registry.domain.paging import Paging, Slice
from services.registry.operations.reach import not_found, reaches_of
from services.registry.ports import JobStore
from understudy.contracts.refusals import Fault, Refusal
from understudy.contracts.vocabulary import JobState
from understudy.runtime.keys import Caller

Clock = Callable[[], datetime]
Work = Callable[[Step], Mapping[str, object]]
"""Does it, and returns what there is to say of the result. Raises Refusal subclasses."""

_MOST_WAITING: Final = 32
_MOST_OF_ONE: Final = 8
_UNFORESEEN: Final[Mapping[str, object]] = {
    "code": "internal",
    "fault": Fault.FAILED,
    "detail": "It failed for a reason on our side; the log has it under the job's id.",
}


def silently(_step: str, _progress: float) -> None:
    """A `Step` for work that nobody watches."""


class _CutOffError(Exception):
    """Whoever works on it need not go on."""


class Jobs:
    """What is being worked on, and what was."""

    def __init__(
        self,
        store: JobStore,
        clock: Clock,
        *,
        at_once: int,
        most_waiting: int = _MOST_WAITING,
        most_of_one: int = _MOST_OF_ONE,
    ) -> None:
        """One line: `most_waiting` jobs are in it at most, `most_of_one` of them of one caller."""
        self._store = store
        self._clock = clock
        self._most_waiting = most_waiting
        self._most_of_one = most_of_one
        self._line: queue.SimpleQueue[tuple[str, Work] | None] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._telling = threading.Lock()
        """So that the store hears in order."""
        self._mine: dict[str, Job] = {}
        """Those of this process that have not ended."""
        self._open = True
        # Daemons: the interpreter's end does not wait for work that takes minutes.
        self._threads = [
            threading.Thread(target=self._work, name=f"jobs-{number}", daemon=True)
            for number in range(at_once)
        ]

    def begin(
        self, caller: Caller, kind: str, project: str, work: Work, job_id: str | None = None
    ) -> Job:
        """Put it in line. Raises TooManyJobsError."""
        now = self._clock()
        with self._lock:
            self._require_room(caller.actor)
            self._start()
            job = Job(job_id or new_id(now), kind, caller.actor, project, now, now)
            self._mine[job.id] = job
        try:
            self._store.add(job, now - KEPT_FOR)
            self._line.put((job.id, work))
        except BaseException:
            self._drop(job.id)
            raise
        return job

    def find(self, caller: Caller, job_id: str) -> Job:
        """Raises NotFoundError, also for jobs of others that are out of reach."""
        job = self._store.find(job_id)
        if job is None or not (job.owner == caller.actor or caller.able(None, job.project)):
            raise not_found("job", job_id)
        return job.seen(self._clock())

    def look(self, job_id: str) -> Job | None:
        """A job that something within the caller's reach has led to; None once it is forgotten."""
        job = self._store.find(job_id)
        return None if job is None else job.seen(self._clock())

    def page(self, caller: Caller, paging: Paging) -> Slice[Job]:
        """The caller's own, and those of projects within reach; newest first."""
        found, now = self._store.page(caller.actor, reaches_of(caller), paging), self._clock()
        return Slice(tuple(job.seen(now) for job in found.items), found.next_cursor)

    def beat(self) -> None:
        """Say that this process is there. Asked for more often than `SILENT_AFTER`."""
        with self._lock:
            mine = tuple(self._mine)
        if mine:
            self._store.beat(mine, self._clock())

    def stop(self) -> None:
        """Begin nothing more, and tell of all that have not ended as cut off.

        Whoever works on one is told so at its next step.
        """
        with self._lock:
            self._open = False
            left, self._mine = tuple(self._mine.values()), {}
        try:
            with self._telling:
                for job in left:
                    self._store.tell(job.cut_off(self._clock()))
        except Exception as error:  # noqa: BLE001 - the store is gone: they will be silent
            structlog.stdlib.get_logger().warning("jobs_not_told", exc_info=error)

    def join(self, seconds: float) -> None:
        """Begin nothing more, and wait for what has begun, so long at most."""
        with self._lock:
            self._open = False
        for _ in self._threads:
            self._line.put(None)
        until = time.monotonic() + seconds
        for thread in self._threads:
            if thread.is_alive():
                thread.join(max(until - time.monotonic(), 0.0))

    def _require_room(self, actor: str) -> None:
        if not self._open or len(self._mine) >= self._most_waiting:
            raise TooManyJobsError
        if sum(job.owner == actor for job in self._mine.values()) >= self._most_of_one:
            raise TooManyJobsError(f"{self._most_of_one} jobs of yours are waiting.")

    def _start(self) -> None:
        for thread in self._threads:
            if thread.ident is None:
                thread.start()

    def _work(self) -> None:
        while (found := self._line.get()) is not None:
            self._run(*found)

    def _run(self, job_id: str, work: Work) -> None:
        try:
            ending = self._worked(job_id, work)
            self._tell(job_id, ended_at=self._clock(), **ending)
        except _CutOffError:
            structlog.stdlib.get_logger().info("job_cut_off", job=job_id)
        except Exception as error:  # noqa: BLE001 - the store is gone: it will be seen as cut off
            structlog.stdlib.get_logger().exception("job_not_told", job=job_id, exc_info=error)
        finally:
            self._drop(job_id)

    def _worked(self, job_id: str, work: Work) -> dict[str, object]:
        try:
            self._tell(job_id, state=JobState.RUNNING)
            result = work(lambda step, progress: self._tell(job_id, step=step, progress=progress))
        except Refusal as refusal:
            return {"state": JobState.FAILED, "problem": _problem(refusal)}
        except _CutOffError:
            raise
        except Exception as error:  # noqa: BLE001 - whatever it is, the job ends
            structlog.stdlib.get_logger().exception("job_failed", job=job_id, exc_info=error)
            return {"state": JobState.FAILED, "problem": _UNFORESEEN}
        return {"state": JobState.SUCCEEDED, "progress": 1.0, "result": result}

    def _tell(self, job_id: str, **changes: object) -> None:
        with self._telling:
            with self._lock:
                if job_id not in self._mine:
                    raise _CutOffError
                job = replace(self._mine[job_id], heard_at=self._clock(), **changes)  # type: ignore[arg-type]
                self._mine[job_id] = job
            self._store.tell(job)

    def _drop(self, job_id: str) -> None:
        with self._lock:
            self._mine.pop(job_id, None)


def _problem(refusal: Refusal) -> Mapping[str, object]:
    return {
        "code": refusal.code,
        "fault": refusal.fault,
        "detail": refusal.detail,
        "errors": [{"pointer": one.pointer, "message": one.message} for one in refusal.errors],
    }


def new_id(now: datetime) -> str:
    """Of a job; ids sort by time."""
    return f"{int(now.timestamp() * 1000):012x}-{uuid.uuid4().hex[:16]}"
