"""What does a prediction cost inside a worker, from a decoded head to the bytes of the answer?

No network and no Redis, one process, CPU time for each request of a single row, so many requests in
one turn of the event loop: scikit-learn against the compiled twin, each request by itself against
all of a turn together. Alternating rounds; medians with their spread.
"""

import asyncio
import itertools
import json
import statistics
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

import uvloop
from prometheus_client import CollectorRegistry
from sklearn.datasets import make_classification
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from services.serving.api.predict import Begun, Predict
from services.serving.api.presented import Presented, Visitor
from services.serving.domain.rows import Plan
from services.serving.domain.scoring import Cost, Loaded
from services.serving.domain.table import Deployment, Live, Table
from services.serving.domain.warming import probe_rows
from services.serving.metrics import ServingMetrics
from services.serving.operations import Answers, Serving
from services.serving.operations.scoring import Limits
from services.serving.ports import Answered, ToldPair, ToldRow
from understudy.contracts.events import LabelEvent, ProtectedEvent
from understudy.contracts.policy import Policy
from understudy.contracts.registry import KeyRecord
from understudy.contracts.signature import Feature, Signature, Target
from understudy.contracts.vocabulary import AccessLevel, Durability, FeatureKind, Scope, Task
from understudy.inference.compiled import load_compiled
from understudy.inference.compiling import CompiledModel, compile_model
from understudy.inference.estimators import SklearnRunner
from understudy.inference.scored import Runner
from understudy.runtime.keys import KeyRing, make_key

FEATURES: Final = 30
ROUNDS: Final = 5
REQUESTS: Final = 4_000
KEY: Final = make_key()
HEADERS: Final = [
    (b"host", b"localhost"),
    (b"content-type", b"application/json"),
    (b"content-length", b"700"),
    (b"x-api-key", KEY.plaintext.encode()),
]
SIGNATURE: Final = Signature(
    tuple(
        Feature(f"feature_{index:02}", FeatureKind.NUMBER, minimum=-1e3, maximum=1e3)
        for index in range(FEATURES)
    ),
    Target("class", Task.CLASSIFICATION, (0, 1)),
)


class NoLog:
    """Implements `ports.Log`: keeps nothing, says so to nobody."""

    def predictions(self, answered: Answered) -> asyncio.Future[bool] | None:
        """Replies need not wait."""

    async def labels(self, deployment: str, items: Sequence[LabelEvent]) -> bool:
        """Nothing sends any."""
        raise NotImplementedError(deployment, items)

    async def protected(self, deployment: str, items: Sequence[ProtectedEvent]) -> bool:
        """Nothing sends any."""
        raise NotImplementedError(deployment, items)

    async def elsewhere(
        self, deployment: str, live: Live, rows: Sequence[ToldRow], pairs: Sequence[ToldPair]
    ) -> bool:
        """Nothing is told."""
        raise NotImplementedError(deployment, live, rows, pairs)


class Sink:
    """Stands where a connection does: takes an answer and writes its bytes."""

    def __init__(self, predict: Predict, begun: Begun) -> None:
        self._predict = predict
        self._begun = begun
        self.written = 0

    def done(self) -> bool:
        """Somebody waits until the answer is there."""
        return self.written > 0

    def set_result(self, answers: Answers) -> None:
        """The answer."""
        self.written = sum(map(len, self._predict.answer(self._begun, answers)))

    def set_exception(self, error: Exception) -> None:
        """No request of ours is refused."""
        raise error


@dataclass(frozen=True, slots=True)
class Way:
    """One way to answer: a runner, and whether a turn's requests are scored together."""

    name: str
    runner: Runner
    together: bool


def runners() -> tuple[Runner, Runner]:
    """scikit-learn's, and the compiled one."""
    inputs, truth = make_classification(2_000, FEATURES, n_informative=10, random_state=0)
    model = make_pipeline(StandardScaler(), LogisticRegression()).fit(inputs, truth)
    probe = probe_rows(SIGNATURE, 64)
    compiled = compile_model(model, SIGNATURE, probe)
    if not isinstance(compiled, CompiledModel):
        raise SystemExit(f"It does not compile here: {compiled.reason}")
    with TemporaryDirectory() as folder:
        path = Path(folder) / "model"
        path.write_bytes(compiled.content)
        twin = load_compiled(path, compiled.kind, SIGNATURE)
    return SklearnRunner(model, SIGNATURE, probe), twin


def worker(runner: Runner) -> Predict:
    """The inside of a worker with one deployment."""
    keys = KeyRing([KeyRecord(id=KEY.id, digest=KEY.digest, scopes=(Scope.PREDICT,))])
    metrics = ServingMetrics(CollectorRegistry())
    limits = Limits(rows=1_000, inline_seconds=1.0, threads=1, queue=1_000)
    serving = Serving(keys=lambda: keys, log=NoLog(), metrics=metrics, limits=limits)
    main = Loaded(1, SIGNATURE, Plan(SIGNATURE), runner, Cost(0.0, 0.0))
    live = Live(1, main, (2,), Policy(durability=Durability.RELAXED))
    found = Deployment("model", "project", "model", AccessLevel.PROJECT, "", 1, live)
    serving.table = Table({"model": found})
    return Predict(serving, 1 << 20)


async def microseconds(predict: Predict, bodies: Sequence[bytes], turn: int) -> float:
    """CPU time for each request, so many in a turn of the loop."""
    source, visitor = itertools.cycle(bodies), Visitor()
    began = time.process_time()
    for _ in range(REQUESTS // turn):
        for _ in range(turn):
            begun = predict.begin("model", Presented.of(HEADERS, b""), visitor)
            predict.ask(begun, next(source), Sink(predict, begun))
        await asyncio.sleep(0)
    return (time.process_time() - began) / REQUESTS * 1e6


async def measured(way: Way, predict: Predict, bodies: Sequence[bytes], turn: int) -> float:
    """One round."""
    if way.together:
        return await microseconds(predict, bodies, turn)
    return await microseconds(predict, bodies, 1)


async def compare() -> None:
    """Print the table."""
    sklearn, compiled = runners()
    ways = [
        Way("scikit-learn, each by itself", sklearn, together=False),
        Way("scikit-learn, together", sklearn, together=True),
        Way("compiled, each by itself", compiled, together=False),
        Way("compiled, together", compiled, together=True),
    ]
    workers = {way.name: worker(way.runner) for way in ways}
    rows = probe_rows(SIGNATURE, 64).numbers.round(4)
    bodies = [json.dumps(dict(zip(SIGNATURE.names, row, strict=True))).encode() for row in rows]
    print(f"{'µs of CPU per request':34} {'1':>16} {'8':>16} {'32':>16} requests in a turn")
    found: dict[tuple[str, int], list[float]] = {}
    for _, turn, way in itertools.product(range(ROUNDS), (1, 8, 32), ways):
        spent = await measured(way, workers[way.name], bodies, turn)
        found.setdefault((way.name, turn), []).append(spent)
    for way in ways:
        cells = [
            f"{statistics.median(times):6.1f} ({min(times):.1f}–{max(times):.1f})"
            for turn in (1, 8, 32)
            for times in [found[way.name, turn]]
        ]
        print(f"{way.name:34} {' '.join(cell.rjust(16) for cell in cells)}")


if __name__ == "__main__":
    uvloop.run(compare())
