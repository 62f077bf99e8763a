"""Jobs: begun in a thread, told of in the store, found by whoever may see them."""

import threading
import uuid
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import datetime
from typing import Final

import structlog

from services.registry.domain.jobs import KEPT_FOR, Job, TooManyJobsError
from services.registry.domain.paging import Paging, Slice
from services.registry.operations.reach import not_found, reaches_of
from services.registry.ports import JobStore
from understudy.contracts.refusals import Refusal
from understudy.contracts.vocabulary import JobState
from understudy.runtime.http import STATUS
from understudy.runtime.keys import Caller

Clock = Callable[[], datetime]
Step = Callable[[str, float], None]
"""Says what a job is at, in words, and how much of it is done, between 0 and 1."""
Work = Callable[[Step], Mapping[str, object]]
"""Does it, and returns what there is to say of the result. Raises Refusal subclasses."""

_MOST_WAITING: Final = 32
_UNFORESEEN: Final[Mapping[str, object]] = {
    "code": "internal",
    "status": 500,
    "detail": "It failed for a reason on our side; the log has it under the job's id.",
}


def silently(_step: str, _progress: float) -> None:
    """A `Step` for work that nobody watches."""


class Jobs:
    """What is being worked on, and what was."""

    def __init__(self, store: JobStore, clock: Clock, *, at_once: int) -> None:
        self._store = store
        self._clock = clock
        self._threads = ThreadPoolExecutor(at_once, thread_name_prefix="jobs")
        self._lock = threading.Lock()
        self._mine: dict[str, Job] = {}
        """Those of this process that have not ended."""

    def begin(self, caller: Caller, kind: str, project: str, work: Work) -> Job:
        """Put it in line. Raises TooManyJobsError."""
        now = self._clock()
        with self._lock:
            if len(self._mine) >= _MOST_WAITING:
                raise TooManyJobsError
            job = Job(_new_id(now), kind, caller.actor, project, now, now)
            self._mine[job.id] = job
        try:
            self._store.add(job, now - KEPT_FOR)
            self._threads.submit(self._run, job.id, work)
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

    def close(self, *, wait: bool = False) -> None:
        """Begin nothing more; what waits is told of as cut off after a while."""
        self._threads.shutdown(wait=wait, cancel_futures=not wait)

    def _run(self, job_id: str, work: Work) -> None:
        try:
            ending = self._worked(job_id, work)
            self._tell(job_id, ended_at=self._clock(), **ending)
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
        except Exception as error:  # noqa: BLE001 - whatever it is, the job ends
            structlog.stdlib.get_logger().exception("job_failed", job=job_id, exc_info=error)
            return {"state": JobState.FAILED, "problem": _UNFORESEEN}
        return {"state": JobState.SUCCEEDED, "progress": 1.0, "result": result}

    def _tell(self, job_id: str, **changes: object) -> None:
        with self._lock:
            job = replace(self._mine[job_id], heard_at=self._clock(), **changes)  # type: ignore[arg-type]
            self._mine[job_id] = job
        self._store.tell(job)

    def _drop(self, job_id: str) -> None:
        with self._lock:
            self._mine.pop(job_id, None)


def _problem(refusal: Refusal) -> Mapping[str, object]:
    return {
        "code": refusal.code,
        "status": STATUS[refusal.fault],
        "detail": refusal.detail,
        "errors": [{"pointer": one.pointer, "message": one.message} for one in refusal.errors],
    }


def _new_id(now: datetime) -> str:
    """Sorts by time."""
    return f"{int(now.timestamp() * 1000):012x}-{uuid.uuid4().hex[:16]}"
