"""The drift detector: evidence, thresholds, alarms, and how far features are from the reference."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import Final

from prometheus_client.core import Metric

from services.monitor.domain.drifting.telling import DriftAlarm, DriftReading
from services.monitor.metrics.families import Declared, Families
from understudy.contracts.vocabulary import DriftKind

_SUBJECT: Final = ("deployment", "subject", "kind", "version")

_GAUGES: Final[Declared] = {
    "understudy_drift_alarm": (
        "1 while a feature, a version's answers, or all together (pooled) are drifting; else 0.",
        _SUBJECT,
    ),
    "understudy_drift_log_evidence": (
        "Natural logarithm of the evidence of drift; an alarm is evidence above the threshold.",
        _SUBJECT,
    ),
    "understudy_drift_threshold": (
        "Natural logarithm of the evidence that makes an alarm.",
        _SUBJECT,
    ),
    "understudy_drift_effect": (
        (
            "How far from the reference: PSI (shape; pooled: the features' mean), share of rows "
            "beyond it (missing, unseen, out_of_range), changed pairs, 3 at most (interaction)."
        ),
        _SUBJECT,
    ),
    "understudy_drift_since_timestamp_seconds": (
        "When what drifts most likely began to; only while there is an alarm.",
        _SUBJECT,
    ),
    "understudy_feature_drift_js": (
        "Debiased Jensen-Shannon divergence of a feature since its most likely change, in nats.",
        ("deployment", "feature"),
    ),
    "understudy_feature_design_effect": (
        "How much more the reference's batches scatter than exchangeable rows would; 1 is none.",
        ("deployment", "feature"),
    ),
}


class DriftFamilies:
    """Of all deployments; of each those subjects with the strongest evidence."""

    def __init__(self, most_features: int) -> None:
        self._most = most_features
        self._families = Families(_GAUGES)

    def add(self, reading: DriftReading) -> None:
        """One deployment."""
        named = defaultdict[str, list[DriftAlarm]](list)
        for one in reading.watched:
            named[one.subject].append(one)
        for subject in [*named][: self._most]:
            for kind in {(one.kind, one.version): one for one in named[subject][::-1]}.values():
                self._add(reading.deployment, kind)

    def _add(self, deployment: str, one: DriftAlarm) -> None:
        """The strongest where a subject has several of a kind."""
        version = "" if one.version is None else str(one.version)
        labels = (deployment, one.subject, str(one.kind), version)
        self._families.set("understudy_drift_alarm", labels, float(one.crossed))
        self._families.set("understudy_drift_log_evidence", labels, one.log_evidence)
        self._families.set("understudy_drift_threshold", labels, one.threshold)
        self._families.set("understudy_drift_effect", labels, one.effect)
        since = one.since.timestamp() if one.crossed else None
        self._families.set("understudy_drift_since_timestamp_seconds", labels, since)
        if one.kind is DriftKind.SHAPE and one.version is None:
            feature: Sequence[str] = (deployment, one.subject)
            self._families.set("understudy_feature_drift_js", feature, one.js)
            self._families.set("understudy_feature_design_effect", feature, one.design_effect)

    def __iter__(self) -> Iterator[Metric]:
        return iter(self._families)
