"""What serving's tests stand on: small real models, a registry that is only HTTP, a plain log."""

import asyncio
import hashlib
import json
import threading
import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import numpy as np
import pandas as pd
import redis
import skops.io
from sklearn.compose import ColumnTransformer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from services.serving.domain.rows import Plan
from services.serving.domain.scoring import Cost, Loaded
from services.serving.domain.table import Live
from services.serving.ports import Answered, ModelKey, ToldPair, ToldRow, key_of
from understudy.contracts.events import LabelEvent, ProtectedEvent
from understudy.contracts.registry import (
    DeploymentSnapshot,
    KeyRecord,
    Pairing,
    ServedVersion,
    Snapshot,
)
from understudy.contracts.signature import Feature, Signature, Target
from understudy.contracts.vocabulary import AccessLevel, Durability, FeatureKind, Scope, Task
from understudy.inference.rows import Rows
from understudy.inference.scored import Scored
from understudy.runtime.keys import NewKey, make_key

UNLUCKY_WIDTH = 7.77
BROKEN_ARTIFACT = "0" * 64
LONG_AGO = datetime(2026, 1, 1, tzinfo=UTC)

FLOWERS = Signature(
    features=(
        Feature("length", FeatureKind.NUMBER, minimum=0.0, maximum=10.0, example=5.1),
        Feature("width", FeatureKind.NUMBER, minimum=0.0, maximum=10.0, example=3.5),
    ),
    target=Target("species", Task.CLASSIFICATION, classes=("setosa", "virginica")),
)

LOANS = Signature(
    features=(
        Feature("income", FeatureKind.NUMBER, minimum=0.0, maximum=10_000_000.0, example=30_000.0),
        Feature("age", FeatureKind.INTEGER, minimum=18.0, maximum=120.0, nullable=True),
        Feature("purpose", FeatureKind.CATEGORY, choices=("car", "house"), nullable=True),
        Feature("employed", FeatureKind.BOOLEAN),
        Feature("town", FeatureKind.CATEGORY, open_choices=True, example="Ghent"),
    ),
    target=Target("default", Task.CLASSIFICATION, classes=(0, 1)),
)


def flower_model(seed: int = 0, shift: float = 0.0) -> Any:
    """A classifier of FLOWERS, fitted on plain arrays."""
    random = np.random.default_rng(seed)
    inputs = random.uniform(0.0, 10.0, (200, 2))
    truth = np.where(inputs[:, 0] + shift > 5.0, "virginica", "setosa")
    return LogisticRegression().fit(inputs, truth)


def loan_frame(rows: int = 200, seed: int = 0) -> pd.DataFrame:
    """Applicants that LOANS allows."""
    random = np.random.default_rng(seed)
    return pd.DataFrame(
        {
            "income": random.uniform(10_000.0, 90_000.0, rows),
            "age": random.integers(18, 90, rows).astype(float),
            "purpose": random.choice(["car", "house"], rows),
            "employed": random.integers(0, 2, rows).astype(float),
            "town": random.choice(["Ghent", "Bruges"], rows),
        }
    )


def loan_model() -> Any:
    """A pipeline of LOANS that chooses its columns by name, so that it needs a DataFrame."""
    frame = loan_frame()
    columns = ColumnTransformer(
        [
            ("numbers", StandardScaler(), ["income", "employed"]),
            ("texts", OneHotEncoder(handle_unknown="ignore"), ["purpose", "town"]),
        ]
    )
    truth = (frame["income"] < 40_000.0).astype(int)
    return make_pipeline(columns, LogisticRegression()).fit(frame, truth)


def halved(values: Any) -> Any:
    """A function that skops does not trust."""
    return values / 2.0


def artifact_of(model: Any) -> bytes:
    """The bytes of its skops file."""
    return skops.io.dumps(model)  # type: ignore[no-any-return]


def digest_of(artifact: bytes) -> str:
    return hashlib.sha256(artifact).hexdigest()


def served(number: int, artifact: bytes, signature: Signature = FLOWERS) -> ServedVersion:
    return ServedVersion(
        version=number, artifact=digest_of(artifact), reference="0" * 64, signature=signature
    )


def deployment(
    versions: Sequence[ServedVersion],
    *,
    name: str = "flowers",
    release: int = 1,
    main: int = 1,
    challengers: tuple[int, ...] = (),
    previous_main: int | None = None,
    access: AccessLevel = AccessLevel.PUBLIC,
    released_at: datetime = LONG_AGO,
    paired_since: datetime = LONG_AGO,
) -> DeploymentSnapshot:
    return DeploymentSnapshot(
        name=name,
        project="garden",
        model=name,
        access=access,
        release=release,
        released_at=released_at,
        main=main,
        challengers=challengers,
        previous_main=previous_main,
        pairings=tuple(Pairing(version=number, since=paired_since) for number in challengers),
        versions=tuple(versions),
    )


def key_record(key: NewKey, *scopes: Scope, **reach: str) -> KeyRecord:
    return KeyRecord(id=key.id, digest=key.digest, scopes=scopes, **reach)


class FakeRegistry:
    """The three things that followers ask of a registry, over real HTTP, in threads."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.url = f"http://127.0.0.1:{port}"
        self.key = make_key()
        self.admin = make_key()
        self.artifacts: dict[str, bytes] = {}
        self.reports: list[dict[str, Any]] = []
        self.deployments: tuple[DeploymentSnapshot, ...] = ()
        self.keys: tuple[KeyRecord, ...] = ()
        """Of callers."""
        self.sequence = 0
        self._changed = threading.Condition()
        self._server: ThreadingHTTPServer | None = None

    def publish(self, *deployments: DeploymentSnapshot) -> None:
        with self._changed:
            self.deployments = deployments
            self.sequence += 1
            self._changed.notify_all()

    def store(self, artifact: bytes) -> bytes:
        self.artifacts[digest_of(artifact)] = artifact
        return artifact

    def snapshot(self) -> Snapshot:
        return Snapshot(
            sequence=self.sequence,
            deployments=self.deployments,
            keys=(
                key_record(self.admin, Scope.ADMIN),
                key_record(self.key, Scope.FOLLOW),
                *self.keys,
            ),
        )

    def wait(self, known: str | None, seconds: float) -> Snapshot | None:
        with self._changed:
            self._changed.wait_for(lambda: known != f'"{self.sequence}"', seconds)
            return None if known == f'"{self.sequence}"' else self.snapshot()

    def start(self) -> None:
        registry = self

        class Handler(_Handler):
            fake = registry

        ThreadingHTTPServer.allow_reuse_address = True
        self._server = ThreadingHTTPServer(("127.0.0.1", self.port), Handler)
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    def stop(self) -> None:
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()
            self._server = None
        with self._changed:
            self._changed.notify_all()


class _Handler(BaseHTTPRequestHandler):
    fake: FakeRegistry

    def do_GET(self) -> None:
        address = urlsplit(self.path)
        if self.fake._server is None:
            self.close_connection = True
        elif address.path == "/v1/snapshot":
            wait = float(parse_qs(address.query)["wait"][0])
            found = self.fake.wait(self.headers.get("If-None-Match"), wait)
            self._answer(
                304 if found is None else 200,
                b"" if found is None else found.model_dump_json().encode(),
            )
        else:
            artifact = self.fake.artifacts.get(address.path.rpartition("/")[2])
            self._answer(404 if artifact is None else 200, artifact or b"")

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.fake.reports.append(json.loads(body))
        self._answer(204, b"")

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class's name
        """Tests are quiet."""

    def _answer(self, status: int, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


class ListLog:
    """Implements `ports.Log` in memory."""

    def __init__(self) -> None:
        self.answered: list[Answered] = []
        self.labelled: list[tuple[str, LabelEvent]] = []
        self.told: list[tuple[str, ProtectedEvent]] = []
        self.rows: list[ToldRow] = []
        self.pairs: list[ToldPair] = []
        self.full = False

    def predictions(self, answered: Answered) -> asyncio.Future[bool] | None:
        if not self.full:
            self.answered.append(answered)
        if answered.live.policy.durability is Durability.RELAXED and not self.full:
            return None
        safe: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        safe.set_result(not self.full)
        return safe

    async def labels(self, deployment: str, items: Sequence[LabelEvent]) -> bool:
        if not self.full:
            self.labelled += [(deployment, item) for item in items]
        return not self.full

    async def protected(self, deployment: str, items: Sequence[ProtectedEvent]) -> bool:
        if not self.full:
            self.told += [(deployment, item) for item in items]
        return not self.full

    async def elsewhere(
        self, deployment: str, live: Live, rows: Sequence[ToldRow], pairs: Sequence[ToldPair]
    ) -> bool:
        del deployment, live
        if not self.full:
            self.rows += rows
            self.pairs += pairs
        return not self.full


class StoredArtifacts:
    """Implements `ports.Artifacts` over a folder that holds them all."""

    def __init__(self, folder: Path, *artifacts: bytes) -> None:
        self._folder = folder
        for artifact in artifacts:
            (folder / digest_of(artifact)).write_bytes(artifact)

    async def fetch_artifact(self, digest: str, folder: Path) -> Path:
        """Raises FileNotFoundError."""
        del folder
        await asyncio.to_thread((self._folder / digest).stat)
        return self._folder / digest


class LengthRunner:
    """Answers FLOWERS by a rule: the longer, the likelier the second class."""

    def __init__(self) -> None:
        self.calls: list[int] = []

    def score(self, rows: Rows) -> Scored:
        self.calls.append(len(rows))
        if (rows.numbers[:, 1] == UNLUCKY_WIDTH).any():
            raise ValueError("unlucky")
        second = np.clip(rows.numbers[:, 0] / 10.0, 0.0, 1.0)
        return Scored((second > 0.5).astype(float), np.column_stack([1.0 - second, second]))


class RuleLibrary:
    """Implements `ports.Library` without files; an artifact of zeros is broken."""

    def __init__(self, cost: Cost | None = None) -> None:
        self._cost = cost or Cost(0.0, 0.0)
        self.kept: list[tuple[str, ServedVersion]] = []
        self._loaded: dict[ModelKey, Loaded] = {}

    async def load(self, model: str, version: ServedVersion, trusted: Sequence[str]) -> Loaded:
        del trusted
        if version.artifact == BROKEN_ARTIFACT:
            raise ValueError("no skops file")
        key = key_of(model, version)
        if key not in self._loaded:
            self._loaded[key] = loaded(version.version, self._cost)
        return self._loaded[key]

    def keep(self, models: Sequence[tuple[str, ServedVersion]]) -> None:
        self.kept = [*models]

    def loaded(self) -> Mapping[ModelKey, Loaded]:
        return self._loaded

    def unload(self, key: ModelKey) -> None:
        self._loaded.pop(key, None)


def loaded(version: int, cost: Cost | None = None) -> Loaded:
    return Loaded(version, FLOWERS, Plan(FLOWERS), LengthRunner(), cost or Cost(0.0, 0.0))


def ruled(number: int, artifact: str = "f" * 64) -> ServedVersion:
    """A version that only `RuleLibrary` can load."""
    return ServedVersion(version=number, artifact=artifact, reference="0" * 64, signature=FLOWERS)


def eventually(check: Any, seconds: float = 10.0) -> Any:
    """What `check` returns once it is true."""
    deadline = time.monotonic() + seconds
    while not (found := check()):
        if time.monotonic() > deadline:
            raise TimeoutError(f"{check} was not true within {seconds} s")
        time.sleep(0.02)
    return found


def entries(client: redis.Redis, stream: str) -> list[dict[Any, Any]]:
    """The fields of all entries of a stream."""
    found: Any = client.xrange(stream)
    return [fields for _, fields in found]


class LossyProxy:
    """Stands before Redis. Can swallow the reply to a command that it let through."""

    def __init__(self, target_port: int) -> None:
        self._target_port = target_port
        self._server: asyncio.Server | None = None
        self._open: set[asyncio.StreamWriter] = set()
        self.swallow_replies = 0
        self.port = 0

    async def start(self) -> None:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        assert self._server is not None
        self._server.close()
        for writer in [*self._open]:
            writer.close()
        await self._server.wait_closed()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there_reader, there_writer = await asyncio.open_connection("127.0.0.1", self._target_port)
        self._open |= {writer, there_writer}
        try:
            await asyncio.gather(
                self._pass_on(reader, there_writer), self._pass_back(there_reader, writer)
            )
        finally:
            for end in (writer, there_writer):
                end.close()
                self._open.discard(end)

    async def _pass_on(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
        while data := await source.read(65_536):
            sink.write(data)
            if (b"XADD" in data or b"EVALSHA" in data) and self.swallow_replies > 0:
                self._doomed = True
        sink.close()

    async def _pass_back(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
        while data := await source.read(65_536):
            if self.swallow_replies > 0 and self._doomed:
                self.swallow_replies -= 1
                self._doomed = False
                break
            sink.write(data)
        sink.close()

    _doomed = False
