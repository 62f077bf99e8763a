"""A model asked for many rows in several calls, within the child: a call can't be interrupted."""

import time
from collections.abc import Callable
from typing import Final

import numpy as np

from understudy.inference.rows import Rows
from understudy.inference.scored import Runner, Scored

ROWS_A_CALL: Final = 500
MOST_ROWS_A_CALL: Final = 8_000
_MOST_VALUES_A_CALL: Final = 1_000_000
_LONGEST_CALL_SECONDS: Final = 0.25


class InPieces:
    """Answers as the runner does, in calls of 500 rows, or of up to 8,000 that are answered soon.

    How many is found out once, so that the same rows are always asked in the same calls.
    """

    def __init__(self, runner: Runner) -> None:
        self._runner = runner
        self._rows_a_call: int | None = None

    def score(self, rows: Rows) -> Scored:
        """Raises what the runner raises."""
        if len(rows) <= ROWS_A_CALL:
            return self._runner.score(rows)
        if self._rows_a_call is None:
            self._rows_a_call = self._measured(rows)
        starts = range(0, len(rows), self._rows_a_call)
        found = [self._runner.score(rows.part(at, at + self._rows_a_call)) for at in starts]
        given = [part.probabilities for part in found if part.probabilities is not None]
        return Scored(
            np.concatenate([part.values for part in found]),
            np.concatenate(given) if given else None,
        )

    def _measured(self, rows: Rows) -> int:
        pilot = rows.part(0, ROWS_A_CALL)
        took = seconds_of(lambda: self._runner.score(pilot))
        if took > _LONGEST_CALL_SECONDS / 2:
            return ROWS_A_CALL
        # The first call pays for what a library loads or computes but once.
        took = min(took, seconds_of(lambda: self._runner.score(pilot)))
        columns = int(rows.numbers.shape[1]) + len(rows.texts)
        most = min(MOST_ROWS_A_CALL, _MOST_VALUES_A_CALL // max(columns, 1))
        while most > ROWS_A_CALL and took * most / ROWS_A_CALL > _LONGEST_CALL_SECONDS:
            most //= 2
        return max(most, ROWS_A_CALL)


def seconds_of(call: Callable[[], object]) -> float:
    """The processor's, so that whoever else is busy on the machine changes nothing."""
    began, used = time.perf_counter(), time.process_time()
    call()
    # Ten times as long as it works only what itself waits for something takes.
    return max(time.process_time() - used, (time.perf_counter() - began) / 10)
