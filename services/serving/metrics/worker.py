"""What a serving worker counts."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from functools import lru_cache
from pathlib import Path

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, multiprocess

from services.serving.domain.drafts import Hits
from services.serving.metrics.bulk import BulkHistogram
from services.serving.metrics.capacity import CapacityMetrics
from services.serving.metrics.limits import LimitMetrics
from services.serving.metrics.log import LogMetrics
from services.serving.metrics.refusals import RefusalMetrics
from understudy.contracts.serving import LabelStatus
from understudy.contracts.vocabulary import Outcome
from understudy.runtime.buckets import LATENCY_SECONDS

_REQUEST_SECONDS = (*sorted({*LATENCY_SECONDS, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0}),)
"""Objectives are stated in round figures, and only at an edge is it known how many met one."""
_SWITCH_SECONDS = (0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0, 60.0, 300.0)


def forget_dead_workers(folder: Path) -> None:
    """Drop the live gauges of workers that were killed: nobody else does."""
    for file in folder.glob("gauge_live*.db"):
        pid = int(file.stem.rpartition("_")[2])
        if not Path(f"/proc/{pid}").exists():
            multiprocess.mark_process_dead(pid, str(folder))  # type: ignore[no-untyped-call]


class Dialect(StrEnum):
    """Ways to ask for a prediction."""

    JSON = "json"
    CSV = "csv"
    FORM = "form"
    PREVISION = "prevision"
    OIP = "oip"
    OIP_GRPC = "oip_grpc"
    V1 = "v1"
    MLFLOW = "mlflow"
    SAGEMAKER = "sagemaker"


@dataclass(slots=True)
class Tally:
    """What was answered since it was published last."""

    rows: int = 0
    seconds: list[float] = field(default_factory=list)
    """One for each request."""


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
        self._seconds = BulkHistogram(
            "understudy_prediction_seconds",
            "From a decoded request to its answer, log included, by version.",
            ["deployment", "version"],
            buckets=_REQUEST_SECONDS,
            registry=registry,
        )
        self._refusals = RefusalMetrics(registry)
        self._guard_hits = Counter(
            "understudy_guard_hits",
            "Rows that a guard rule caught, by what it did.",
            ["deployment", "rule", "action"],
            registry=registry,
        )
        self._coercions = Counter(
            "understudy_coercions",
            "Values that were read as another type, and members that were left out.",
            ["deployment"],
            registry=registry,
        )
        self._untold = Counter(
            "understudy_failures_untold",
            "Rows that a model failed on, or may have, that were not handed to the log.",
            ["deployment"],
            registry=registry,
        )
        self._labels = Counter(
            "understudy_labels",
            "Labels received.",
            ["deployment", "status"],
            registry=registry,
        )
        self._protected = Counter(
            "understudy_protected",
            "Predictions whose protected attributes were received.",
            ["deployment", "status"],
            registry=registry,
        )
        self._told = Counter(
            "understudy_told_predictions",
            "Answers given elsewhere that were received, by the role of who gave them.",
            ["deployment", "role", "status"],
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
        self.limits = LimitMetrics(registry)
        self.capacity = CapacityMetrics(registry)
        self._known: set[str] = set()
        self._tallies: dict[tuple[str, int, Dialect], Tally] = {}
        self._spent: dict[tuple[str, int], float] = {}
        # Finding a labelled child costs as much as counting: keep those in use.
        self._child: Callable[..., tuple[Counter, Counter]] = lru_cache(10_000)(self._children)
        self._timer: Callable[..., BulkHistogram] = lru_cache(10_000)(self._seconds.labels)

    def knows(self, deployments: Iterable[str]) -> None:
        """These are to be served: what may go wrong with them is there, at 0."""
        for deployment in {*deployments} - self._known:
            self._known.add(deployment)
            self._refusals.begins(deployment)
            self.log.begins(deployment)
            self._untold.labels(deployment)
            self._load_failures.labels(deployment)
            for status in LabelStatus:
                self._labels.labels(deployment, status)

    def begins(self, deployment: str, version: int) -> None:
        """A version answers from now on: what it does well and badly is there, at 0."""
        for dialect in Dialect:
            for outcome in (Outcome.OK, Outcome.ERROR):
                self._child(deployment, str(version), dialect, outcome)

    def answered(
        self, deployment: str, version: int, requests: Sequence[tuple[Dialect, int, float]]
    ) -> None:
        """Requests were answered together: dialect, rows and seconds of each.

        Seen by others after `publish`: counting in a file that workers share costs as much as
        reading a request, so what was counted since goes there at once.
        """
        told = self._tallies
        for dialect, rows, seconds in requests:
            tally = told.get((deployment, version, dialect))
            if tally is None:
                tally = told[deployment, version, dialect] = Tally()
            tally.rows += rows
            tally.seconds.append(seconds)

    def spent(self, deployment: str, version: int, cpu_seconds: float) -> None:
        """A call was over; seen by others after `publish`."""
        key, spent = (deployment, version), self._spent
        spent[key] = spent.get(key, 0.0) + cpu_seconds

    def publish(self) -> None:
        """Let others see what was answered, and what it took."""
        spent, self._spent = self._spent, {}
        for (deployment, version), cpu_seconds in spent.items():
            self.capacity.spent(deployment, version, cpu_seconds)
        told, self._tallies = self._tallies, {}
        for (deployment, version, dialect), tally in told.items():
            answered, requests = self._child(deployment, str(version), dialect, Outcome.OK)
            answered.inc(tally.rows)
            requests.inc(len(tally.seconds))
            self._timer(deployment, str(version)).observe_all(tally.seconds)

    def failed(self, deployment: str, version: int, dialect: Dialect, rows: int) -> None:
        """The model failed on one request."""
        failed, requests = self._child(deployment, str(version), dialect, Outcome.ERROR)
        failed.inc(rows)
        requests.inc()

    def failure_untold(self, deployment: str, rows: int) -> None:
        """The log has nothing of rows that the model may have failed on."""
        self._untold.labels(deployment).inc(rows)

    def refused(self, deployment: str, code: str, status: int) -> None:
        """One request was turned down; the deployment is one that exists, or empty."""
        self._refusals.refused(deployment, code, status)

    def guarded(self, deployment: str, hits: Hits) -> None:
        """Guard rules caught rows."""
        for (rule, action), rows in hits.items():
            self._guard_hits.labels(deployment, rule, action).inc(rows)

    def coerced(self, deployment: str, values: int) -> None:
        """Values were read as another type."""
        if values:
            self._coercions.labels(deployment).inc(values)

    def labelled(self, deployment: str, status: str) -> None:
        """One label was received."""
        self._labels.labels(deployment, status).inc()

    def protected(self, deployment: str, status: str, predictions: int = 1) -> None:
        """Protected attributes were received."""
        self._protected.labels(deployment, status).inc(predictions)

    def told(self, deployment: str, role: str, status: str, answers: int) -> None:
        """Answers given elsewhere were received."""
        if answers:
            self._told.labels(deployment, role, status).inc(answers)

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
