"""What a challenger costs a row, from the log to its pairs: CPU of reader, child and Redis.

Entries of 1, 10 and 100 rows are fed to the log at a steady rate by another process; a challenger
reads them as it does in a cluster. Alternating rounds with and without a linger; medians. Redis'
share includes the feeding.
"""

import asyncio
import contextlib
import hashlib
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import numpy as np
import redis as redis_sync
import skops.io
from prometheus_client import CollectorRegistry
from sklearn.datasets import make_classification
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from services.serving.adapters.inbox import RedisInbox
from services.serving.adapters.scoring.responder import CallLimits, ProcessResponder
from services.serving.adapters.scoring.workshop import Workshop
from services.serving.metrics import ChallengerMetrics
from services.serving.operations.pairing import Pairing, ReadingLimits
from understudy.contracts.events import (
    NumberColumn,
    PredictionBatch,
    Scores,
    encode,
    pack,
    predictions_key,
)
from understudy.contracts.registry import Compiled, ServedVersion
from understudy.contracts.signature import Feature, Signature, Target
from understudy.contracts.vocabulary import FeatureKind, Task
from understudy.inference.compiling import CompiledModel, compile_model
from understudy.inference.rows import Rows
from understudy.launch.redis_server import find_redis_server, redis_command
from understudy.runtime.redis_client import redis_client

FEATURES: Final = 30
ROUNDS: Final = 3
ROUND_SECONDS: Final = 3.0
RATES: Final = {1: 1_500, 10: 8_000, 100: 20_000}
"""Rows per second, by rows of an entry: an entry is a flush of the log, so rates rise with it."""
LINGERS: Final = (0.02, 0.0)
DEPLOYMENT: Final = "benchmark"
SIGNATURE: Final = Signature(
    tuple(
        Feature(f"feature_{index}", FeatureKind.NUMBER, example=0.0) for index in range(FEATURES)
    ),
    Target("answer", Task.CLASSIFICATION, (0, 1)),
)
INPUTS, TRUTH = make_classification(2_000, FEATURES, random_state=0)


@dataclass(frozen=True, slots=True)
class Round:
    """Figures of one round; CPU in microseconds for each row."""

    rate: float
    reader: float
    child: float
    redis: float

    @property
    def total(self) -> float:
        """Of what a challenger adds."""
        return self.reader + self.child


def entry_of(rows: int) -> dict[bytes, bytes]:
    """An entry as serving writes it."""
    chosen = INPUTS[:rows]
    return encode(
        PredictionBatch(
            deployment=DEPLOYMENT,
            release=1,
            main=1,
            challengers=(2,),
            ids=[f"0198a6c0-7b5e-7e3c-9f3a-{index:012d}" for index in range(rows)],
            at=pack(np.full(rows, time.time())),
            seconds=pack(np.full(rows, 1e-5)),
            columns=[
                NumberColumn(name=feature.name, data=pack(chosen[:, index]))
                for index, feature in enumerate(SIGNATURE.features)
            ],
            scores=Scores(
                values=pack(np.zeros(rows)),
                probabilities=pack(np.tile([0.9, 0.1], rows)),
                classes=(0, 1),
            ),
        )
    )


def feed(url: str, rows: int) -> None:
    """Append entries at the rate of their size until the round is over."""
    client, fields, pause = redis_sync.Redis.from_url(url), entry_of(rows), rows / RATES[rows]
    began = time.perf_counter()
    written = 0
    while (now := time.perf_counter()) - began < ROUND_SECONDS:
        due = int((now - began) / pause) - written
        with client.pipeline(transaction=False) as pipeline:
            for _ in range(due):
                pipeline.xadd(predictions_key(DEPLOYMENT), fields)  # type: ignore[arg-type]
            pipeline.execute()
        written += due
        time.sleep(max(0.001, pause))


class Files:
    """Implements `ports.Artifacts` over a folder."""

    async def fetch_artifact(self, digest: str, folder: Path) -> Path:
        """It is there."""
        return folder / digest


def version_of(model: Any, folder: Path, *, compiled: bool) -> ServedVersion:
    """A version whose files are in the folder."""

    def stored(content: bytes) -> str:
        digest = hashlib.sha256(content).hexdigest()
        (folder / digest).write_bytes(content)
        return digest

    twin = compile_model(model, SIGNATURE, Rows(INPUTS[:200], ())) if compiled else None
    return ServedVersion(
        version=2,
        artifact=stored(skops.io.dumps(model)),
        reference="0" * 64,
        signature=SIGNATURE,
        compiled=_described(twin, stored(twin.content))
        if isinstance(twin, CompiledModel)
        else None,
    )


def _described(twin: CompiledModel, digest: str) -> Compiled:
    return Compiled(
        kind=twin.kind,
        artifact=digest,
        precision=twin.precision,
        rows=twin.rows,
        difference=twin.difference,
        tolerance=twin.tolerance,
        speedup=twin.speedup,
    )


class Bench:
    """A challenger of one version, on one Redis."""

    def __init__(self, url: str, folder: Path) -> None:
        self._url = url
        self._sync = redis_sync.Redis.from_url(url)
        self._client = redis_client(url, 5.0, 8)
        self._metrics = ChallengerMetrics(CollectorRegistry())
        self._workshop = Workshop(
            Files(), folder, load_seconds=120.0, memory_bytes=4 << 30, nice=0, timed_ratio=0.01
        )

    async def measure(self, responder: ProcessResponder, rows: int, linger: float) -> Round:
        """Read all that is fed in a round."""
        self._sync.flushall()
        inbox = RedisInbox(self._client, DEPLOYMENT, 2, consumer="here", wait_milliseconds=100)
        pairing = self._pairing(responder, inbox, linger)
        for _ in range(3):
            await pairing.step()
        feeder = await asyncio.create_subprocess_exec(
            sys.executable, __file__, "feed", self._url, str(rows)
        )
        while self._length() == 0:  # it is still importing
            await pairing.step()
        began, cpu = time.perf_counter(), self._cpu(responder)
        while feeder.returncode is None or not await _is_done(inbox):
            await pairing.step()
        seconds = time.perf_counter() - began
        after, read = self._cpu(responder), self._length() * rows
        spent = [(after[index] - cpu[index]) / read * 1e6 for index in range(3)]
        return Round(read / seconds, *spent)

    def responder(self, version: ServedVersion) -> ProcessResponder:
        """With the limits that a cluster begins with."""
        limits = CallLimits(10.0, 5_000, 3_600.0)
        return ProcessResponder(DEPLOYMENT, version, self._workshop, self._metrics, limits)

    def _pairing(self, responder: ProcessResponder, inbox: RedisInbox, linger: float) -> Pairing:
        return Pairing(
            DEPLOYMENT,
            2,
            datetime.now(UTC),
            responder=responder,
            inbox=inbox,
            metrics=self._metrics,
            limits=ReadingLimits(512, 5_000, linger, 3_600.0),
        )

    def _length(self) -> int:
        return int(self._sync.xlen(predictions_key(DEPLOYMENT)))

    def _cpu(self, responder: ProcessResponder) -> tuple[float, float, float]:
        info: Any = self._sync.info("cpu")
        usage = responder.usage()
        redis_seconds = info["used_cpu_user"] + info["used_cpu_sys"]
        return time.process_time(), usage.cpu_seconds if usage else 0.0, redis_seconds


async def _is_done(inbox: RedisInbox) -> bool:
    left = await inbox.backlog()
    return left.pending == 0 and left.undelivered == 0


@contextlib.contextmanager
def redis_server(folder: Path, port: int = 8793) -> Iterator[str]:
    """One of its own."""
    command = redis_command(find_redis_server(), port=port, folder=folder)
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as process:
        url = f"redis://127.0.0.1:{port}/0"
        while True:
            with contextlib.suppress(redis_sync.ConnectionError):
                redis_sync.Redis.from_url(url).ping()
                break
            time.sleep(0.02)
        try:
            yield url
        finally:
            process.terminate()


async def compare(bench: Bench, name: str, version: ServedVersion) -> None:
    """Print one table row for each size of entries and each linger."""
    responder = bench.responder(version)
    await responder.start()
    for rows in RATES:
        found: dict[float, list[Round]] = {linger: [] for linger in LINGERS}
        for _ in range(ROUNDS):
            for linger in LINGERS:
                found[linger].append(await bench.measure(responder, rows, linger))
        for linger, rounds in found.items():
            _print(name, rows, linger, rounds)
    await responder.close()


def _print(name: str, rows: int, linger: float, rounds: list[Round]) -> None:
    figures = [
        statistics.median([getattr(found, field) for found in rounds])
        for field in ("rate", "reader", "child", "total", "redis")
    ]
    spread = [min(found.total for found in rounds), max(found.total for found in rounds)]
    print(
        f"| {name} | {rows} | {linger * 1_000:.0f} ms | {figures[0]:,.0f} |"
        + "".join(f" {figure:.2f} |" for figure in figures[1:])
        + f" {spread[0]:.2f}–{spread[1]:.2f} |",
        flush=True,
    )


async def main() -> None:
    """All models, one after the other."""
    linear = make_pipeline(StandardScaler(), LogisticRegression()).fit(INPUTS, TRUTH)
    forest = RandomForestClassifier(100, random_state=0).fit(INPUTS, TRUTH)
    with tempfile.TemporaryDirectory() as name, redis_server(Path(name)) as url:
        folder = Path(name)
        bench = Bench(url, folder)
        print(
            "| challenger | rows of an entry | linger | rows/s | reader µs/row | child µs/row "
            "| both µs/row | Redis µs/row | both, range |\n" + "| --- " * 9 + "|"
        )
        await compare(bench, "linear, compiled", version_of(linear, folder, compiled=True))
        await compare(bench, "linear, sklearn", version_of(linear, folder, compiled=False))
        await compare(bench, "forest, compiled", version_of(forest, folder, compiled=True))
        await compare(bench, "forest, sklearn", version_of(forest, folder, compiled=False))


if __name__ == "__main__":
    if sys.argv[1:2] == ["feed"]:
        feed(sys.argv[2], int(sys.argv[3]))
    else:
        asyncio.run(main())
