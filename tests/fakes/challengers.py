"""Challengers at work in tests: a well-behaved one in the test's process, an unruly one of a child.

Run as a module it is a child whose model does what the widths of its rows say.
"""

import os
import time
from collections.abc import Sequence

from services.serving.adapters.scoring import child
from services.serving.adapters.scoring.answers import answer
from services.serving.adapters.scoring.deliveries import apart, of_group, paired_as, read
from services.serving.adapters.scoring.frames import ModelFiles
from services.serving.adapters.scoring.models import Layout, Model
from services.serving.adapters.scoring.pairs import unanswered
from services.serving.ports import Answers, Delivery, Paired, Usage
from understudy.contracts.registry import ServedVersion
from understudy.contracts.vocabulary import Outcome
from understudy.inference.rows import Rows
from understudy.inference.scored import Runner, Scored

RAISES, ABORTS, EATS, HANGS, SLOW, LEAVES, PRINTS = 7.77, 6.66, 5.55, 4.44, 3.33, 2.22, 1.11
SLOW_SECONDS = 0.05


class UnrulyRunner:
    """Answers FLOWERS by length; the width of a row says what else it does."""

    def score(self, rows: Rows) -> Scored:
        for width in rows.numbers[:, 1].tolist():
            _misbehave(width)
        return Scored((rows.numbers[:, 0] > 5.0).astype(float))


def _misbehave(width: float) -> None:
    if width == RAISES:
        raise ValueError("unlucky")
    if width == ABORTS:
        os.abort()
    if width == EATS:
        bytearray(1 << 40)
    if width == HANGS:
        time.sleep(3_600.0)
    if width == SLOW:
        time.sleep(SLOW_SECONDS)
    if width == LEAVES:
        raise SystemExit(3)
    if width == PRINTS:
        print("a" * 100_000, flush=True)  # noqa: T201 - what models do


class FakeResponder:
    """Implements `ports.Responder` in this process, for well-behaved runners."""

    def __init__(self, served: ServedVersion, runner: Runner) -> None:
        self._served = served
        self._model = Model(
            served.version, served.signature.target, Layout(served.signature), runner
        )
        self.most_rows = 1_000
        self.failure: Exception | None = None
        self.started = False
        self.calls: list[int] = []
        self.mains: list[int] = []

    @property
    def served(self) -> ServedVersion:
        return self._served

    async def start(self) -> None:
        if self.failure is not None:
            raise self.failure
        self.started = True

    async def respond(self, deliveries: Sequence[Delivery]) -> Answers:
        await self.start()
        self.calls.append(sum(delivery.rows for delivery in deliveries))
        scored = answer(self._model, [{**d.fields} for d in deliveries], None)
        return Answers(
            [of_group(group, deliveries) for group in scored.groups],
            [deliveries[index].entry for index in scored.corrupt],
        )

    def give_up(self, deliveries: Sequence[Delivery], reason: str) -> Answers:
        paired = list[Paired]()
        for delivery in deliveries:
            batch = read(delivery)
            assert batch is not None
            target, version = self.served.signature.target, self.served.version
            pairs = unanswered([batch], version, target, Outcome.TIMEOUT, reason)
            paired.append(paired_as([delivery.entry], [delivery.rows], pairs))
        return Answers(paired)

    def apart(self, paired: Paired) -> Sequence[Paired]:
        return apart(paired)

    def beside(self, main: ServedVersion) -> None:
        self.mains.append(main.version)

    def usage(self) -> Usage | None:
        return Usage(1_000_000, 2.0) if self.started else None

    async def close(self) -> None:
        self.started = False


def open_unruly(files: ModelFiles) -> Runner:
    """What the artifact holds does not matter; versions 1 and 9 can't be loaded."""
    if files.version == 1:
        os.abort()
    if files.version == 9:
        time.sleep(3_600.0)
    return UnrulyRunner()


if __name__ == "__main__":
    child.main(open_unruly)
