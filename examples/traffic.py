"""Applicants at a rate: each row is asked about once, and its label follows when it is due."""

import heapq
import itertools
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final

from examples.candidates import Outcome
from understudy.client import ClientError, ProblemError, ServingClient
from understudy.contracts.serving import LabelRequest, LabelStatus

LABELS_AT_ONCE: Final = 100
TICK_SECONDS: Final = 1.0
DRAWN_AT_ONCE: Final = 500


@dataclass(slots=True)
class Counts:
    """What became of the traffic."""

    answered: Counter[int] = field(default_factory=Counter)
    """By the version that answered."""
    failed: Counter[str] = field(default_factory=Counter)
    """By the code of the refusal, or the kind of failure."""
    labelled: int = 0
    labels_failed: int = 0

    @property
    def predictions(self) -> int:
        """How many rows were answered."""
        return self.answered.total()

    def __str__(self) -> str:
        versions = ", ".join(f"{n} by v{v}" for v, n in sorted(self.answered.items()))
        parts = [f"{self.predictions} answered" + (f" ({versions})" if versions else "")]
        parts += [f"{self.labelled} labelled"] if self.labelled else []
        parts += [f"{n} × {reason}" for reason, n in self.failed.most_common()]
        parts += [f"{self.labels_failed} labels failed"] if self.labels_failed else []
        return ", ".join(parts)


class Traffic:
    """Asks serving about one row after another and remembers the labels that are still to come.

    `month_seconds` is how long a month of the simulated world takes; None sends no labels.
    """

    def __init__(
        self,
        serving: ServingClient,
        deployment: str,
        *,
        month_seconds: float | None = None,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self.counts = Counts()
        self._serving = serving
        self._deployment = deployment
        self._month_seconds = month_seconds
        self._clock = clock
        self._sleep = sleep
        self._due: list[tuple[float, int, LabelRequest]] = []
        self._order = itertools.count()

    def ask(self, outcome: Outcome) -> None:
        """Ask about one row; a failure is counted, not raised."""
        try:
            answer = self._serving.predict(self._deployment, outcome.row)
        except ClientError as error:
            self.counts.failed[_reason(error)] += 1
            return
        self.counts.answered[answer.model.version] += 1
        if self._month_seconds is not None:
            due = self._clock() + outcome.months_until_label * self._month_seconds
            label = LabelRequest(prediction_id=answer.prediction_id, label=outcome.label)
            heapq.heappush(self._due, (due, next(self._order), label))

    def run(
        self,
        outcomes: Iterable[Outcome],
        *,
        rate: float,
        seconds: float,
        tick: Callable[[float], None] = lambda _: None,
    ) -> None:
        """Ask at `rate` a second for `seconds`, as fast as answers come if they are slower.

        About once a second due labels are sent and `tick` is told the seconds gone.
        """
        started = next_row = next_tick = self._clock()
        for outcome in outcomes:
            now = self._clock()
            if now >= next_tick:
                self.send_labels(due_by=now)
                tick(now - started)
                next_tick = now + TICK_SECONDS
            if next_row > now:
                self._sleep(next_row - now)
            if self._clock() - started >= seconds:
                break
            self.ask(outcome)
            next_row = max(next_row + 1 / rate, self._clock() - TICK_SECONDS)
        tick(seconds)

    def finish(self) -> None:
        """Wait for the labels that are still to come; the last takes a loan's longest term."""
        while self._due:
            self._sleep(max(0.0, min(self._due[0][0] - self._clock(), TICK_SECONDS)))
            self.send_labels(due_by=self._clock())

    def send_labels(self, due_by: float) -> None:
        """Send the labels that are due, in batches."""
        while batch := self._take(due_by):
            try:
                results = self._serving.label(self._deployment, batch).results
            except ClientError:
                self.counts.labels_failed += len(batch)
                continue
            accepted = sum(result.status is LabelStatus.ACCEPTED for result in results)
            self.counts.labelled += accepted
            self.counts.labels_failed += len(batch) - accepted

    def _take(self, due_by: float) -> list[LabelRequest]:
        taken: list[LabelRequest] = []
        observed_at = datetime.now(UTC)
        while self._due and self._due[0][0] <= due_by and len(taken) < LABELS_AT_ONCE:
            _, _, label = heapq.heappop(self._due)
            taken.append(label.model_copy(update={"observed_at": observed_at}))
        return taken


def arrivals(draw: Callable[[int, int], list[Outcome]], seed: int) -> Iterator[Outcome]:
    """Live rows without end, drawn a few hundred at a time."""
    for block in itertools.count(seed):
        yield from draw(DRAWN_AT_ONCE, block)


def _reason(error: ClientError) -> str:
    return error.code if isinstance(error, ProblemError) else type(error).__name__
