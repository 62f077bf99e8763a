"""What many deployments cost one worker: 50 with two versions each, in one process, no network.

Prints how long they take to load, how much memory each takes (resident, and by our own count), how
long 100 rollbacks over them take, and how long the event loop is held up while models are loaded.
"""

import asyncio
import hashlib
import logging
import statistics
import tempfile
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import numpy as np
import psutil
import skops.io
import structlog
from prometheus_client import CollectorRegistry
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from services.serving.adapters.library import ModelLibrary
from services.serving.domain.table import Live
from services.serving.domain.warming import probe_rows
from services.serving.metrics import ServingMetrics
from services.serving.operations import Serving
from services.serving.operations.releases import Releases
from services.serving.operations.scoring import Limits
from services.serving.ports import Answered, ToldPair, ToldRow
from understudy.contracts.events import LabelEvent, ProtectedEvent
from understudy.contracts.registry import Compiled, DeploymentSnapshot, ServedVersion, Snapshot
from understudy.contracts.signature import Feature, Signature, Target
from understudy.contracts.vocabulary import AccessLevel, FeatureKind, Task
from understudy.inference.compiling import CompiledModel, compile_model
from understudy.runtime.keys import KeyRing

DEPLOYMENTS: Final = 50
ROLLBACKS: Final = 100
FEATURES: Final = 30
TICK_SECONDS: Final = 0.001
TRUSTED: Final = ("sklearn.tree._tree.Tree",)

SIGNATURE: Final = Signature(
    features=tuple(
        Feature(f"f{i}", FeatureKind.NUMBER, minimum=-5.0, maximum=5.0, example=0.0)
        for i in range(FEATURES)
    ),
    target=Target("y", Task.CLASSIFICATION, classes=(0, 1)),
)


class NoLog:
    """Keeps nothing: what is measured are models."""

    def predictions(self, answered: Answered) -> None:
        """Replies need not wait."""

    async def labels(self, deployment: str, items: Sequence[LabelEvent]) -> bool:
        """There are none."""
        del deployment, items
        return True

    async def protected(self, deployment: str, items: Sequence[ProtectedEvent]) -> bool:
        """There are none."""
        del deployment, items
        return True

    async def elsewhere(
        self, deployment: str, live: Live, rows: Sequence[ToldRow], pairs: Sequence[ToldPair]
    ) -> bool:
        """Nothing is told."""
        raise NotImplementedError(deployment, live, rows, pairs)


class Folder:
    """Artifacts that were fetched before."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def store(self, content: bytes) -> str:
        """Returns its digest."""
        digest = hashlib.sha256(content).hexdigest()
        (self._path / digest).write_bytes(content)
        return digest

    async def fetch_artifact(self, digest: str, folder: Path) -> Path:
        """The file."""
        del folder
        return self._path / digest


def fitted(kind: str, seed: int) -> Any:
    """A model of one of two kinds."""
    random = np.random.default_rng(seed)
    inputs = random.normal(size=(2_000, FEATURES))
    truth = (inputs[:, 0] + random.normal(scale=0.5, size=2_000) > 0).astype(int)
    if kind == "linear":
        return make_pipeline(StandardScaler(), LogisticRegression()).fit(inputs, truth)
    return RandomForestClassifier(100, random_state=seed, n_jobs=2).fit(inputs, truth)


def served(folder: Folder, kind: str, number: int) -> ServedVersion:
    """A version with its compiled twin."""
    model = fitted(kind, number)
    twin = compile_model(model, SIGNATURE, probe_rows(SIGNATURE, 200))
    compiled = None
    if isinstance(twin, CompiledModel):
        compiled = Compiled(
            kind=twin.kind,
            artifact=folder.store(twin.content),
            precision=twin.precision,
            rows=twin.rows,
            difference=twin.difference,
            tolerance=twin.tolerance,
            speedup=twin.speedup,
        )
    return ServedVersion(
        version=number,
        artifact=folder.store(skops.io.dumps(model)),
        reference="0" * 64,
        signature=SIGNATURE,
        compiled=compiled,
    )


def snapshot(versions: Sequence[ServedVersion], releases: Sequence[int]) -> Snapshot:
    """Each deployment at its release: odd ones have version 1 as main, even ones version 2."""
    return Snapshot(
        sequence=sum(releases),
        trusted_types=TRUSTED,
        deployments=tuple(
            DeploymentSnapshot(
                name=f"d{index}",
                project="p",
                model=f"m{index}",
                access=AccessLevel.PUBLIC,
                release=release,
                released_at=datetime.now(UTC),
                main=2 - release % 2,
                challengers=(),
                previous_main=1 + release % 2,
                pairings=(),
                versions=tuple(versions),
            )
            for index, release in enumerate(releases)
        ),
    )


@asynccontextmanager
async def stalls() -> AsyncIterator[list[float]]:
    """How late a task that wants to run each millisecond does."""
    late: list[float] = []

    async def tick() -> None:
        while True:
            due = time.perf_counter() + TICK_SECONDS
            await asyncio.sleep(TICK_SECONDS)
            late.append(time.perf_counter() - due)

    task = asyncio.create_task(tick())
    yield late
    task.cancel()


async def measure(kind: str, path: Path) -> None:
    """Start, then go back and forth."""
    folder = Folder(path)
    versions = [served(folder, kind, number) for number in (1, 2)]
    metrics = ServingMetrics(CollectorRegistry())
    limits = Limits(rows=1_000, inline_seconds=0.002, threads=2, queue=256)
    serving = Serving(keys=KeyRing, log=NoLog(), metrics=metrics, limits=limits)
    library = ModelLibrary(folder, path, 60.0)
    releases = Releases(serving, library, metrics, "here:1")
    numbers = [1] * DEPLOYMENTS
    await library.load("warm", versions[0], TRUSTED)  # libraries are imported once for all
    before, began = psutil.Process().memory_info().rss, time.perf_counter()
    async with stalls() as late:
        await releases.take_up(snapshot(versions, numbers))
    seconds = time.perf_counter() - began
    resident = psutil.Process().memory_info().rss - before
    counted = sum(loaded.size_bytes for loaded in library.loaded().values())
    runners = {loaded.runner_name for loaded in library.loaded().values()}
    print(f"{kind}, {DEPLOYMENTS} deployments with 2 versions each, runner {', '.join(runners)}")
    print(f"  loaded in {seconds:.1f} s; event loop late by {quantiles(late)}")
    print(f"  memory per deployment: resident {resident / DEPLOYMENTS / 1e6:.2f} MB, ", end="")
    print(f"counted {counted / DEPLOYMENTS / 1e6:.2f} MB")
    taken = [await roll_back(releases, versions, numbers, i) for i in range(ROLLBACKS)]
    print(f"  {ROLLBACKS} rollbacks: {quantiles(taken)}")
    library.close()


async def roll_back(
    releases: Releases, versions: Sequence[ServedVersion], numbers: list[int], index: int
) -> float:
    """Seconds from a snapshot with one deployment's older version to its answering."""
    numbers[index % DEPLOYMENTS] += 1
    wanted = snapshot(versions, numbers)
    began = time.perf_counter()
    await releases.take_up(wanted)
    return time.perf_counter() - began


def quantiles(seconds: Sequence[float]) -> str:
    """Median, 99th percentile, worst, in milliseconds."""
    cuts = statistics.quantiles(seconds, n=100)
    return f"p50 {cuts[49] * 1e3:.2f}, p99 {cuts[98] * 1e3:.2f}, worst {max(seconds) * 1e3:.2f} ms"


def main() -> None:
    """Print the figures."""
    quiet = structlog.make_filtering_bound_logger(logging.ERROR)
    structlog.configure(wrapper_class=quiet)
    for kind in ("linear", "forest"):
        with tempfile.TemporaryDirectory() as path:
            asyncio.run(measure(kind, Path(path)))


if __name__ == "__main__":
    main()
