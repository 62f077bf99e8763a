"""What does a monitor's process hold with everything on? Megabytes, before and after rows.

`python -m benchmarks.monitor_memory [--rows 50000 200000] [--quiet-seconds 45]` starts a Redis and
`python -m services.monitor`, fills the log with predictions of 30 features, pairs and labels of the
last hour, and reads the process's memory: when it is ready, when it has read all rows, and after so
many seconds in which it judges, appraises and archives. Linux only: figures are the kernel's.
"""

import argparse
import asyncio
import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from subprocess import STDOUT, Popen
from typing import Final

import httpx
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from redis.asyncio import Redis

from benchmarks.monitor import DEPLOYMENT, NAME, PORT, Asked, columns, entries, redis_server
from tests.conftest import free_port
from tests.fakes.monitor import FakeRegistry, fake_registry
from tests.fakes.monitor_entries import snapshot
from understudy.contracts.events import monitor_positions_key, predictions_key
from understudy.contracts.registry import DeploymentSnapshot
from understudy.launch.plan import MONITOR_MEMORY

_LONGEST: Final = 300.0
_LOOK_SECONDS: Final = 0.2


@dataclass(frozen=True, slots=True)
class Memory:
    """Of a process, in MB."""

    resident: float
    anonymous: float
    """Of that, what is no file's: the rest is code, which processes share."""
    most: float


def memory_of(process: int) -> Memory:
    """As Linux counts it."""
    lines = Path(f"/proc/{process}/status").read_text().splitlines()
    found = {name: rest.split() for name, _, rest in (line.partition(":") for line in lines)}
    resident, anonymous, most = (
        int(found[name][0]) / 1_024 for name in ("VmRSS", "RssAnon", "VmHWM")
    )
    return Memory(resident, anonymous, most)


def described(registry: FakeRegistry, folder: Path) -> DeploymentSnapshot:
    """The deployment with a reference sample of 5,000 rows."""
    path = folder / "sample.parquet"
    drawn = columns(np.random.default_rng(0), 5_000)
    pq.write_table(pa.table({**drawn, "class": ["no", "yes"] * 2_500}), path)
    digest = registry.store(path.read_bytes())
    versions = (one.model_copy(update={"reference": digest}) for one in DEPLOYMENT.versions)
    return DEPLOYMENT.model_copy(update={"versions": tuple(versions)})


@contextmanager
def monitor(registry: FakeRegistry, folder: Path) -> Iterator[int]:
    """The process's number, once it is ready; its log is in the folder."""
    port = free_port()
    environment = {
        **os.environ,
        **MONITOR_MEMORY,
        "UNDERSTUDY_MONITOR_PORT": str(port),
        "UNDERSTUDY_REGISTRY_URL": registry.url,
        "UNDERSTUDY_REDIS_URL": f"redis://127.0.0.1:{PORT}/0",
        "UNDERSTUDY_SERVICE_KEY": "us_service_key",
        "UNDERSTUDY_STATE_DIR": str(folder),
        "UNDERSTUDY_MONITOR_ARCHIVE_SECONDS": "5",
    }
    with (folder / "monitor.log").open("ab") as log:
        command = [sys.executable, "-m", "services.monitor"]
        process = Popen(command, env=environment, stdout=log, stderr=STDOUT)
    try:
        _wait(lambda: _ready(f"http://127.0.0.1:{port}/readyz"))
        yield process.pid
    finally:
        process.terminate()
        process.wait(30)


def _ready(url: str) -> bool:
    try:
        return httpx.get(url).status_code == httpx.codes.OK
    except httpx.TransportError:
        return False


def _wait(done: Callable[[], bool]) -> None:
    until = time.monotonic() + _LONGEST
    while not done():
        if time.monotonic() > until:
            raise TimeoutError("the monitor takes too long: see its log")
        time.sleep(_LOOK_SECONDS)


async def fill(rows: int) -> None:
    """An hour's, up to now."""
    async with Redis(port=PORT) as redis:
        asked = Asked(rows, 50, pairs=True, labels=True)
        for number, (key, fields) in enumerate(entries(asked, time.time())):
            await redis.xadd(key, dict(fields))
            if number % 600 == 0:
                await asyncio.sleep(0)


async def caught_up() -> bool:
    """Whether the monitor has counted the newest entry."""
    async with Redis(port=PORT) as redis:
        newest = await redis.xrevrange(predictions_key(NAME), count=1)
        at = await redis.hget(monitor_positions_key(NAME), "predictions")  # type: ignore[misc]
        return bool(at == newest[0][0])


def run(rows: int, quiet_seconds: float) -> None:
    """One line of the table."""
    with tempfile.TemporaryDirectory() as name, redis_server(Path(name)):
        folder = Path(name)
        with fake_registry(snapshot()) as registry:
            registry.publish(snapshot(described(registry, folder), sequence=2))
            with monitor(registry, folder) as process:
                time.sleep(2.0)
                before = memory_of(process)
                asyncio.run(fill(rows))
                _wait(lambda: asyncio.run(caught_up()))
                read = memory_of(process)
                time.sleep(quiet_seconds)
                after = memory_of(process)
    told = (f"{found.resident:.0f} ({found.anonymous:.0f})" for found in (before, read, after))
    print(f"| {rows:,} | {' | '.join(told)} | {after.most:.0f} |", flush=True)


def main() -> None:
    """Prints a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, nargs="+", default=[50_000, 200_000])
    parser.add_argument("--quiet-seconds", type=float, default=45.0)
    asked = parser.parse_args()
    print("resident MB (of that, anonymous)")
    print("| rows | ready | all read | later | most |")
    print("| --- | --- | --- | --- | --- |", flush=True)
    for rows in asked.rows:
        run(rows, asked.quiet_seconds)


if __name__ == "__main__":
    main()
