"""Starts all servers of a comparison side by side and asks them in turn, round by round."""

import shutil
import statistics
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from http.client import HTTPException
from pathlib import Path
from typing import Final

from benchmarks.peers.checking import WrongAnswerError, ask, await_answer, check
from benchmarks.peers.generator import Generator, GeneratorError, Load, Seen
from benchmarks.peers.measurements import Cell, Run
from benchmarks.peers.models import Model
from benchmarks.peers.processes import Cores
from benchmarks.peers.server import Running, Server, Site
from benchmarks.peers.workload import questions, write_requests

Tell = Callable[[str], None]

HALF_LOAD_CONNECTIONS: Final = 64
_START_SECONDS: Final = 180.0
_AWAKE_REQUESTS: Final = 16


@dataclass(frozen=True, slots=True)
class Loads:
    """Under which loads servers are compared."""

    rows: tuple[int, ...] = (1, 32)
    connections: tuple[int, ...] = (1, 8, 32)
    half: bool = False
    """Also at half load, in an open loop."""
    rounds: int = 5
    seconds: float = 2.0
    warm_up_seconds: float = 0.5


@dataclass(frozen=True, slots=True)
class Present:
    """A server that answers rightly, paused until it is its turn."""

    name: str
    running: Running
    folder: Path
    lengths: dict[int, tuple[int, int]] = field(default_factory=dict)
    """By rows of a request: shortest and longest good body."""
    first: dict[int, list[bytes]] = field(default_factory=dict)
    """By rows of a request: a few requests, to see it awake."""

    def requests(self, rows: int) -> Path:
        """The file of its requests."""
        return self.folder / f"requests-{rows}.bin"


@dataclass(frozen=True, slots=True)
class Place:
    """Where it all happens."""

    cache: Path
    cores: Cores
    generator: Generator
    tell: Tell


class Contest:
    """All servers with one model. What can't take part is noted in `failures` and left out."""

    def __init__(self, place: Place, model: Model, loads: Loads) -> None:
        self.failures: dict[str, str] = {}
        self.notes: dict[str, str] = {}
        self.runs: list[Run] = []
        self._place = place
        self._model = model
        self._loads = loads
        self._present: list[Present] = []

    @contextmanager
    def holding(self, servers: Sequence[Server]) -> Iterator[None]:
        """Start those that can be started; end them with the context."""
        with ExitStack() as stack:
            for server in servers:
                with ExitStack() as attempt:
                    try:
                        self._present.append(self._start(server, attempt))
                    except Exception as error:  # noqa: BLE001 - reported, and the others go on
                        self._fail(server.name, error, self._last_words(server.name))
                        continue
                    stack.enter_context(attempt.pop_all())
            yield

    @property
    def model(self) -> str:
        """Which model they all answer with."""
        return str(self._model.name)

    def measure(self) -> None:
        """All loads, closed loops first: they say what half load is."""
        for rows in self._loads.rows:
            cells = [Cell(self.model, rows, c) for c in self._loads.connections]
            for cell in cells:
                self._rounds(cell)
            if self._loads.half and (rate := self._half(cells[-1])):
                self._rounds(Cell(self.model, rows, HALF_LOAD_CONNECTIONS, rate))

    def _start(self, server: Server, stack: ExitStack) -> Present:
        folder = self._folder(server.name)
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        self._place.tell(f"{self.model}: starting {server.name}")
        site = Site(self._place.cache, folder, self._model, self._place.cores)
        present = Present(server.name, stack.enter_context(server.start(site)), folder)
        for rows in self._loads.rows:
            asked = questions(self._model, rows)
            requests = present.running.requests([question.rows for question in asked])
            await_answer(present.running, requests[0], _START_SECONDS)
            present.lengths[rows] = check(present.running, asked, requests)
            present.first[rows] = requests[:_AWAKE_REQUESTS]
            write_requests(present.requests(rows), requests)
        if present.running.note:
            self.notes[server.name] = present.running.note
        present.running.tree.settle()
        present.running.pause()
        stack.callback(present.running.resume)
        return present

    def _rounds(self, cell: Cell) -> None:
        for number in range(self._loads.rounds):
            for present in [*self._present]:
                try:
                    run = self._run(present, cell, number)
                except (GeneratorError, WrongAnswerError, OSError, HTTPException) as error:
                    self._present.remove(present)
                    self._fail(present.name, error)
                else:
                    self.runs.append(run)
                    self._place.tell(_line(run))

    def _run(self, present: Present, cell: Cell, number: int) -> Run:
        others = [other.running.tree for other in self._present if other is not present]
        idle_before = sum(tree.cpu_seconds() for tree in others)
        present.running.resume()
        try:
            seen, used, settled = self._ask(present, cell)
            memory = present.running.tree.memory_bytes()
        finally:
            present.running.pause()
        return Run(
            server=present.name,
            cell=cell,
            round=number,
            rate=seen.rate,
            errors={kind: count for kind, count in seen.errors.items() if count},
            latency_us=seen.latency_us,
            server_cpu_seconds=used,
            answered=seen.answered,
            settle_seconds=settled,
            memory_bytes=memory,
            generator_cpu_share=seen.cpu_seconds / seen.elapsed,
            others_cpu_seconds=sum(tree.cpu_seconds() for tree in others) - idle_before,
        )

    def _ask(self, present: Present, cell: Cell) -> tuple[Seen, float, float]:
        """What the generator saw, what it cost in CPU seconds, how long it went on afterwards."""
        running, rows = present.running, cell.rows
        load = Load(cell.connections, self._loads.seconds, self._loads.warm_up_seconds, cell.rate)
        # Some take a while to find out that time has passed.
        ask(running.port, present.first[rows])
        before = running.tree.cpu_seconds()
        generator = self._place.generator
        seen = generator.ask(running.port, present.requests(rows), load, present.lengths[rows])
        settled = running.tree.settle()
        return seen, running.tree.cpu_seconds() - before, settled

    def _half(self, cell: Cell) -> float:
        """Half of what the slowest manages there, requests per second."""
        rates = [
            statistics.median(run.rate for run in self.runs if (run.server, run.cell) == key)
            for key in {(run.server, run.cell) for run in self.runs if run.cell == cell}
        ]
        return round(min(rates, default=0.0) / 2)

    def _folder(self, server: str) -> Path:
        return self._place.cache / "runs" / self.model / server

    def _last_words(self, server: str) -> str:
        output = self._folder(server) / "output.log"
        lines = output.read_text(errors="replace").split("\n") if output.exists() else []
        return next((line.strip() for line in reversed(lines) if line.strip()), "")

    def _fail(self, name: str, error: Exception, last_words: str = "") -> None:
        why = f"{type(error).__name__}: {error}"
        if last_words:
            why += f" (it said last: {last_words})"
        self.failures[name] = why[-1_000:]
        self._place.tell(f"{self.model}: {name} takes no part: {why}")


def _line(run: Run) -> str:
    cell = run.cell
    asked = f"{cell.model} {cell.rows} rows, {cell.connections} connections"
    pace = f" at {cell.rate:.0f}/s" if cell.rate else ""
    errors = f"  {run.errors}" if run.errors else ""
    return (
        f"{asked}{pace}  {run.server:24} {run.rate:9.0f}/s  p50 {run.latency_us.p50 / 1e3:8.3f} ms"
        f"  p99 {run.latency_us.p99 / 1e3:8.3f} ms{errors}"
    )
