"""Figures of the latest window, and totals since the log began."""

from collections.abc import Iterator, Sequence
from itertools import accumulate
from typing import Final

from prometheus_client.core import HistogramMetricFamily, Metric

from services.monitor.domain.distributions import Distribution
from services.monitor.domain.latency import LatencyTally
from services.monitor.domain.readings import Assessment, FeatureReading, Figures
from services.monitor.metrics.families import Declared, Families
from understudy.profiles.arrays import Floats

_GAUGES: Final[Declared] = {
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
        "Debiased population stability index of a version's answers against its baseline's.",
        ("deployment", "role", "version"),
    ),
    "understudy_output_mean": (
        "Mean of the predicted number, or of the last class's probability, in the window.",
        ("deployment", "role", "version"),
    ),
    "understudy_output_rows": (
        "Rows of the window that the version was asked; of the main all of them.",
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
    "understudy_feature_share": (
        (
            "Share of rows in a bin of a feature: of the window (live), of the reference sample "
            "(reference). Features that drift, then the most important ones, as many as are set."
        ),
        ("deployment", "feature", "bin", "sample"),
    ),
    "understudy_label_newest_timestamp_seconds": (
        "When the newest label that was read had been received; absent before any.",
        ("deployment",),
    ),
    "understudy_monitor_lag_seconds": (
        "Time since the deployment's log was last read to its end.",
        ("deployment",),
    ),
}

_COUNTERS: Final[Declared] = {
    "understudy_monitor_deployment_seconds": (
        "Time that this monitor worked on a deployment: counting, looking for drift, judging.",
        ("deployment",),
    ),
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


class WindowFamilies:
    """What is read off the newest minutes, and off the totals."""

    def __init__(self, edges: Floats, most_features: int) -> None:
        self._bounds = [*(str(float(edge)) for edge in edges), "+Inf"]
        self._most_features = most_features
        self._families = Families(_GAUGES, _COUNTERS)
        self._latency = HistogramMetricFamily(
            _LATENCY, _LATENCY_HELP, labels=("deployment", "role", "version")
        )

    def add(self, figures: Figures) -> None:
        """Those of one deployment."""
        families, assessment = self._families, figures.assessment
        name = assessment.deployment
        families.set("understudy_monitor_lag_seconds", (name,), figures.lag_seconds)
        families.set("understudy_monitor_window_rows", (name,), assessment.rows)
        for feature in most_drifted(assessment, self._most_features):
            _add_feature(families, name, feature)
        for distribution in figures.distributions:
            _add_distribution(families, name, distribution)
        _add_versions(families, assessment)
        _add_totals(families, figures)
        for (role, version), tally in figures.totals.latency.items():
            self._add_latency((name, role, str(version)), tally)

    def __iter__(self) -> Iterator[Metric]:
        yield from self._families
        yield self._latency

    def _add_latency(self, labels: Sequence[str], tally: LatencyTally) -> None:
        cumulative = accumulate(int(rows) for rows in tally.counts)
        buckets = [
            (bound, float(rows)) for bound, rows in zip(self._bounds, cumulative, strict=True)
        ]
        self._latency.add_metric(labels, buckets, tally.seconds)


def most_drifted(assessment: Assessment, most: int) -> list[FeatureReading]:
    """The features that drift most, so that wide models don't flood the metrics."""

    def drift(feature: FeatureReading) -> float:
        return float("inf") if feature.drift_psi is None else -feature.drift_psi

    return sorted(assessment.features, key=drift)[:most]


def _add_feature(families: Families, deployment: str, feature: FeatureReading) -> None:
    labels = (deployment, feature.feature)
    families.set("understudy_feature_drift_psi", labels, feature.drift_psi)
    families.set("understudy_feature_missing_ratio", labels, feature.missing_ratio)
    families.set("understudy_feature_unseen_ratio", labels, feature.unseen_ratio)
    families.set("understudy_feature_out_of_range_ratio", labels, feature.out_of_range_ratio)
    for sample, found in (("live", feature.live), ("reference", feature.reference)):
        part = (*labels, sample)
        families.set("understudy_feature_mean", part, found.mean)
        families.set("understudy_feature_standard_deviation", part, found.standard_deviation)


def _add_distribution(families: Families, deployment: str, found: Distribution) -> None:
    for sample, shares in (("live", found.live), ("reference", found.reference)):
        for called, share in zip(found.bins, shares, strict=False):
            labels = (deployment, found.feature, called, sample)
            families.set("understudy_feature_share", labels, share)


def _add_versions(families: Families, assessment: Assessment) -> None:
    name = assessment.deployment
    for version in assessment.versions:
        labels = (name, str(version.role), str(version.version))
        answered = sum(version.classes.values())
        failed = version.errors / version.rows if version.rows else None
        families.set("understudy_output_drift_psi", labels, version.drift_psi)
        families.set("understudy_output_mean", labels, version.output.mean)
        families.set("understudy_output_rows", labels, version.rows)
        families.set("understudy_output_error_ratio", labels, failed)
        for called, rows in version.classes.items():
            families.set("understudy_output_ratio", (*labels, called), rows / answered)
    for agreement in assessment.agreements:
        part = (name, str(agreement.challenger))
        families.set("understudy_agreement_ratio", part, agreement.agreement_ratio)


def _add_totals(families: Families, figures: Figures) -> None:
    name, totals = figures.assessment.deployment, figures.totals
    for version, rows in totals.predictions.items():
        families.set("understudy_monitored_predictions", (name, str(version)), rows)
    for (challenger, outcome), rows in totals.pairs.items():
        families.set("understudy_monitored_pairs", (name, str(challenger), outcome), rows)
    families.set("understudy_monitored_labels", (name,), totals.labels)
    newest = totals.label_received_at or None
    families.set("understudy_label_newest_timestamp_seconds", (name,), newest)
    families.set("understudy_monitor_deployment_seconds", (name,), figures.seconds)
    families.set("understudy_monitored_untimely_rows", (name,), totals.untimely)
    families.set("understudy_monitored_malformed_entries", (name,), totals.malformed)
