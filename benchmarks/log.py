"""What does the log cost? CPU time per row, by durability, and by how Redis is spoken to.

One worker's log and a Redis of its own, no network service, no model: records of 30 numbers and two
probabilities, from so many callers at a time, alternating rounds. Prints medians with their spread,
the lag that `relaxed` leaves, and what the disk takes while Redis is away.
"""

import asyncio
import statistics
import subprocess
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import numpy as np
import uvloop
from prometheus_client import CollectorRegistry

from services.serving.adapters.event_log import EventLog, LogBounds
from services.serving.adapters.flushes import Flush, StreamEntry, apply_once
from services.serving.adapters.redis_line import RedisLine
from services.serving.domain.rows import Plan
from services.serving.domain.scoring import Cost, Loaded
from services.serving.domain.table import Live
from services.serving.metrics import LogMetrics
from services.serving.ports import Answered
from understudy.contracts.events import predictions_key
from understudy.contracts.policy import Policy
from understudy.contracts.signature import Feature, Signature, Target
from understudy.contracts.vocabulary import Durability, FeatureKind, Task
from understudy.inference.rows import Rows
from understudy.inference.scored import Scored
from understudy.launch.redis_server import find_redis_server, redis_command
from understudy.runtime.loops import cancel
from understudy.runtime.redis_client import redis_client

ROUNDS: Final = 5
COMMANDS: Final = 2_000
CALLS: Final = 3_000
PORT: Final = 18_703
URL: Final = f"redis://127.0.0.1:{PORT}/0"
SIGNATURE: Final = Signature(
    features=tuple(Feature(f"f{index}", FeatureKind.NUMBER) for index in range(30)),
    target=Target("class", Task.CLASSIFICATION, classes=("no", "yes")),
)
BOUNDS: Final = LogBounds(
    buffer_rows=200_000,
    buffer_bytes=2**28,
    relaxed_rows=2_000,
    spool_bytes=2**30,
    relaxed_seconds=0.01,
    spool_after_seconds=0.25,
    wait_seconds=2.0,
)


class NoRunner:
    """The rows are answered before they come here."""

    def score(self, rows: Rows) -> Scored:
        """Never called."""
        raise NotImplementedError


def live(durability: Durability) -> Live:
    """A release whose replies wait for the log, or do not."""
    main = Loaded(1, SIGNATURE, Plan(SIGNATURE), NoRunner(), Cost(0.0, 0.0))
    return Live(1, main, (2,), Policy(durability=durability))


def call(release: Live, number: int, rows: int) -> Answered:
    """One call of a model."""
    scored = Scored(np.ones(rows), np.full((rows, 2), 0.5))
    ids = [f"0190b2c4-8f1e-7abc-{number:010d}-{row:06d}" for row in range(rows)]
    return Answered(
        "bench", release, ids, time.time(), 0.001, Rows(np.ones((rows, 30)), ()), scored
    )


@contextmanager
def redis_server(folder: Path) -> Iterator[None]:
    """A Redis of its own; what it writes goes into the folder."""
    command = redis_command(find_redis_server(), port=PORT, folder=folder)
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as server:
        time.sleep(0.5)
        yield
        server.terminate()


async def per_command(send: Callable[[int], Awaitable[object]]) -> float:
    """Microseconds of CPU time of this process for one command."""
    began = time.process_time()
    for number in range(COMMANDS):
        await send(number)
    return (time.process_time() - began) / COMMANDS * 1e6


async def compare_clients() -> None:
    """The same script call by redis-py and by the log's own connection."""
    library, line = redis_client(URL, 2.0, 4), RedisLine(URL, 2.0)
    script = library.register_script("return redis.call('XADD', KEYS[1], '*', 'b', ARGV[1])")
    body, numbers = b"x" * 2_000, iter(range(1, 10**9))

    async def by_library(_: int) -> None:
        await script(keys=["bench"], args=[body])

    async def by_line(_: int) -> None:
        entry = StreamEntry(predictions_key("bench"), b"1", body)
        await apply_once(line, [Flush("bench", "w", next(numbers), 1, [entry])])

    rounds = [(await per_command(by_library), await per_command(by_line)) for _ in range(ROUNDS)]
    print(f"one flush by redis-py      {spread([a for a, _ in rounds])} µs")
    print(f"one flush by our line      {spread([b for _, b in rounds])} µs")
    print(f"ratio                      {spread([a / b for a, b in rounds])}\n")
    await library.flushall()
    await line.aclose()
    await library.aclose()


async def cost_of_log(folder: Path, durability: Durability, callers: int, rows: int) -> float:
    """Microseconds of CPU time of this process for one row, all of the log included."""
    line = RedisLine(URL, 2.0)
    log = EventLog(line, folder, LogMetrics(CollectorRegistry()), BOUNDS)
    release = live(durability)
    records = [call(release, number, rows) for number in range(CALLS)]
    waiting = iter(records)

    async def caller() -> None:
        for record in waiting:
            safe = log.predictions(record)
            await (asyncio.sleep(0) if safe is None else safe)

    began = time.process_time()
    await asyncio.gather(*(caller() for _ in range(callers)))
    await log.drain(5.0)
    spent = time.process_time() - began
    await line.call("FLUSHALL")
    await line.aclose()
    return spent / (CALLS * rows) * 1e6


async def compare_durabilities(folder: Path) -> None:
    """Strict against relaxed, for calls of some sizes."""
    print(f"{'callers':>7} {'rows':>5}   {'strict, µs/row':>22} {'relaxed, µs/row':>22}")
    for callers, rows in ((1, 1), (1, 8), (1, 32), (4, 8)):
        rounds = [
            [await cost_of_log(folder, each, callers, rows) for each in Durability]
            for _ in range(ROUNDS)
        ]
        strict, relaxed = (spread([*costs]) for costs in zip(*rounds, strict=True))
        print(f"{callers:7} {rows:5}   {strict:>22} {relaxed:>22}")


async def rate_of_spool(folder: Path) -> None:
    """Rows a second that are safe on disk while Redis is away, and that follow when it is back."""
    line = RedisLine(URL, 2.0)
    log = EventLog(line, folder / "spool", LogMetrics(CollectorRegistry()), BOUNDS)
    running, release = asyncio.create_task(log.run()), live(Durability.STRICT)
    waits: list[float] = []
    began = time.perf_counter()
    for number in range(CALLS):
        asked = time.perf_counter()
        safe = log.predictions(call(release, number, 8))
        assert safe is not None  # noqa: S101 - strict
        assert await safe  # noqa: S101 - it is what is measured
        waits.append((time.perf_counter() - asked) * 1e3)
    rate = CALLS * 8 / (time.perf_counter() - began)
    low, high = (statistics.quantiles(waits, n=100)[at] for at in (49, 98))
    print(f"\nRedis away: {rate:,.0f} rows/s to disk, p50 {low:.2f} ms, p99 {high:.2f} ms")
    with redis_server(folder):
        back = time.perf_counter()
        while log.state.spooled_rows:  # noqa: ASYNC110 - the log tells its state, not its changes
            await asyncio.sleep(0.005)
        print(
            f"Redis back: {CALLS * 8 / (time.perf_counter() - back):,.0f} rows/s out of the spool"
        )
    await cancel([running])
    await log.drain(1.0)
    await line.aclose()


def spread(figures: list[float]) -> str:
    """Median, least and most."""
    return f"{statistics.median(figures):.1f} ({min(figures):.1f}-{max(figures):.1f})"


def main() -> None:
    """Print the figures."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with redis_server(folder):
            uvloop.run(compare_clients())
            uvloop.run(compare_durabilities(folder / "unused"))
        uvloop.run(rate_of_spool(folder))


if __name__ == "__main__":
    main()
