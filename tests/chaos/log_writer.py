"""A process that answers rows through the log until it is stopped, and notes their ids."""

import asyncio
import os
import signal
import sys
import time
from itertools import count
from pathlib import Path

import numpy as np
from prometheus_client import CollectorRegistry

sys.path.insert(0, str(Path(__file__).parents[2]))

from services.serving.adapters.event_log import EventLog, LogBounds
from services.serving.adapters.redis_line import RedisLine
from services.serving.domain.table import Live
from services.serving.metrics import LogMetrics
from services.serving.ports import Answered
from tests.fakes.serving import loaded
from understudy.contracts.policy import Policy
from understudy.contracts.vocabulary import Durability
from understudy.inference.rows import Rows
from understudy.inference.scored import Scored
from understudy.runtime.loops import cancel

ROWS = 10
CALLERS = 8
BOUNDS = LogBounds(
    buffer_rows=20_000,
    buffer_bytes=100_000_000,
    relaxed_rows=1_000,
    spool_bytes=2_000_000,
    relaxed_seconds=0.01,
    spool_after_seconds=0.25,
    wait_seconds=1.0,
)


async def main(url: str, folder: Path, durability: Durability, notes: Path) -> None:
    """Answer until SIGTERM; each answered id is a line of `notes`."""
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    line = RedisLine(url, 1.0)
    log = EventLog(line, folder, LogMetrics(CollectorRegistry()), BOUNDS)
    running = asyncio.create_task(log.run())
    live = Live(1, loaded(1), (), Policy(durability=durability))
    handle = os.open(notes, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    numbers = count()

    async def answer() -> None:
        while not stop.is_set():
            record = call(live, f"{notes.stem}-{next(numbers)}")
            safe = log.predictions(record)
            if safe is None or await safe:
                os.write(handle, "".join(f"{name}\n" for name in record.ids).encode())
            await asyncio.sleep(0.002)

    await asyncio.gather(*(answer() for _ in range(CALLERS)))
    await log.drain(5.0)
    await cancel([running])
    await line.aclose()


def call(live: Live, name: str) -> Answered:
    """Rows that were answered together."""
    ids = [f"{name}.{row}" for row in range(ROWS)]
    scored = Scored(np.ones(ROWS), np.full((ROWS, 2), 0.5))
    rows = Rows(np.ones((ROWS, 2)), ())
    return Answered("flowers", live, ids, time.time(), 0.001, rows, scored)


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], Path(sys.argv[2]), Durability(sys.argv[3]), Path(sys.argv[4])))
