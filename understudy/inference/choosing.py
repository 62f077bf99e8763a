"""Which of two runners of one model answers a call, by how many rows it has.

A compiled model saves what a call costs; some are slower for each row than scikit-learn's loops
over arrays, so that for many rows the original is quicker. Which holds is measured where it runs.
"""

import time
from collections.abc import Callable
from typing import Final

from understudy.inference.rows import Rows, joined
from understudy.inference.scored import Runner, Scored

Clock = Callable[[], float]

SIZES: Final = (1, 8, 32, 64, 128, 256)
"""Numbers of rows that are tried, rising."""
_ROUNDS: Final = 5
_CLEARLY: Final = 0.9
"""The bulk runner must take at most this share of the time: noise is no reason to change."""


class ByBatchSize:
    """Asks `fast` for fewer than `rows` rows, `bulk` for more."""

    def __init__(self, fast: Runner, bulk: Runner, rows: int) -> None:
        self.fast = fast
        self.bulk = bulk
        self.rows = rows
        """From so many rows on `bulk` is asked."""

    def score(self, rows: Rows) -> Scored:
        """Raises what the runner that is asked raises."""
        return (self.fast if len(rows) < self.rows else self.bulk).score(rows)


def quicker(fast: Runner, bulk: Runner, probe: Rows, clock: Clock = time.perf_counter) -> Runner:
    """`fast` alone where it is quicker for every number of rows; else both, or `bulk` alone.

    Measured in alternating rounds on rows that both must be able to answer, repeated up to 256;
    the quickest round counts. Without any row both answer, `fast`.
    """
    usable = _answered(fast, bulk, probe)
    if usable is None:
        return fast
    first = _first_size(fast, bulk, usable, clock)
    if first is None:
        return fast
    return bulk if first == SIZES[0] else ByBatchSize(fast, bulk, first)


def _first_size(fast: Runner, bulk: Runner, rows: Rows, clock: Clock) -> int | None:
    """The number of rows from which on `bulk` is quicker for all numbers tried."""
    found = None
    for size in reversed(SIZES):
        repeated = _repeated(rows, size)
        if not _bulk_is_quicker(fast, bulk, repeated, clock):
            break
        found = size
    return found


def _bulk_is_quicker(fast: Runner, bulk: Runner, rows: Rows, clock: Clock) -> bool:
    spent: dict[int, list[float]] = {0: [], 1: []}
    for _ in range(_ROUNDS):
        for place, runner in enumerate((fast, bulk)):
            began = clock()
            runner.score(rows)
            spent[place].append(clock() - began)
    return min(spent[1]) < _CLEARLY * min(spent[0])


def _answered(fast: Runner, bulk: Runner, probe: Rows) -> Rows | None:
    """The probe rows, or the first of them, if both runners answer."""
    for rows in (probe, probe.part(0, 1)):
        try:
            fast.score(rows)
            bulk.score(rows)
        except MemoryError:
            raise
        except Exception:  # noqa: BLE001, S112 - drawn rows may be too much for a model
            continue
        return rows
    return None


def _repeated(rows: Rows, size: int) -> Rows:
    times = -(-size // len(rows))
    return joined([rows] * times).part(0, size)
