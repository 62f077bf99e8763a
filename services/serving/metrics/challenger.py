"""What the challenger process counts."""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from understudy.contracts.vocabulary import Outcome
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
        self._behind = Gauge(
            "understudy_challenger_behind_seconds",
            "Age of the oldest log entry that a challenger has not finished.",
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

    def paired(self, deployment: str, version: int, outcome: Outcome, rows: int) -> None:
        """Pairs were committed."""
        self._pairs.labels(deployment, version, outcome).inc(rows)

    def scored(self, deployment: str, version: int, rows: int, seconds: float) -> None:
        """One call was made."""
        self._seconds.labels(deployment, version).observe(seconds)
        self._batch.labels(deployment, version).observe(rows)

    def behind(self, deployment: str, version: int, pending: int, seconds: float) -> None:
        """How much is left to do."""
        self._pending.labels(deployment, version).set(pending)
        self._behind.labels(deployment, version).set(seconds)

    def unreadable(self, deployment: str, version: int) -> None:
        """An entry could not be decoded."""
        self._unreadable.labels(deployment, version).inc()

    def failed(self, deployment: str, version: int) -> None:
        """A step failed."""
        self._failures.labels(deployment, version).inc()

    def forget(self, deployment: str, version: int) -> None:
        """A reader ended: its gauges go, its counters stay."""
        self._pending.remove(deployment, version)
        self._behind.remove(deployment, version)
