"""What does joining answers with labels cost? Rows per CPU-second, and what the time goes to.

`python -m benchmarks.outcomes [--rows 100000] [--delivery 10000] [--url URL] [--quick]`
applies deliveries as a look at the log brings them (30 features, decoded already, two classes):
predictions alone; predictions with a challenger's pairs; pairs that come after their predictions;
labels of everything; the same deliveries again; reading the tallies. CPU is of this process; a
database server's own is not in it. The store is a SQLite file unless a URL is given.
"""

import argparse
import asyncio
import random
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import numpy as np
from sqlalchemy import Engine, event

from services.monitor.adapters.outcome_store import SqlOutcomes
from services.monitor.domain.deciding.terms import resolve
from services.monitor.domain.outcomes.facts import Incoming
from services.monitor.domain.rows import LabelRows, PairRows, PredictionRows, Responses
from understudy.contracts.judging import ComparisonTerms
from understudy.contracts.signature import Target
from understudy.contracts.vocabulary import Task

SEED: Final = 20_261_121
NAME: Final = "bench"
BEGAN: Final = 1_790_000_000.0
RATE: Final = 1_000.0
"""Predictions a second."""
FEATURES: Final = 30
READS: Final = 50
TARGET: Final = Target("bad", Task.CLASSIFICATION, classes=("no", "yes"))
TERMS: Final = resolve(ComparisonTerms(), TARGET, None)


@dataclass(frozen=True, slots=True)
class Delivery:
    """What one look brings."""

    predictions: PredictionRows
    pairs: PairRows
    labels: LabelRows


@dataclass(frozen=True, slots=True)
class Figure:
    """One line of the table."""

    name: str
    rows: int
    cpu_seconds: float
    wall_seconds: float
    statements: float | None = None
    """Share of the CPU time that the driver's execution of statements takes."""


def deliveries(rows: int, of: int, first: int = 0) -> list[Delivery]:
    """Rows in the order of time; `first` numbers them."""
    rng, names = np.random.default_rng(SEED + first), random.Random(SEED + first)
    return [_delivery(rng, names, of, first + start) for start in range(0, rows, of)]


def _delivery(rng: np.random.Generator, names: random.Random, rows: int, first: int) -> Delivery:
    at = BEGAN + (first + np.arange(rows)) / RATE
    ids = [f"{int(when * 1000):012x}-7{names.getrandbits(74):019x}" for when in at]
    columns = {f"f{number}": rng.normal(size=rows) for number in range(FEATURES)}
    main, rival = _responses(rng, rows), _responses(rng, rows)
    nothing = np.full(rows, np.nan)
    labels = np.where(rng.random(rows) < 0.5, "yes", "no").tolist()
    return Delivery(
        PredictionRows(1, 1, ids, at, nothing, columns, main),
        PairRows(1, 1, 2, ids, at, main, rival, nothing, ["ok"] * rows, nothing, nothing),
        LabelRows(
            tuple(ids), tuple(labels), tuple((at + 60.0).tolist()), (None,) * rows, (None,) * rows
        ),
    )


def _responses(rng: np.random.Generator, rows: int) -> Responses:
    yes = rng.beta(2.0, 5.0, rows)
    chances = np.stack([1 - yes, yes], axis=1)
    return Responses((yes > 0.5).astype(np.float64), chances, TARGET.classes)


def measure(name: str, rows: int, work: Callable[[], Any]) -> Figure:
    """CPU of the whole process, threads and all."""
    cpu, wall = time.process_time(), time.perf_counter()
    work()
    return Figure(name, rows, time.process_time() - cpu, time.perf_counter() - wall)


def share_of_statements(work: Callable[[], Any]) -> float:
    """Of the CPU time, what passes within the driver's execution of statements."""
    began, spent = 0.0, 0.0

    def before(*_: Any) -> None:
        nonlocal began
        began = time.thread_time()

    def after(*_: Any) -> None:
        nonlocal spent
        spent += time.thread_time() - began

    event.listen(Engine, "before_cursor_execute", before)
    event.listen(Engine, "after_cursor_execute", after)
    cpu = time.process_time()
    work()
    cpu = time.process_time() - cpu
    event.remove(Engine, "before_cursor_execute", before)
    event.remove(Engine, "after_cursor_execute", after)
    return spent / cpu


async def read(store: SqlOutcomes) -> None:
    """As whoever judges does, every few seconds."""
    for _ in range(READS):
        await store.tallies(NAME, 0.0)


def run(url: str, rows: int, of: int) -> list[Figure]:
    """All questions, one after the other, in one store that grows."""
    store, clock = SqlOutcomes(url), iter(range(0, 100 * rows, 2 * rows))

    def apply(parts: Sequence[Incoming]) -> Callable[[], None]:
        async def each() -> None:
            for incoming in parts:
                await store.apply(incoming)

        return lambda: asyncio.run(each())

    apply([Incoming(NAME, TARGET, TERMS)])()
    found, told = list[Figure](), deliveries(rows, of, next(clock))
    alone = [Incoming(NAME, TARGET, TERMS, [one.predictions]) for one in told]
    later = [Incoming(NAME, TARGET, TERMS, pairs=[one.pairs]) for one in told]
    labelled = [Incoming(NAME, TARGET, TERMS, labels=[one.labels]) for one in told]
    both = [
        Incoming(NAME, TARGET, TERMS, [one.predictions], [one.pairs])
        for one in deliveries(rows, of, next(clock))
    ]
    for name, parts in (
        ("predictions", alone),
        ("pairs after their predictions", later),
        ("labels after their predictions", labelled),
        ("predictions again", alone),
        ("labels again", labelled),
        ("predictions with their pairs", both),
    ):
        found.append(measure(name, rows, apply(parts)))
    more = [
        Incoming(NAME, TARGET, TERMS, [one.predictions])
        for one in deliveries(rows, of, next(clock))
    ]
    found[0] = replace(found[0], statements=share_of_statements(apply(more)))
    found.append(measure("tallies, a call", READS, lambda: asyncio.run(read(store))))
    store.close()
    return found


def show(figures: Sequence[Figure]) -> None:
    """The table."""
    print(f"{'':32} {'rows/CPU s':>12} {'µs/row':>8} {'wall µs/row':>12}")
    for one in figures:
        cpu, wall = one.cpu_seconds / one.rows * 1e6, one.wall_seconds / one.rows * 1e6
        print(f"{one.name:32} {one.rows / one.cpu_seconds:12,.0f} {cpu:8.1f} {wall:12.1f}")
        if one.statements is not None:
            print(f"{'  of which in statements':32} {one.statements:12.0%}")


def main() -> None:
    """Run it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--delivery", type=int, default=10_000)
    parser.add_argument("--url")
    parser.add_argument("--quick", action="store_true")
    told = parser.parse_args()
    rows = 20_000 if told.quick else told.rows
    of = min(told.delivery, rows)
    print(f"{rows} rows in deliveries of {of}, {FEATURES} features, seed {SEED}")
    with tempfile.TemporaryDirectory() as folder:
        show(run(told.url or f"sqlite:///{Path(folder)}/outcomes.db", rows, of))


if __name__ == "__main__":
    main()
