"""Every number that serving and the challenger process publish, declared once.

Serving runs in several workers whose figures are summed through files, so a gauge says how
workers combine, and `prometheus_client` must not be imported before a worker's environment is
set: this module is imported when a worker builds its application, never earlier.
"""

from collections.abc import Callable
from enum import StrEnum
from functools import lru_cache
from pathlib import Path

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, multiprocess

from understudy.contracts.vocabulary import Outcome
from understudy.runtime.buckets import LATENCY_SECONDS

_SWITCH_SECONDS = (0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0, 60.0, 300.0)
_BATCH_ROWS = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1_000, 2_000, 5_000, 10_000)


def forget_dead_workers(folder: Path) -> None:
    """Drop the live gauges of workers that were killed: nobody else does."""
    for file in folder.glob("gauge_live*.db"):
        pid = int(file.stem.rpartition("_")[2])
        if not Path(f"/proc/{pid}").exists():
            multiprocess.mark_process_dead(pid, str(folder))  # type: ignore[no-untyped-call]


class Dialect(StrEnum):
    """Ways to ask for a prediction."""

    JSON = "json"
    FORM = "form"


class LogState(StrEnum):
    """What became of rows that were handed to the log."""

    LOGGED = "logged"
    DROPPED = "dropped"


class ServingMetrics:
    """What a serving worker counts."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._rows = Counter(
            "understudy_predictions",
            "Rows answered, by version and outcome.",
            ["deployment", "version", "dialect", "outcome"],
            registry=registry,
        )
        self._requests = Counter(
            "understudy_prediction_requests",
            "Requests for predictions that reached a model; one may hold many rows.",
            ["deployment", "version", "dialect", "outcome"],
            registry=registry,
        )
        self._seconds = Histogram(
            "understudy_prediction_seconds",
            "From a decoded request to its answer, log included, by version.",
            ["deployment", "version"],
            buckets=LATENCY_SECONDS,
            registry=registry,
        )
        self._refusals = Counter(
            "understudy_refusals",
            "Requests turned down, by the code of the problem.",
            ["code"],
            registry=registry,
        )
        self._labels = Counter(
            "understudy_labels",
            "Labels received.",
            ["deployment", "status"],
            registry=registry,
        )
        self._release = Gauge(
            "understudy_release",
            "Release that answers; the oldest among workers.",
            ["deployment"],
            multiprocess_mode="livemin",
            registry=registry,
        )
        self._main = Gauge(
            "understudy_main_version",
            "Version that answers, as of the latest switch of any worker.",
            ["deployment"],
            multiprocess_mode="livemostrecent",
            registry=registry,
        )
        self._released = Gauge(
            "understudy_release_timestamp_seconds",
            "When the release that answers was made.",
            ["deployment"],
            multiprocess_mode="livemin",
            registry=registry,
        )
        self._switch = Histogram(
            "understudy_release_switch_seconds",
            "From a release's making to a worker answering with it.",
            ["deployment"],
            buckets=_SWITCH_SECONDS,
            registry=registry,
        )
        self._load_failures = Counter(
            "understudy_load_failures",
            "Attempts to take up a release that failed.",
            ["deployment"],
            registry=registry,
        )
        self.log = LogMetrics(registry)
        # Finding a labelled child costs as much as counting: keep those in use.
        self._child: Callable[..., tuple[Counter, Counter]] = lru_cache(10_000)(self._children)
        self._timer: Callable[..., Histogram] = lru_cache(10_000)(self._seconds.labels)

    def answered(
        self, deployment: str, version: int, dialect: Dialect, rows: int, seconds: float
    ) -> None:
        """One request was answered."""
        answered, requests = self._child(deployment, str(version), dialect, Outcome.OK)
        answered.inc(rows)
        requests.inc()
        self._timer(deployment, str(version)).observe(seconds)

    def failed(self, deployment: str, version: int, dialect: Dialect, rows: int) -> None:
        """The model failed on one request."""
        failed, requests = self._child(deployment, str(version), dialect, Outcome.ERROR)
        failed.inc(rows)
        requests.inc()

    def refused(self, code: str) -> None:
        """One request was turned down."""
        self._refusals.labels(code).inc()

    def labelled(self, deployment: str, status: str) -> None:
        """One label was received."""
        self._labels.labels(deployment, status).inc()

    def released(self, deployment: str, release: int, version: int, released_at: float) -> None:
        """A release answers from now on."""
        self._release.labels(deployment).set(release)
        self._main.labels(deployment).set(version)
        self._released.labels(deployment).set(released_at)

    def switched(self, deployment: str, seconds: float) -> None:
        """A release was taken up while serving."""
        self._switch.labels(deployment).observe(seconds)

    def not_loaded(self, deployment: str) -> None:
        """A release could not be taken up."""
        self._load_failures.labels(deployment).inc()

    def _children(self, *labels: str) -> tuple[Counter, Counter]:
        return self._rows.labels(*labels), self._requests.labels(*labels)


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
