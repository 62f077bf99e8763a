"""What the log writer counts."""

from collections.abc import Callable
from enum import StrEnum
from functools import lru_cache

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from understudy.runtime.buckets import LATENCY_SECONDS


class LogState(StrEnum):
    """What became of rows that were handed to the log; in Redis are logged + replayed."""

    LOGGED = "logged"
    SPOOLED = "spooled"
    REPLAYED = "replayed"
    """Spooled before, and in Redis now."""
    DROPPED = "dropped"


class BadRecord(StrEnum):
    """What was wrong with a record of the spool."""

    TORN = "torn"
    CORRUPT = "corrupt"


class LogMetrics:
    """What the log writer counts."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._rows = Counter(
            "understudy_log_rows",
            "Rows and labels handed to the log, by what became of them: logged in Redis at once, "
            "spooled to disk, replayed from disk into Redis, dropped.",
            ["deployment", "state"],
            registry=registry,
        )
        self._gauges = _gauges(registry)
        self._flush = Histogram(
            "understudy_log_flush_seconds",
            "Time of one write to the log.",
            buckets=LATENCY_SECONDS,
            registry=registry,
        )
        self._failures = Counter(
            "understudy_log_flush_failures",
            "Writes to the log that failed or took too long.",
            registry=registry,
        )
        self._read_failures = Counter(
            "understudy_log_spool_read_failures",
            "Times that a dead writer's folder of the disk spool could not be read; it is tried "
            "again.",
            registry=registry,
        )
        self._bad_records = Counter(
            "understudy_log_spool_bad_records",
            "Records of the disk spool that could not be read: torn by a kill, or corrupt.",
            ["kind"],
            registry=registry,
        )
        self._state: Callable[..., Counter] = lru_cache(10_000)(self._rows.labels)
        for kind in BadRecord:
            self._bad_records.labels(kind)

    def begins(self, deployment: str) -> None:
        """Rows of the deployment may come: what counts them is there, at 0."""
        for state in LogState:
            self._state(deployment, state)

    def spool_limit(self, size: int) -> None:
        """The spool of this worker may grow so large."""
        self._gauges["spool_limit_bytes"].set(size)

    def settled(self, deployment: str, state: LogState, rows: int) -> None:
        """Rows are somewhere now, or lost."""
        self._state(deployment, state).inc(rows)

    def buffered(self, rows: int, size: int) -> None:
        """So many rows wait, and take so many bytes."""
        self._gauges["buffered_rows"].set(rows)
        self._gauges["buffered_bytes"].set(size)

    def spool(self, rows: int, size: int, segments: int) -> None:
        """So much is on disk."""
        self._gauges["spool_rows"].set(rows)
        self._gauges["spool_bytes"].set(size)
        self._gauges["spool_segments"].set(segments)

    def degraded(self, change: int) -> None:
        """One lane more, or one less, can't write to Redis."""
        self._gauges["degraded"].inc(change)

    def flushed(self, seconds: float) -> None:
        """One write succeeded."""
        self._flush.observe(seconds)

    def flush_failed(self) -> None:
        """One write failed."""
        self._failures.inc()

    def spool_read_failed(self) -> None:
        """An adopted folder could not be read."""
        self._read_failures.inc()

    def bad_records(self, kind: BadRecord, records: int) -> None:
        """Records of the spool could not be read."""
        self._bad_records.labels(kind).inc(records)


_GAUGES = {
    "buffered_rows": "Rows and labels that wait to be written.",
    "buffered_bytes": "About how much memory rows and labels take that wait to be written.",
    "spool_rows": "Rows and labels on disk that Redis may not have.",
    "spool_bytes": "Size of the disk spool.",
    "spool_limit_bytes": "How large the disk spools may grow; of all workers.",
    "spool_segments": "Files of the disk spool.",
    "degraded": "Deployments whose rows go to the disk spool, or are refused when it can't take "
    "them, because Redis is slow or gone; of all workers.",
}


def _gauges(registry: CollectorRegistry) -> dict[str, Gauge]:
    return {
        name: Gauge(f"understudy_log_{name}", text, multiprocess_mode="livesum", registry=registry)
        for name, text in _GAUGES.items()
    }
