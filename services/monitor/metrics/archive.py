"""The log's way into the archive."""

from prometheus_client import CollectorRegistry, Counter, Gauge


class ArchiveMetrics:
    """What became of the log's way into the archive."""

    def __init__(self, registry: CollectorRegistry) -> None:
        labels = ("deployment", "stream")
        self._rows = Counter(
            "understudy_archive_rows", "Rows written to the archive.", labels, registry=registry
        )
        self._bytes = Counter(
            "understudy_archive_bytes", "Bytes written to the archive.", labels, registry=registry
        )
        self._lag = Gauge(
            "understudy_archive_lag_seconds",
            "Age of the oldest entry that is not archived; up to a window's length in order.",
            labels,
            registry=registry,
        )
        self._failures = Counter(
            "understudy_archive_failures",
            "Tries to archive that failed and are made again; trimming waits.",
            ("deployment",),
            registry=registry,
        )
        self._lags = set[tuple[str, str]]()

    def begins(self, deployment: str) -> None:
        """The deployment is to be archived: failures are there, at 0."""
        self._failures.labels(deployment)

    def wrote(self, deployment: str, stream: str, rows: int, size: int) -> None:
        """A part is there."""
        self._rows.labels(deployment, stream).inc(rows)
        self._bytes.labels(deployment, stream).inc(size)

    def lagged(self, deployment: str, stream: str, seconds: float) -> None:
        """How old the oldest entry is that is not archived."""
        self._lag.labels(deployment, stream).set(seconds)
        self._lags.add((deployment, stream))

    def failed(self, deployment: str) -> None:
        """A try failed."""
        self._failures.labels(deployment).inc()

    def forget(self, deployment: str) -> None:
        """The deployment is gone, or somebody else's now."""
        for found in [each for each in self._lags if each[0] == deployment]:
            self._lags.discard(found)
            self._lag.remove(*found)
