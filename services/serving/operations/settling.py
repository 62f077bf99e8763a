"""What becomes of scored calls: logged, and their replies let go; failures are noted."""

import time
from collections.abc import Sequence

from services.serving.domain.errors import LogFullError, LowConfidenceError
from services.serving.metrics import ServingMetrics
from services.serving.operations.calls import Asked, Call, Failure
from services.serving.operations.failed_rows import FailedRows
from services.serving.operations.guarding import needs_ruling, ruled
from services.serving.operations.replies import answers_of, logged_as
from services.serving.ports import Log
from understudy.contracts.serving import LabelStatus


class Settling:
    """Sees to the replies of calls."""

    def __init__(self, log: Log, metrics: ServingMetrics, rows: int) -> None:
        self._log = log
        self._metrics = metrics
        self._failed = FailedRows(log, metrics, rows)

    def settle(self, call: Call) -> None:
        """A call's rows go to the log; the replies wait for it as its durability asks."""
        if needs_ruling(call):
            call, refused = ruled(call)
            self._turn_down(call, refused)
            if not call.asked:
                return
        logged = logged_as(call)
        call.at = logged.at
        kept = self._log.predictions(logged)
        if kept is None:
            self._reply(call)
        else:
            kept.add_done_callback(lambda done: self._reply(call) if done.result() else _lost(call))

    def _turn_down(self, call: Call, refused: Sequence[tuple[Asked, LowConfidenceError]]) -> None:
        """Refuse what a guard rule refuses; count what rules caught."""
        name = call.deployment.name
        for asked, refusal in refused:
            self._metrics.guarded(name, refusal.hits)
            if not asked.reply.done():
                asked.reply.set_exception(refusal)
        for asked in call.asked:
            self._metrics.guarded(name, asked.ruling.hits)
            if asked.draft is not None:
                self._metrics.coerced(name, asked.draft.coercions)

    def _reply(self, call: Call) -> None:
        """Let all replies of a call go."""
        now = call.live.main.use.at = time.perf_counter()
        for asked, answers in answers_of(call):
            if asked.protected:
                told = sum(map(bool, asked.protected))
                self._metrics.protected(call.deployment.name, LabelStatus.ACCEPTED, told)
            if not asked.reply.done():  # else the caller went away
                asked.reply.set_result(answers)
        self._metrics.answered(
            call.deployment.name,
            call.live.main.version,
            [(asked.dialect, len(asked.cells), now - asked.since) for asked in call.asked],
        )

    def fail(self, failure: Failure) -> None:
        """A request's rows were not scored."""
        asked, version = failure.asked, failure.live.main.version
        self._metrics.failed(failure.deployment.name, version, asked.dialect, len(asked.cells))
        self._failed.note(failure)

    def close(self) -> None:
        """Forget what has not been noted."""
        self._failed.close()


def _lost(call: Call) -> None:
    """The log can't keep the rows, so the answers must not be given."""
    for asked in call.asked:
        if not asked.reply.done():
            asked.reply.set_exception(LogFullError())
