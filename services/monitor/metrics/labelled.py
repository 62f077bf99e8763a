"""Quality, coverage of labels, and gaps between groups, as they were read last.

Groups themselves are values of protected attributes, so only gaps between them are here.
"""

from collections.abc import Iterator
from typing import Final

from prometheus_client.core import Metric

from services.monitor.domain.outcomes.readings import CoverageView, FairnessView, QualityView
from services.monitor.domain.readings import LabelFigures
from services.monitor.metrics.families import PERSONS, Declared, Families

_GAUGES: Final[Declared] = {
    "understudy_quality": (
        (
            "A metric of a version on matured labelled rows (realised), without labels "
            "(estimated), or on the evaluation sample that it was registered with (baseline)."
        ),
        (*PERSONS, "metric", "kind"),
    ),
    "understudy_quality_labelled_rows": (
        "Matured labelled rows that a version's quality was read off.",
        PERSONS,
    ),
    "understudy_label_coverage_ratio": (
        "Share of a version's answers that have a label.",
        ("deployment", "version"),
    ),
    "understudy_label_lag_seconds": (
        "How long labels take: half of them (p50), and 95 % of them (p95), at most so long.",
        ("deployment", "version", "percentile"),
    ),
    "understudy_label_selection_warning": (
        "1 when which answers get labels can't be chance, else 0.",
        ("deployment",),
    ),
    "understudy_labels_parked": (
        "Labels whose prediction is not known, or not yet.",
        ("deployment",),
    ),
    "understudy_fairness_gap": (
        "Widest difference between two groups of a protected attribute, small groups left out.",
        (*PERSONS, "attribute", "measure"),
    ),
}

_COUNTERS: Final[Declared] = {
    "understudy_labels_corrected": (
        "Labels that replaced another one of the same prediction.",
        ("deployment",),
    ),
    "understudy_labels_duplicate": ("Labels that repeated what was known.", ("deployment",)),
    "understudy_labels_refused": (
        "Labels that are none of the target's values.",
        ("deployment",),
    ),
    "understudy_facts_expired": (
        "Answers, labels and attributes whose retention ended before they counted.",
        ("deployment",),
    ),
}


class LabelFamilies:
    """What is known of labelled rows, of each deployment."""

    def __init__(self) -> None:
        self._families = Families(_GAUGES, _COUNTERS)

    def add(self, found: LabelFigures) -> None:
        """Those of one deployment."""
        if found.quality is not None:
            self._add_quality(found.quality)
        if found.coverage is not None:
            self._add_coverage(found.coverage)
        if found.fairness is not None:
            self._add_fairness(found.fairness)
        for promised in found.promised:
            labels = (promised.deployment, str(promised.role), str(promised.version))
            for metric, figure in promised.metrics.items():
                part = (*labels, metric, "baseline")
                self._families.set("understudy_quality", part, figure.value)

    def __iter__(self) -> Iterator[Metric]:
        return iter(self._families)

    def _add_quality(self, found: QualityView) -> None:
        for reading in found.matured:
            labels = (found.deployment, str(reading.role), str(reading.version))
            self._families.set("understudy_quality_labelled_rows", labels, reading.labelled)
            for kind, metrics in (("realised", reading.metrics), ("estimated", reading.estimated)):
                for metric, figure in metrics.items():
                    self._families.set("understudy_quality", (*labels, metric, kind), figure.value)

    def _add_coverage(self, found: CoverageView) -> None:
        families, name = self._families, found.deployment
        for version, reading in found.versions.items():
            labels = (name, version)
            families.set("understudy_label_coverage_ratio", labels, reading.coverage_ratio)
            for percentile, lag in (
                ("p50", reading.lag_p50_seconds),
                ("p95", reading.lag_p95_seconds),
            ):
                families.set("understudy_label_lag_seconds", (*labels, percentile), lag)
        warned = float(found.selection_warning is not None)
        families.set("understudy_label_selection_warning", (name,), warned)
        families.set("understudy_labels_parked", (name,), found.parked)
        families.set("understudy_labels_corrected", (name,), found.corrected)
        families.set("understudy_labels_duplicate", (name,), found.duplicates)
        families.set("understudy_labels_refused", (name,), found.refused)
        families.set("understudy_facts_expired", (name,), found.expired)

    def _add_fairness(self, found: FairnessView) -> None:
        for reading in found.attributes:
            labels = (found.deployment, str(reading.role), str(reading.version), reading.attribute)
            for measure, gap in (
                ("selection_rate", reading.selection_gap),
                ("true_positive_rate", reading.true_positive_gap),
                ("false_positive_rate", reading.false_positive_gap),
            ):
                value = None if gap is None else gap.value
                self._families.set("understudy_fairness_gap", (*labels, measure), value)
