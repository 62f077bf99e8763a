"""The monitor's ports in memory, and a registry of a few lines that speaks HTTP."""

import hashlib
import threading
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np

from services.monitor.adapters.event_log import label_rows, pair_rows, prediction_rows
from services.monitor.domain.accounting import Change, Delivery, Positions, State
from services.monitor.domain.deciding.alerts import AlertBook
from services.monitor.domain.errors import LabelsElsewhereError, MalformedRowsError
from services.monitor.domain.outcomes.baseline import Baseline
from services.monitor.domain.probes import FreshRows, Probe
from services.monitor.domain.rows import LabelRows, PairRows, PredictionRows
from services.monitor.ports import ReportOrder
from understudy.contracts import events
from understudy.contracts.registry import FollowerReport, ServedVersion, Snapshot
from understudy.profiles.arrays import Counts
from understudy.profiles.columns import Column
from understudy.profiles.reference import Reference

Entry = PredictionRows | PairRows | LabelRows | None
"""None stands for an entry that can't be read."""


@dataclass
class MemoryLog:
    """`ports.EventLog`: entries are numbered from 1 over all streams."""

    batch_entries: int = 1_000
    entries: dict[str, list[tuple[int, str, Entry]]] = field(default_factory=dict)
    failure: Exception | None = None
    last: int = 0

    def append(self, *entries: events.Entry) -> None:
        for entry in entries:
            self._append(entry.deployment, *_translated(entry))

    def append_garbage(self, deployment: str) -> None:
        self._append(deployment, "predictions", None)

    async def read(self, deployment: str, after: Positions) -> Delivery:
        if self.failure is not None:
            raise self.failure
        found = {
            stream: self._after(deployment, stream, getattr(after, stream))[: self.batch_entries]
            for stream in ("predictions", "pairs", "labels")
        }
        ends = {stream: f"{rows[-1][0]}-0" for stream, rows in found.items() if rows}
        entries = [entry for rows in found.values() for _, entry in rows]
        return Delivery(
            positions=Positions(
                predictions=ends.get("predictions", after.predictions),
                pairs=ends.get("pairs", after.pairs),
                labels=ends.get("labels", after.labels),
            ),
            predictions=tuple(e for e in entries if isinstance(e, PredictionRows)),
            pairs=tuple(e for e in entries if isinstance(e, PairRows)),
            labels=tuple(e for e in entries if isinstance(e, LabelRows)),
            malformed=sum(entry is None for entry in entries),
            more=any(len(rows) >= self.batch_entries for rows in found.values()),
        )

    async def newest(self, deployment: str, rows: int, seconds: float) -> list[PredictionRows]:
        found: list[PredictionRows] = []
        for _, _, entry in reversed(self.entries.get(deployment, [])):
            if sum(len(e.ids) for e in found) >= rows:
                break
            if isinstance(entry, PredictionRows):
                found.append(entry)
        newest = max((entry.at.max() for entry in found[:1]), default=0.0)
        return [entry for entry in reversed(found) if entry.at.max() >= newest - seconds]

    async def newest_after(self, deployment: str, after: str, rows: int) -> FreshRows:
        found: list[PredictionRows] = []
        held = self._after(deployment, "predictions", after)
        for _, entry in reversed(held):
            if isinstance(entry, PredictionRows) and sum(len(e.ids) for e in found) < rows:
                found.append(entry)
        return FreshRows(f"{held[-1][0]}-0" if held else after, found[::-1])

    def _append(self, deployment: str, stream: str, entry: Entry) -> None:
        self.last += 1
        self.entries.setdefault(deployment, []).append((self.last, stream, entry))

    def _after(self, deployment: str, stream: str, position: str) -> list[tuple[int, Entry]]:
        after = int(position.partition("-")[0])
        held = self.entries.get(deployment, [])
        found = [(number, entry) for number, name, entry in held if name == stream]
        return [item for item in found if item[0] > after]


@dataclass
class MemoryStore:
    """`ports.CellStore`."""

    states: dict[str, State] = field(default_factory=dict)
    holders: dict[str, str] = field(default_factory=dict)

    async def load(self, deployment: str) -> State:
        return self.states.get(deployment, State())

    async def positions(self, deployment: str) -> Positions:
        return (await self.load(deployment)).positions

    async def outcomes(self, deployment: str) -> str | None:
        return self.holders.get(deployment)

    async def commit(self, deployment: str, change: Change, outcomes: str) -> bool:
        holder = self.holders.get(deployment, outcomes)
        if holder != outcomes:
            raise LabelsElsewhereError(deployment, holder)
        held = await self.load(deployment)
        if held.positions != change.before:
            return False
        self.states[deployment] = held.after(change)
        self.holders[deployment] = outcomes
        return True


@dataclass
class MemoryProbes:
    """`ports.ProbeStore`."""

    probes: dict[str, Probe] = field(default_factory=dict)

    async def load(self, deployment: str) -> Probe | None:
        return self.probes.get(deployment)

    async def commit(self, deployment: str, before: str, probe: Probe) -> bool:
        held = self.probes.get(deployment)
        if (held.position if held else "0-0") != before:
            return False
        self.probes[deployment] = probe
        return True


@dataclass
class MemoryAlerts:
    """`ports.AlertStore`."""

    books: dict[str, AlertBook] = field(default_factory=dict)
    failure: Exception | None = None

    async def load(self, deployment: str) -> AlertBook:
        if self.failure is not None:
            raise self.failure
        return self.books.get(deployment, AlertBook())

    async def commit(self, deployment: str, book: AlertBook) -> bool:
        held = await self.load(deployment)
        if held.revision != book.revision:
            return False
        self.books[deployment] = replace(book, revision=book.revision + 1)
        return True


@dataclass
class MemoryReferences:
    """`ports.References`: profiles by digest; a digest that is not there can't be fetched."""

    profiles: dict[str, Reference]
    baselines: dict[str, Baseline] = field(default_factory=dict)
    samples: dict[str, Mapping[str, Column]] = field(default_factory=dict)

    async def profile(self, served: ServedVersion, entity: str | None = None) -> Reference:
        if served.reference not in self.profiles:
            raise ConnectionError("the registry is gone")
        assert entity is None
        return self.profiles[served.reference]

    async def file(self, served: ServedVersion) -> Path:
        return Path(served.reference)

    async def columns(
        self, served: ServedVersion, names: Collection[str], most_rows: int
    ) -> Mapping[str, Column]:
        held = self.samples[served.reference]
        return {name: column[:most_rows] for name, column in held.items() if name in names}

    async def baseline(self, served: ServedVersion) -> Baseline | None:
        return None if served.baseline is None else self.baselines[served.baseline.file]

    async def baseline_rows(self, served: ServedVersion, places: Counts) -> Mapping[str, Column]:
        return {
            name: held[places] if isinstance(held, np.ndarray) else [held[at] for at in places]
            for name, held in self.samples[served.reference].items()
        }

    async def keep(self, wanted: Collection[str]) -> None:
        self.profiles = {name: held for name, held in self.profiles.items() if name in wanted}


@dataclass
class CannedReports:
    """`ports.Reports`: remembers its orders."""

    orders: list[ReportOrder] = field(default_factory=list)

    async def render(self, order: ReportOrder, deadline_seconds: float) -> bytes:
        assert deadline_seconds > 0
        self.orders.append(order)
        return b"<html>report %d</html>" % len(self.orders)


@dataclass
class SnapshotShelf:
    """`runtime.following.SnapshotSource` that gives what was put on it."""

    offered: Snapshot
    reports: list[FollowerReport] = field(default_factory=list)

    async def snapshot(self, newer_than: int | None, wait_seconds: float) -> Snapshot | None:
        assert wait_seconds >= 0
        return None if newer_than == self.offered.sequence else self.offered

    async def report(self, report: FollowerReport) -> None:
        self.reports.append(report)


class FakeRegistry(ThreadingHTTPServer):
    """Serves one snapshot, artifacts by digest, and takes reports."""

    daemon_threads = True

    def __init__(self, snapshot: Snapshot) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.artifacts: dict[str, bytes] = {}
        self.reports: list[FollowerReport] = []
        self.knows_uses = True
        """A registry of before refuses reports that tell when keys were used."""
        self._snapshot = snapshot
        self._published = threading.Condition()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    def store(self, data: bytes) -> str:
        digest = hashlib.sha256(data).hexdigest()
        self.artifacts[digest] = data
        return digest

    def publish(self, snapshot: Snapshot) -> None:
        with self._published:
            self._snapshot = snapshot
            self._published.notify_all()

    def newer(self, than: str | None, wait_seconds: float) -> Snapshot | None:
        with self._published:
            self._published.wait_for(lambda: self._etag() != than, wait_seconds)
            return None if self._etag() == than else self._snapshot

    def _etag(self) -> str:
        return f'"{self._snapshot.sequence}"'


@contextmanager
def fake_registry(snapshot: Snapshot) -> Iterator[FakeRegistry]:
    """Serve in a thread."""
    with FakeRegistry(snapshot) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()


class _Handler(BaseHTTPRequestHandler):
    server: FakeRegistry
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        path, _, query = self.path.partition("?")
        if path == "/v1/snapshot":
            wait = min(float(query.removeprefix("wait=") or 0), 1.0)
            newer = self.server.newer(self.headers.get("If-None-Match"), wait)
            body = newer.model_dump_json().encode() if newer else b""
            self._answer(200 if newer else 304, body)
            return
        artifact = self.server.artifacts.get(path.rpartition("/")[2])
        self._answer(404 if artifact is None else 200, artifact or b"")

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        report = FollowerReport.model_validate_json(body)
        if b'"used"' in body and not self.server.knows_uses:
            self._answer(422, b"{}")
            return
        self.server.reports.append(report)
        self._answer(204, b"")

    def log_message(self, *_: object) -> None:
        """Say nothing: tests read the reports instead."""

    def _answer(self, status: int, body: bytes) -> None:
        # A monitor that was killed while it waited is no longer there to be answered.
        with suppress(ConnectionError):
            self.send_response(status)
            if status not in {204, 304}:
                self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)


def _translated(entry: events.Entry) -> tuple[str, Entry]:
    try:
        if isinstance(entry, events.PredictionBatch):
            return "predictions", prediction_rows(entry)
        if isinstance(entry, events.PairBatch):
            return "pairs", pair_rows(entry)
        assert isinstance(entry, events.LabelBatch)
        return "labels", label_rows(entry)
    except MalformedRowsError:
        return "predictions" if isinstance(entry, events.PredictionBatch) else "pairs", None
