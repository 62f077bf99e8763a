"""What a worker counts of itself: the models in its memory, what they run on, what it uses."""

import os
import resource
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge

_STATM: Final = Path("/proc/self/statm")
_STAT: Final = Path("/proc/stat")
_START_TIME: Final = 19
"""Of the fields behind the name: clock ticks since the machine was booted."""
Holder = tuple[str, int]
"""A deployment and a version."""


class CapacityMetrics:
    """What a worker holds and uses. BentoML's several processes publish nothing of the kind."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._models = Gauge(
            "understudy_loaded_models",
            "Versions in memory, by what they run on; of all workers.",
            ["runner"],
            multiprocess_mode="livesum",
            registry=registry,
        )
        self._model_bytes = Gauge(
            "understudy_loaded_model_bytes",
            "About how much memory they take; of all workers.",
            multiprocess_mode="livesum",
            registry=registry,
        )
        self._sizes = Gauge(
            "understudy_model_bytes",
            "About how much memory a version takes, of all workers; 0 when it was let go. What "
            "several deployments share is told of each.",
            ["deployment", "version"],
            multiprocess_mode="livesum",
            registry=registry,
        )
        self._spent = Counter(
            "understudy_model_cpu_seconds",
            "CPU time of the calls of a version, the checks of its answers included; of calls that "
            "are quick one in seven is measured.",
            ["deployment", "version"],
            registry=registry,
        )
        self._unloaded = Counter(
            "understudy_models_unloaded",
            "Versions that were let go because the memory for models was full.",
            ["role"],
            registry=registry,
        )
        self._woken = Counter(
            "understudy_models_woken",
            "Unloaded main versions that a request had loaded again, by how that ended.",
            ["result"],
            registry=registry,
        )
        self._fallbacks = Counter(
            "understudy_compiled_unused",
            "Loads at which a version's compiled twin could not be used, so scikit-learn answers.",
            ["reason"],
            registry=registry,
        )
        self._in_flight = Gauge(
            "understudy_requests_in_flight",
            "Requests that have no answer yet, as seen four times a second; of all workers.",
            multiprocess_mode="livesum",
            registry=registry,
        )
        self._workers = Gauge(
            "understudy_workers",
            "Workers that live and have begun to answer.",
            multiprocess_mode="livesum",
            registry=registry,
        )
        self._workers_configured = Gauge(
            "understudy_workers_configured",
            "Workers that should live.",
            multiprocess_mode="livemax",
            registry=registry,
        )
        self._cpu = Gauge(
            "understudy_worker_cpu_seconds",
            "CPU time of the workers that live.",
            multiprocess_mode="livesum",
            registry=registry,
        )
        self._resident = Gauge(
            "understudy_worker_resident_bytes",
            "Resident memory of the workers that live.",
            multiprocess_mode="livesum",
            registry=registry,
        )

        # prometheus_client tells it of single processes only.
        self._started = Gauge(
            "process_start_time_seconds",
            "Start time of the process that the workers are of, since unix epoch in seconds.",
            multiprocess_mode="livemin",
            registry=registry,
        )
        self._held: set[Holder] = set()

    def begun(self, configured: int) -> None:
        """This worker answers, one of so many."""
        self._workers.set(1)
        self._workers_configured.set(configured)
        self._started.set(_started_at(os.getppid()))

    def in_flight(self, requests: int) -> None:
        """So many requests have no answer yet."""
        self._in_flight.set(requests)

    def holds(self, sizes: Mapping[Holder, int]) -> None:
        """What is in memory, in bytes."""
        # Shared files can't take a series back.
        for holder in self._held - sizes.keys():
            self._sizes.labels(*holder).set(0)
        for holder, size in sizes.items():
            self._sizes.labels(*holder).set(size)
        self._held |= sizes.keys()

    def spent(self, deployment: str, version: int, cpu_seconds: float) -> None:
        """Calls took so much more."""
        self._spent.labels(deployment, version).inc(cpu_seconds)

    def loaded(self, models: dict[str, int], size: int) -> None:
        """So many models by runner, and about so many bytes, are in memory."""
        for runner, count in models.items():
            self._models.labels(runner).set(count)
        self._model_bytes.set(size)

    def unloaded(self, role: str) -> None:
        """A version was let go."""
        self._unloaded.labels(role).inc()

    def woken(self, result: str) -> None:
        """A request asked for a version that had been let go."""
        self._woken.labels(result).inc()

    def compiled_unused(self, reason: str) -> None:
        """A compiled file did not load, or did not answer as the model does."""
        self._fallbacks.labels(reason).inc()

    def note_usage(self) -> None:
        """Publish what this process uses."""
        used = resource.getrusage(resource.RUSAGE_SELF)
        self._cpu.set(used.ru_utime + used.ru_stime)
        pages = int(_STATM.read_text().split()[1])
        self._resident.set(pages * os.sysconf("SC_PAGESIZE"))


def _started_at(pid: int) -> float:
    """Seconds since the epoch."""
    # The second field is the program's name, which may hold spaces.
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    booted = next(line for line in _STAT.read_text().splitlines() if line.startswith("btime"))
    return float(booted.split()[1]) + int(fields[_START_TIME]) / os.sysconf("SC_CLK_TCK")
