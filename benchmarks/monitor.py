"""What does the monitor cost? Rows per CPU-second from Redis, one look for drift, memory.

`python -m benchmarks.monitor [--rows 200000] [--entry-rows 50] [--labels] [--quick]`
fills a Redis of its own with entries as serving and a challenger write them (24 numbers and 6
categories, two probabilities), then lets a watch read them through the real adapters: counting
alone, with a challenger's pairs, and with the store of outcomes (SQLite). CPU is of this process;
memory is what it holds at most.
"""

import argparse
import asyncio
import itertools
import logging
import multiprocessing
import resource
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from subprocess import DEVNULL, Popen
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import structlog
from prometheus_client import CollectorRegistry
from redis.asyncio import Redis

from services.monitor.adapters.cell_store import RedisCellStore
from services.monitor.adapters.event_log import RedisEventLog
from services.monitor.adapters.outcome_store.store import SqlOutcomes
from services.monitor.domain.outcomes.facts import Incoming
from services.monitor.domain.rules import Rules
from services.monitor.metrics import MonitorMetrics
from services.monitor.operations import Sources, Watch
from understudy.contracts import events
from understudy.contracts.registry import DeploymentSnapshot, Pairing, ServedVersion
from understudy.contracts.signature import Feature, Signature, Target
from understudy.contracts.vocabulary import AccessLevel, FeatureKind, Task
from understudy.launch.redis_server import find_redis_server, redis_command
from understudy.profiles.reading import read_reference
from understudy.profiles.reference import Reference
from understudy.runtime.buckets import LATENCY_SECONDS

PORT: Final = 18_713
NAME: Final = "bench"
NOW: Final = 1_800_000_000.0
MINUTES: Final = 60
NUMBERS: Final = tuple(f"number_{at}" for at in range(24))
CATEGORIES: Final = tuple(f"category_{at}" for at in range(6))
SIGNATURE: Final = Signature(
    features=(
        *(Feature(name, FeatureKind.NUMBER) for name in NUMBERS),
        *(Feature(name, FeatureKind.CATEGORY, open_choices=True) for name in CATEGORIES),
    ),
    target=Target("class", Task.CLASSIFICATION, classes=("no", "yes")),
)
VERSIONS: Final = tuple(
    ServedVersion(version=number, artifact="a" * 64, reference="b" * 64, signature=SIGNATURE)
    for number in (1, 2)
)
DEPLOYMENT: Final = DeploymentSnapshot(
    name=NAME,
    project="bench",
    model="bench",
    access=AccessLevel.PROJECT,
    release=1,
    released_at=datetime(2026, 1, 1, tzinfo=UTC),
    main=1,
    challengers=(2,),
    previous_main=None,
    pairings=(Pairing(version=2, since=datetime(2026, 1, 1, tzinfo=UTC)),),
    versions=VERSIONS,
)


@dataclass(frozen=True, slots=True)
class Asked:
    """How much of what."""

    rows: int
    entry_rows: int
    pairs: bool
    labels: bool
    batch: int = 200
    stored: bool = False
    """Whether there is a store of outcomes."""


class Known:
    """`ports.References` of one sample."""

    def __init__(self, reference: Reference) -> None:
        self._reference = reference

    async def profile(self, _served: ServedVersion, _entity: str | None = None) -> Reference:
        """It."""
        return self._reference

    async def baseline(self, _served: ServedVersion) -> None:
        """None."""


class Nowhere:
    """`ports.Outcomes` that keeps nothing: what counting alone costs."""

    async def apply(self, _incoming: Incoming) -> None:
        """Nothing."""

    async def identity(self) -> str:
        """Always the same."""
        return "nowhere"


def columns(rng: np.random.Generator, rows: int) -> dict[str, Any]:
    """Numbers, and categories of eight values."""
    found: dict[str, Any] = {name: rng.standard_normal(rows) for name in NUMBERS}
    return found | {name: rng.choice([*"abcdefgh"], rows).tolist() for name in CATEGORIES}


def sample(folder: Path) -> Reference:
    """A profile of 5,000 rows."""
    rng = np.random.default_rng(0)
    path = folder / "reference.parquet"
    pq.write_table(pa.table({**columns(rng, 5_000), "class": ["no", "yes"] * 2_500}), path)
    return read_reference(path, SIGNATURE, 10_000)


def entries(asked: Asked, until: float = NOW) -> Iterator[tuple[str, dict[bytes, bytes]]]:
    """Key and fields of each, in the order of time, over the hour before."""
    rng = np.random.default_rng(1)
    for first in range(0, asked.rows, asked.entry_rows):
        at = until - MINUTES * 60 * (1 - first / asked.rows)
        ids = [f"0193{row:028x}" for row in range(first, first + asked.entry_rows)]
        yield events.predictions_key(NAME), events.encode(_prediction(rng, ids, at))
        if asked.pairs:
            yield events.pairs_key(NAME), events.encode(_pair(rng, ids, at))
        if asked.labels:
            yield events.labels_key(NAME), events.encode(_labels(rng, ids, at + 30.0))


def _prediction(rng: np.random.Generator, ids: list[str], at: float) -> events.PredictionBatch:
    drawn = columns(rng, len(ids))
    return events.PredictionBatch(
        deployment=NAME,
        release=1,
        main=1,
        challengers=(2,),
        ids=ids,
        at=events.pack([at] * len(ids)),
        seconds=events.pack([0.001] * len(ids)),
        columns=[
            *(events.NumberColumn(name=name, data=events.pack(drawn[name])) for name in NUMBERS),
            *(events.CategoryColumn(name=name, data=drawn[name]) for name in CATEGORIES),
        ],
        scores=_scores(rng, len(ids)),
    )


def _pair(rng: np.random.Generator, ids: list[str], at: float) -> events.PairBatch:
    return events.PairBatch(
        deployment=NAME,
        release=1,
        main=1,
        challenger=2,
        ids=ids,
        at=events.pack([at] * len(ids)),
        main_scores=_scores(rng, len(ids)),
        main_seconds=events.pack([0.001] * len(ids)),
        challenger_scores=_scores(rng, len(ids)),
        challenger_seconds=events.pack([0.002] * len(ids)),
        outcomes=["ok"] * len(ids),
    )


def _labels(rng: np.random.Generator, ids: list[str], at: float) -> events.LabelBatch:
    items = [
        events.LabelEvent(prediction_id=name, label=str(rng.choice(["no", "yes"])), received_at=at)
        for name in ids
    ]
    return events.LabelBatch(deployment=NAME, items=items)


def _scores(rng: np.random.Generator, rows: int) -> events.Scores:
    yes = rng.random(rows)
    return events.Scores(
        values=events.pack((yes > 0.5).astype(float)),
        probabilities=events.pack(np.stack([1 - yes, yes], axis=1).ravel()),
        classes=("no", "yes"),
    )


def alone(work: Callable[..., None], *given: object) -> None:
    """In a process of its own, so that its memory is nobody else's."""
    process = multiprocessing.get_context("spawn").Process(target=work, args=given)
    process.start()
    process.join()


def fill(asked: Asked) -> None:
    """Put all entries into an empty Redis."""
    asyncio.run(_fill(asked))


def measure(asked: Asked, folder: Path) -> None:
    """One line: read to the end, then one more step."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
    asyncio.run(_measure(asked, sample(folder), folder))


async def _measure(asked: Asked, reference: Reference, folder: Path) -> None:
    async with Redis(port=PORT) as redis:
        url = f"sqlite:///{folder / f'{time.monotonic_ns()}.db'}"
        outcomes: Any = SqlOutcomes(url) if asked.stored else Nowhere()
        references: Any = Known(reference)
        sources = Sources(
            log=RedisEventLog(redis, batch_entries=asked.batch, wait_seconds=0.05),
            store=RedisCellStore(redis),
            references=references,
            outcomes=outcomes,
            metrics=MonitorMetrics(CollectorRegistry()),
            rules=Rules(np.array(LATENCY_SECONDS), 10, 1_440, 100),
            clock=lambda: NOW,
        )
        watch = Watch(DEPLOYMENT, sources)
        spent, waited = await _clocked(_to_the_end(watch, asked.rows))
        again = [await _clocked(_look_again(redis, watch, asked)) for _ in range(5)]
    told = "predictions" + ", pairs" * asked.pairs + ", labels" * asked.labels
    told += "; outcomes" * asked.stored
    print(
        f"| {told} | {asked.rows / spent:,.0f} | {asked.rows / waited:,.0f} "
        f"| {1e3 * float(np.median([cpu for cpu, _ in again])):.1f} | {_megabytes():.0f} |",
        flush=True,
    )


async def _fill(asked: Asked) -> None:
    async with Redis(port=PORT) as redis:
        await redis.flushall()
        pipe = redis.pipeline(transaction=False)
        for number, (key, fields) in enumerate(entries(asked)):
            pipe.xadd(key, dict(fields))
            if number % 200 == 199:
                await pipe.execute()
        await pipe.execute()


async def _to_the_end(watch: Watch, rows: int) -> None:
    held = 0
    while held < rows:
        await watch.step()
        held = sum(watch.assess().totals.predictions.values())


async def _look_again(redis: Redis, watch: Watch, asked: Asked) -> None:
    """A step over one more entry: read, count, commit, look for drift."""
    one = Asked(asked.entry_rows, asked.entry_rows, asked.pairs, asked.labels)
    for key, fields in entries(one):
        await redis.xadd(key, dict(fields))
    await watch.step()


async def _clocked(work: Awaitable[None]) -> tuple[float, float]:
    """Seconds of CPU, and by the clock."""
    cpu, begun = time.process_time(), time.perf_counter()
    await work
    return time.process_time() - cpu, time.perf_counter() - begun


def _megabytes() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1_024


@contextmanager
def redis_server(folder: Path) -> Iterator[None]:
    """On a port of its own."""
    command = redis_command(find_redis_server(), port=PORT, folder=folder)
    with Popen([*command, "--loglevel", "warning"], stdout=DEVNULL) as process:
        try:
            time.sleep(0.5)
            yield
        finally:
            process.terminate()


def main() -> None:
    """Prints a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=200_000)
    parser.add_argument("--entry-rows", type=int, default=50)
    parser.add_argument("--labels", action="store_true", help="also with labels")
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--batch", type=int, default=200, help="entries of one look")
    asked = parser.parse_args()
    rows = 20_000 if asked.quick else asked.rows
    print(f"{rows} rows of 30 features, {asked.entry_rows} an entry")
    print("| read | rows per CPU-second | rows per second | one more step, CPU ms | peak MB |")
    print("| --- | --- | --- | --- | --- |", flush=True)
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        stack.enter_context(redis_server(folder))
        streams = [(False, False), (True, False), (True, True)][: 3 if asked.labels else 2]
        for (pairs, labels), stored in itertools.product(streams, (False, True)):
            size = Asked(rows, asked.entry_rows, pairs, labels, asked.batch, stored)
            alone(fill, size)
            alone(measure, size, folder)


if __name__ == "__main__":
    main()
