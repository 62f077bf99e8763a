"""What was measured, as it is kept: plain values, one JSON file for each question."""

import os
import platform
import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, Self

from pydantic import TypeAdapter

from benchmarks.peers.generator import Latency

HALF: Final = "half load"
"""Open loop at half of what the slowest server of the comparison managed in a closed loop."""


@dataclass(frozen=True, slots=True)
class Cell:
    """What was asked of the servers that are compared with each other."""

    model: str
    rows: int
    """Of one request."""
    connections: int
    rate: float = 0.0
    """Requests per second of an open loop; 0: closed loop."""


@dataclass(frozen=True, slots=True)
class Run:
    """One server under one load for one round."""

    server: str
    cell: Cell
    round: int
    rate: float
    """Good answers per second."""
    errors: dict[str, int]
    latency_us: Latency
    server_cpu_seconds: float
    """From the first request until it had nothing left to do, warm-up and backlog included."""
    answered: int
    """Good answers in that time."""
    settle_seconds: float
    """How long it went on working after the last answer."""
    memory_bytes: int
    generator_cpu_share: float
    """Of the generator's core. Near 1, the generator is what was measured."""
    others_cpu_seconds: float
    """Of the other servers that are alive meanwhile."""

    @property
    def cpu_per_million(self) -> float | None:
        """CPU seconds for a million predictions (rows); None when nothing was answered."""
        rows = self.answered * self.cell.rows
        return self.server_cpu_seconds / rows * 1e6 if rows else None


@dataclass(frozen=True, slots=True)
class Contestant:
    """A server as it was set up, and for which models it could not be measured."""

    name: str
    setup: str
    requirements: tuple[str, ...]
    failures: dict[str, str]
    """By model: why."""
    notes: dict[str, str]
    """By model: what it became with it."""


@dataclass(frozen=True, slots=True)
class Machine:
    """Where it was measured."""

    cpu: str
    cores: int
    kernel: str
    python: str
    server_core: int
    other_core: int

    @classmethod
    def this(cls, server_core: int, other_core: int) -> Self:
        """The one that this runs on."""
        cpuinfo = Path("/proc/cpuinfo").read_text().splitlines()
        names = [
            line.partition(":")[2].strip() for line in cpuinfo if line.startswith("model name")
        ]
        cpu = names[0] if names else platform.machine()
        cores, kernel = os.cpu_count() or 1, platform.release()
        return cls(cpu, cores, kernel, platform.python_version(), server_core, other_core)


@dataclass(frozen=True, slots=True)
class Results:
    """One question, answered by measuring."""

    title: str
    compared: tuple[tuple[str, str], ...]
    """Pairs of servers: the first is divided by the second."""
    rounds: int
    seconds: float
    measured_at: datetime
    machine: Machine
    contestants: tuple[Contestant, ...]
    runs: tuple[Run, ...]

    @property
    def cells(self) -> list[Cell]:
        """In the order in which they were measured."""
        return list(dict.fromkeys(run.cell for run in self.runs))

    def of(self, server: str, cell: Cell) -> list[Run]:
        """The rounds of one server under one load."""
        return [run for run in self.runs if run.server == server and run.cell == cell]

    def median(self, server: str, cell: Cell, value: Callable[[Run], float]) -> float | None:
        """Over the rounds; None where there are none."""
        runs = self.of(server, cell)
        return statistics.median(map(value, runs)) if runs else None

    def ratios(
        self, pair: tuple[str, str], cell: Cell, value: Callable[[Run], float]
    ) -> Sequence[float]:
        """First by second, round by round; empty where one of them is not there."""
        rounds = {run.round: value(run) for run in self.of(pair[1], cell)}
        return [
            value(run) / rounds[run.round]
            for run in self.of(pair[0], cell)
            if rounds.get(run.round)
        ]

    def write(self, file: Path) -> None:
        """Keep it."""
        file.parent.mkdir(parents=True, exist_ok=True)
        json = TypeAdapter(Results).dump_json(self, indent=1, by_alias=True)
        file.write_bytes(json + b"\n")

    @classmethod
    def read(cls, file: Path) -> "Results":
        """What was kept."""
        return TypeAdapter(Results).validate_json(file.read_bytes())


def now() -> datetime:
    """To the second."""
    return datetime.now(UTC).replace(microsecond=0)
