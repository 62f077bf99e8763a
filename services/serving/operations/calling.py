"""One call of a model for the rows of several requests; when it fails, one for each request."""

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from services.serving.domain.drafts import Cells
from services.serving.domain.scoring import Cost, Loaded
from services.serving.operations.calls import Asked
from understudy.inference.rows import Rows
from understudy.inference.scored import Scored
from understudy.inference.validity import check_answers

_UNMEASURED: Final = 6
"""Quick calls between two that are measured; so that each seventh is, which no round number of
callers falls in step with."""
_NEWEST_SHARE: Final = 1 / 16
"""Of the newest call in what calls are likely to take."""
_REMEMBERED: Final = 7 / 8
"""Of how slow a call was, at each one after it."""


@dataclass(slots=True, eq=False)
class Result:
    """What came of a call: rows and their answers, or what stood in the way."""

    asked: Sequence[Asked]
    outcome: tuple[Rows, Scored, float] | BaseException
    seconds: float | None = None
    """How long the model took to fail, where it was the model that failed."""

    @property
    def took(self) -> float:
        """Seconds in the model, whatever came of it."""
        if isinstance(self.outcome, BaseException):
            return self.seconds or 0.0
        return self.outcome[2]


def cells_of(taken: Sequence[Asked]) -> Sequence[Cells]:
    """The rows of several requests."""
    if len(taken) == 1:
        return taken[0].cells
    return [cells for asked in taken for cells in asked.cells]


def charged(
    main: Loaded, taken: Sequence[Asked], cells: Sequence[Cells]
) -> tuple[list[Result], float]:
    """`called`, and the CPU seconds that it took this thread: libraries are told to use no other.

    Calls that were made again count too.
    """
    began = time.thread_time()
    results = called(main, taken, cells)
    return results, time.thread_time() - began


class Meter:
    """Which quick calls are measured: looking at the clock costs as much as reading a request."""

    __slots__ = ("_calls", "_wait")

    def __init__(self) -> None:
        self._calls = self._wait = 0

    def stands_for(self) -> int:
        """How many calls the next one is to stand for; 0 when it is not measured."""
        self._calls += 1
        if self._calls <= self._wait:
            return 0
        calls, self._calls, self._wait = self._calls, 0, _UNMEASURED
        return calls


class Pace:
    """What calls are likely to take: as measured while the model was warmed, and as of late.

    Rows may be harder than those that it was warmed with, or the machine busier; a model that is
    thought quick and is not would hold up everybody else's requests.
    """

    __slots__ = ("_cost", "_slower", "_slowest")

    def __init__(self, cost: Cost) -> None:
        self._cost = cost
        self._slower = self._slowest = 1.0

    def of(self, rows: int) -> float:
        """Seconds."""
        return self._cost.of(rows) * self._slower

    def note(self, rows: int, results: Sequence["Result"]) -> None:
        """What a call with so many rows took, failed tries included."""
        likely = self._cost.of(rows)
        if 0.0 < likely < math.inf:
            ratio = max(1.0, sum(result.took for result in results) / likely)
            # A stall of the machine comes alone and counts for nothing; what is due to the model
            # comes again, and counts for no more than it did before.
            found = min(ratio, self._slowest)
            self._slowest = max(ratio, self._slowest * _REMEMBERED)
            self._slower += (found - self._slower) * _NEWEST_SHARE


def called(main: Loaded, taken: Sequence[Asked], cells: Sequence[Cells]) -> list[Result]:
    """One call for all; when it fails, one for each, so that no request spoils another's."""
    started = time.perf_counter()
    try:
        rows = main.plan.rows(cells)
        started = time.perf_counter()
        scored = main.runner.score(rows)
        seconds = time.perf_counter() - started
        check_answers(scored, len(cells), len(main.classes))
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # noqa: BLE001 - models exit and panic: the request's answer
        if len(taken) == 1:
            return [Result(taken, error, time.perf_counter() - started)]
        return [called(main, [asked], asked.cells)[0] for asked in taken]
    return [Result(taken, (rows, scored, seconds))]
