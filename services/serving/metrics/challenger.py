"""What the challenger process counts."""

import contextlib
from collections.abc import Iterable, Sequence

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from understudy.contracts.vocabulary import Outcome, Role
from understudy.runtime.buckets import LATENCY_SECONDS

_BATCH_ROWS = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1_000, 2_000, 5_000, 10_000)


class ChallengerMetrics:
    """What the challenger process counts."""

    def __init__(self, registry: CollectorRegistry) -> None:
        names = ["deployment", "version"]
        self._pairs = Counter(
            "understudy_pairs",
            "Rows scored by a challenger, by how it ended.",
            [*names, "outcome"],
            registry=registry,
        )
        self._seconds = Histogram(
            "understudy_challenger_scoring_seconds",
            "Time of one call of a challenger.",
            names,
            buckets=LATENCY_SECONDS,
            registry=registry,
        )
        self._batch = Histogram(
            "understudy_challenger_batch_rows",
            "Rows in one call of a challenger.",
            names,
            buckets=_BATCH_ROWS,
            registry=registry,
        )
        self._pending = Gauge(
            "understudy_challenger_pending_entries",
            "Log entries handed to a challenger and not finished.",
            names,
            registry=registry,
        )
        self._undelivered = Gauge(
            "understudy_challenger_undelivered_entries",
            "Log entries that a challenger was not handed yet; estimated before Redis 7.",
            names,
            registry=registry,
        )
        self._catching_up = Gauge(
            "understudy_challenger_catching_up",
            "Whether a challenger's last reading was as large as a reading may be.",
            names,
            registry=registry,
        )
        self._behind = Gauge(
            "understudy_challenger_behind_seconds",
            "Age of the oldest log entry that a challenger has not finished.",
            names,
            registry=registry,
        )
        self._shed = Counter(
            "understudy_challenger_shed_rows",
            "Rows given up unscored because they had waited for too long.",
            names,
            registry=registry,
        )
        self._restarts = Counter(
            "understudy_challenger_restarts",
            "Processes of a challenger that were lost over a call, by reason.",
            [*names, "reason"],
            registry=registry,
        )
        self._memory = Gauge(
            "understudy_challenger_memory_bytes",
            "Resident memory of a challenger's process.",
            names,
            registry=registry,
        )
        self._cpu = Counter(
            "understudy_challenger_cpu_seconds",
            "CPU time of a challenger's processes, as seen every few seconds.",
            names,
            registry=registry,
        )
        self._timed = Histogram(
            "understudy_timed_scoring_seconds",
            "Time of single rows that main and challenger answered alone, in turn.",
            ["deployment", "role", "version"],
            buckets=LATENCY_SECONDS,
            registry=registry,
        )
        self._abandoned = Counter(
            "understudy_challenger_abandoned_entries",
            "Log entries handed to a version that owes no pairs any more and has no reader.",
            names,
            registry=registry,
        )
        self._unreadable = Counter(
            "understudy_challenger_unreadable_entries",
            "Log entries that could not be read; those of a newer schema stay pending.",
            names,
            registry=registry,
        )
        self._failures = Counter(
            "understudy_challenger_failures",
            "Steps of a challenger's reader that failed and are tried again.",
            names,
            registry=registry,
        )

    def begins(self, deployment: str, version: int, reasons: Iterable[str]) -> None:
        """A reader begins: what it may count is there, at 0; `reasons` to restart among it."""
        for outcome in Outcome:
            self._pairs.labels(deployment, version, outcome)
        for reason in reasons:
            self._restarts.labels(deployment, version, reason)
        for counter in (self._shed, self._unreadable, self._failures):
            counter.labels(deployment, version)

    def paired(self, deployment: str, version: int, outcome: Outcome, rows: int) -> None:
        """Pairs were committed."""
        self._pairs.labels(deployment, version, outcome).inc(rows)

    def scored(self, deployment: str, version: int, rows: int, seconds: float) -> None:
        """One call was made."""
        self._seconds.labels(deployment, version).observe(seconds)
        self._batch.labels(deployment, version).observe(rows)

    def behind(
        self, deployment: str, version: int, *, pending: int, undelivered: int, seconds: float
    ) -> None:
        """How much is left to do."""
        self._pending.labels(deployment, version).set(pending)
        self._undelivered.labels(deployment, version).set(undelivered)
        self._behind.labels(deployment, version).set(seconds)

    def catching_up(self, deployment: str, version: int, *, full: bool) -> None:
        """The log was read."""
        self._catching_up.labels(deployment, version).set(full)

    def shed(self, deployment: str, version: int, rows: int) -> None:
        """Rows were given up."""
        self._shed.labels(deployment, version).inc(rows)

    def restarted(self, deployment: str, version: int, reason: str) -> None:
        """A process was lost."""
        self._restarts.labels(deployment, version, reason).inc()

    def uses(
        self, deployment: str, version: int, memory_bytes: int, more_cpu_seconds: float
    ) -> None:
        """What a process takes, and has taken since this was last said."""
        self._memory.labels(deployment, version).set(memory_bytes)
        self._cpu.labels(deployment, version).inc(more_cpu_seconds)

    def timed(self, deployment: str, role: Role, version: int, seconds: Sequence[float]) -> None:
        """Single rows were answered in turn."""
        child = self._timed.labels(deployment, role, version)
        for value in seconds:
            child.observe(value)

    def unreadable(self, deployment: str, version: int) -> None:
        """An entry could not be decoded."""
        self._unreadable.labels(deployment, version).inc()

    def abandoned(self, deployment: str, version: int, entries: int) -> None:
        """A place in the log was given up that nobody came back for."""
        self._abandoned.labels(deployment, version).inc(entries)

    def failed(self, deployment: str, version: int) -> None:
        """A step failed."""
        self._failures.labels(deployment, version).inc()

    def forget(self, deployment: str, version: int) -> None:
        """A reader ended: its gauges go, its counters stay."""
        gauges = (self._pending, self._undelivered, self._behind, self._catching_up, self._memory)
        for gauge in gauges:
            with contextlib.suppress(KeyError):  # never set
                gauge.remove(deployment, version)
