"""What the log writer counts."""

from collections.abc import Callable
from enum import StrEnum
from functools import lru_cache

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from understudy.runtime.buckets import LATENCY_SECONDS


class LogState(StrEnum):
    """What became of rows that were handed to the log."""

    LOGGED = "logged"
    DROPPED = "dropped"


class LogMetrics:
    """What the log writer counts."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._rows = Counter(
            "understudy_log_rows",
            "Rows and labels handed to the log, by what became of them.",
            ["deployment", "state"],
            registry=registry,
        )
        self._late = Counter(
            "understudy_log_late_replies",
            "Replies sent before their rows were in the log.",
            ["deployment"],
            registry=registry,
        )
        self._buffered = Gauge(
            "understudy_log_buffered_rows",
            "Rows and labels that wait to be written.",
            multiprocess_mode="livesum",
            registry=registry,
        )
        self._buffered_bytes = Gauge(
            "understudy_log_buffered_bytes",
            "About how much memory rows and labels take that wait to be written.",
            multiprocess_mode="livesum",
            registry=registry,
        )
        self._degraded = Gauge(
            "understudy_log_degraded",
            "Deployments whose log can't be written, so that replies do not wait; of all workers.",
            multiprocess_mode="livesum",
            registry=registry,
        )
        self._flush = Histogram(
            "understudy_log_flush_seconds",
            "Time of one write to the log.",
            buckets=LATENCY_SECONDS,
            registry=registry,
        )
        self._failures = Counter(
            "understudy_log_flush_failures", "Writes to the log that failed.", registry=registry
        )
        self._state: Callable[..., Counter] = lru_cache(10_000)(self._rows.labels)

    def settled(self, deployment: str, state: LogState, rows: int) -> None:
        """Rows were written or lost."""
        self._state(deployment, state).inc(rows)

    def late(self, deployment: str, replies: int) -> None:
        """Replies went out ahead of their rows."""
        self._late.labels(deployment).inc(replies)

    def buffered(self, rows: int, size: int) -> None:
        """So many rows wait, and take so many bytes."""
        self._buffered.set(rows)
        self._buffered_bytes.set(size)

    def degraded(self, change: int) -> None:
        """One lane more, or one less, can't write."""
        self._degraded.inc(change)

    def flushed(self, seconds: float) -> None:
        """One write succeeded."""
        self._flush.observe(seconds)

    def flush_failed(self) -> None:
        """One write failed."""
        self._failures.inc()
