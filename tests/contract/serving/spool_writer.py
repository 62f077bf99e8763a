"""A process that appends flushes to a spool until it is killed; prints what it knows to be safe."""

import asyncio
import sys
from pathlib import Path

from prometheus_client import CollectorRegistry

sys.path.insert(0, str(Path(__file__).parents[3]))

from services.serving.adapters.flushes import Flush, StreamEntry
from services.serving.adapters.spool import Spool
from services.serving.metrics import LogMetrics


async def main() -> None:
    spool = Spool(
        Path(sys.argv[1]),
        "killed",
        LogMetrics(CollectorRegistry()),
        most_bytes=100_000_000,
        segment_bytes=20_000,
    )
    number = 0
    while True:
        numbers = range(number + 1, number + 4)
        kept = await asyncio.gather(*(spool.append(flush(each)) for each in numbers))
        assert all(kept)
        number += 3
        print(number, flush=True)  # noqa: T201 - it is how the test hears of it


def flush(number: int) -> Flush:
    stream = "understudy:{flowers}:predictions"
    return Flush("flowers", "killed", number, 2, [StreamEntry(stream, b"1", b"x" * 500)])


asyncio.run(main())
