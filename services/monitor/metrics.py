"""Every number that the monitor exposes, declared once.

What was counted in this process are counters; what was counted in the log is read off the state at
each scrape, so that it is the same whichever process answers and however often it was restarted.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from itertools import accumulate
from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge, ProcessCollector
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
)
from prometheus_client.registry import Collector

from services.monitor.domain.arrays import Floats
from services.monitor.domain.latency import LatencyTally
from services.monitor.domain.readings import Assessment, FeatureReading, Figures

Families = dict[str, Metric]

_GAUGES: Final[dict[str, tuple[str, tuple[str, ...]]]] = {
    "understudy_feature_drift_psi": (
        "Debiased population stability index of a feature in the window, in nats; 0 is no drift.",
        ("deployment", "feature"),
    ),
    "understudy_feature_mean": (
        "Mean of a numeric feature: in the window (live), in the reference sample (reference).",
        ("deployment", "feature", "sample"),
    ),
    "understudy_feature_standard_deviation": (
        "Standard deviation of a numeric feature, live and in the reference sample.",
        ("deployment", "feature", "sample"),
    ),
    "understudy_feature_missing_ratio": (
        "Share of the window's rows in which the feature is missing.",
        ("deployment", "feature"),
    ),
    "understudy_feature_unseen_ratio": (
        "Share of a category's values that the reference sample does not hold.",
        ("deployment", "feature"),
    ),
    "understudy_feature_out_of_range_ratio": (
        "Share of a number's values outside the reference sample's range.",
        ("deployment", "feature"),
    ),
    "understudy_output_drift_psi": (
        "Debiased population stability index of a version's answers against the training labels.",
        ("deployment", "role", "version"),
    ),
    "understudy_output_mean": (
        "Mean of the predicted number, or of the last class's probability, in the window.",
        ("deployment", "role", "version"),
    ),
    "understudy_output_ratio": (
        "Share of a version's answers in the window that are of the class.",
        ("deployment", "role", "version", "class"),
    ),
    "understudy_output_error_ratio": (
        "Share of the window's rows that the version failed to answer.",
        ("deployment", "role", "version"),
    ),
    "understudy_agreement_ratio": (
        "Share of the window's pairs in which challenger and main agree.",
        ("deployment", "version"),
    ),
    "understudy_monitor_window_rows": (
        "Rows of the main in the window.",
        ("deployment",),
    ),
    "understudy_monitor_lag_seconds": (
        "Time since the deployment's log was last read to its end.",
        ("deployment",),
    ),
}

_COUNTERS: Final[dict[str, tuple[str, tuple[str, ...]]]] = {
    "understudy_monitored_predictions": (
        "Rows of the prediction stream, since it began, by main version.",
        ("deployment", "version"),
    ),
    "understudy_monitored_pairs": (
        "Rows of the pair stream, since it began, by challenger version.",
        ("deployment", "version", "outcome"),
    ),
    "understudy_monitored_labels": (
        "Labels of the label stream, since it began.",
        ("deployment",),
    ),
    "understudy_monitored_untimely_rows": (
        "Rows counted in the totals that came too late, or too early, for a window.",
        ("deployment",),
    ),
    "understudy_monitored_malformed_entries": (
        "Entries of the streams that could not be read, hence are in no figure.",
        ("deployment",),
    ),
}

_LATENCY: Final = "understudy_model_latency_seconds"
_LATENCY_HELP: Final = "Duration of scoring a row, since the log began; failed rows left out."


class MonitorMetrics:
    """What happened in this process, as verbs."""

    def __init__(self, registry: CollectorRegistry) -> None:
        ProcessCollector(registry=registry)
        self._last_step = Gauge(
            "understudy_monitor_last_step_timestamp_seconds",
            "When a step over any deployment's log last succeeded.",
            registry=registry,
        )
        self._failures = Counter(
            "understudy_monitor_step_failures",
            "Steps that failed and are tried again.",
            ("deployment",),
            registry=registry,
        )
        self._refused = Counter(
            "understudy_monitor_commits_refused",
            "Commits that found the stored state moved on, so that it was read again.",
            ("deployment",),
            registry=registry,
        )

        self._probe_failures = Counter(
            "understudy_monitor_probe_failures",
            "Looks for changed interactions that failed; the next one takes newer rows.",
            ("deployment",),
            registry=registry,
        )

    def stepped(self, now: float) -> None:
        """A step succeeded."""
        self._last_step.set(now)

    def step_failed(self, deployment: str) -> None:
        """A step failed."""
        self._failures.labels(deployment).inc()

    def probe_failed(self, deployment: str) -> None:
        """A look for changed interactions failed."""
        self._probe_failures.labels(deployment).inc()

    def commit_refused(self, deployment: str) -> None:
        """A commit was not applied."""
        self._refused.labels(deployment).inc()

    def forget(self, deployment: str) -> None:
        """The deployment is gone."""
        for counter in (self._failures, self._refused, self._probe_failures):
            with suppress(KeyError):
                counter.remove(deployment)


class FiguresCollector(Collector):
    """Reads figures at each scrape."""

    def __init__(
        self, figures: Callable[[], Sequence[Figures]], edges: Floats, most_features: int
    ) -> None:
        self._figures = figures
        self._bounds = [*(str(float(edge)) for edge in edges), "+Inf"]
        self._most_features = most_features

    def describe(self) -> list[Metric]:
        """Names without reading figures, so that registering needs none."""
        return [*_families().values(), _latency_family()]

    def collect(self) -> Iterator[Metric]:
        """All families, also those without samples."""
        families, latency = _families(), _latency_family()
        for figures in self._figures():
            name, assessment = figures.assessment.deployment, figures.assessment
            _set(families, "understudy_monitor_lag_seconds", (name,), figures.lag_seconds)
            _set(families, "understudy_monitor_window_rows", (name,), assessment.rows)
            for feature in most_drifted(assessment, self._most_features):
                _add_feature(families, name, feature)
            _add_versions(families, assessment)
            _add_totals(families, figures)
            for (role, version), tally in figures.totals.latency.items():
                self._add_latency(latency, (name, role, str(version)), tally)
        yield from families.values()
        yield latency

    def _add_latency(
        self, family: HistogramMetricFamily, labels: Sequence[str], tally: LatencyTally
    ) -> None:
        cumulative = accumulate(int(rows) for rows in tally.counts)
        buckets = [
            (bound, float(rows)) for bound, rows in zip(self._bounds, cumulative, strict=True)
        ]
        family.add_metric(labels, buckets, tally.seconds)


def most_drifted(assessment: Assessment, most: int) -> list[FeatureReading]:
    """The features that drift most, so that wide models don't flood the metrics."""

    def drift(feature: FeatureReading) -> float:
        return float("inf") if feature.drift_psi is None else -feature.drift_psi

    return sorted(assessment.features, key=drift)[:most]


def _families() -> Families:
    gauges: Families = {
        name: GaugeMetricFamily(name, text, labels=labels)
        for name, (text, labels) in _GAUGES.items()
    }
    counters = {
        name: CounterMetricFamily(name, text, labels=labels)
        for name, (text, labels) in _COUNTERS.items()
    }
    return {**gauges, **counters}


def _latency_family() -> HistogramMetricFamily:
    return HistogramMetricFamily(_LATENCY, _LATENCY_HELP, labels=("deployment", "role", "version"))


def _add_feature(families: Families, deployment: str, feature: FeatureReading) -> None:
    labels = (deployment, feature.feature)
    _set(families, "understudy_feature_drift_psi", labels, feature.drift_psi)
    _set(families, "understudy_feature_missing_ratio", labels, feature.missing_ratio)
    _set(families, "understudy_feature_unseen_ratio", labels, feature.unseen_ratio)
    _set(families, "understudy_feature_out_of_range_ratio", labels, feature.out_of_range_ratio)
    for sample, found in (("live", feature.live), ("reference", feature.reference)):
        part = (*labels, sample)
        _set(families, "understudy_feature_mean", part, found.mean)
        _set(families, "understudy_feature_standard_deviation", part, found.standard_deviation)


def _add_versions(families: Families, assessment: Assessment) -> None:
    name = assessment.deployment
    for version in assessment.versions:
        labels = (name, str(version.role), str(version.version))
        answered = sum(version.classes.values())
        failed = version.errors / version.rows if version.rows else None
        _set(families, "understudy_output_drift_psi", labels, version.drift_psi)
        _set(families, "understudy_output_mean", labels, version.output.mean)
        _set(families, "understudy_output_error_ratio", labels, failed)
        for called, rows in version.classes.items():
            _set(families, "understudy_output_ratio", (*labels, called), rows / answered)
    for agreement in assessment.agreements:
        part = (name, str(agreement.challenger))
        _set(families, "understudy_agreement_ratio", part, agreement.agreement_ratio)


def _add_totals(families: Families, figures: Figures) -> None:
    name, totals = figures.assessment.deployment, figures.totals
    for version, rows in totals.predictions.items():
        _set(families, "understudy_monitored_predictions", (name, str(version)), rows)
    for (challenger, outcome), rows in totals.pairs.items():
        _set(families, "understudy_monitored_pairs", (name, str(challenger), outcome), rows)
    _set(families, "understudy_monitored_labels", (name,), totals.labels)
    _set(families, "understudy_monitored_untimely_rows", (name,), totals.untimely)
    _set(families, "understudy_monitored_malformed_entries", (name,), totals.malformed)


def _set(families: Families, name: str, labels: Sequence[str], value: float | None) -> None:
    """One sample; none where the figure is absent."""
    family = families[name]
    if value is not None and isinstance(family, GaugeMetricFamily | CounterMetricFamily):
        family.add_metric(labels, value)


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


class LeaseMetrics:
    """Which share of the work is ours."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._held = Gauge(
            "understudy_monitor_leases_held",
            "Deployments that this monitor works on; several monitors share them.",
            registry=registry,
        )

    def hold(self, leases: int) -> None:
        """So many now."""
        self._held.set(leases)
