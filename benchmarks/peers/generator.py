"""Builds the load generator with the C compiler that is there, runs it, and reads what it saw."""

import hashlib
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Final

from pydantic import Field, TypeAdapter

SOURCES: Final = Path(__file__).parents[1] / "generator"
_BUILD_SECONDS: Final = 60
_FLAGS: Final = ("-std=c11", "-O2", "-Wall", "-Wextra", "-Werror")


@dataclass(frozen=True, slots=True)
class Latency:
    """Microseconds from when a request was due until its answer was whole; at most 0.8 % above."""

    p50: float
    p90: float
    p99: float
    p999: Annotated[float, Field(alias="p99.9")]
    max: float


@dataclass(frozen=True, slots=True)
class Seen:
    """What the generator prints: see `tally.h`."""

    requests: int
    """Good answers of the window."""
    errors: dict[str, int]
    """By status, and `ill_sized`, `disconnected`, `unanswered`."""
    seconds: float
    rate: float
    """Good answers per second of the window."""
    latency_us: Latency
    answered: int
    """Good answers, warm-up and drain included."""
    elapsed: float
    cpu_seconds: float
    """Of the generator itself, for the whole run."""


@dataclass(frozen=True, slots=True)
class Load:
    """How to ask."""

    connections: int
    seconds: float
    warm_up_seconds: float
    rate: float = 0.0
    """Requests per second whatever the answers take; 0: each connection asks when answered."""


class GeneratorError(Exception):
    """It could not be built, or could not ask; the message says why."""


def build(cache: Path) -> Path:
    """The program, compiled unless these sources have been. Raises GeneratorError."""
    sources = sorted(SOURCES.glob("*.[ch]"))
    digest = hashlib.sha256(b"".join(source.read_bytes() for source in sources)).hexdigest()[:12]
    program = cache / f"load-{digest}"
    if not program.exists():
        cache.mkdir(parents=True, exist_ok=True)
        units = [str(source) for source in sources if source.suffix == ".c"]
        _run(["gcc", *_FLAGS, "-o", str(program), *units], _BUILD_SECONDS)
    return program


@dataclass(frozen=True, slots=True)
class Generator:
    """The program, on a core of its own."""

    program: Path
    core: int

    def ask(self, port: int, requests: Path, load: Load, lengths: tuple[int, int]) -> Seen:
        """Put load on a port of 127.0.0.1. `lengths`: shortest and longest good body, bytes."""
        least, most = lengths
        command = [
            *("taskset", "--cpu-list", str(self.core), str(self.program)),
            *("--port", str(port), "--requests", str(requests)),
            *("--connections", str(load.connections), "--rate", str(load.rate)),
            *("--warm-up", str(load.warm_up_seconds), "--seconds", str(load.seconds)),
            *("--least", str(least), "--most", str(most)),
        ]
        printed = _run(command, 30 + load.warm_up_seconds + load.seconds)
        return TypeAdapter(Seen).validate_json(printed)


def _run(command: Sequence[str], timeout_seconds: float) -> str:
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=timeout_seconds, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise GeneratorError(str(error)) from error
    if done.returncode:
        raise GeneratorError(done.stderr.strip()[-2_000:])
    return done.stdout
