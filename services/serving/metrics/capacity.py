"""What a worker counts of itself: the models in its memory, what they run on, what it uses."""

import os
import resource
from pathlib import Path
from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge

_STATM: Final = Path("/proc/self/statm")


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
