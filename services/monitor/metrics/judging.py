"""Verdicts, and the evidence that they rest on, as they were judged last."""

from collections.abc import Iterator
from typing import Final

from prometheus_client.core import Metric

from services.monitor.domain.deciding.judgement import (
    ComparisonReading,
    ConceptReading,
    Judgement,
    RailReading,
)
from services.monitor.metrics.families import PERSONS, Declared, Families
from understudy.contracts.vocabulary import Role, Verdict

_CHALLENGER: Final = ("deployment", "version")
_RAIL: Final = (*PERSONS, "rule")
_DAY: Final = 86_400.0

_GAUGES: Final[Declared] = {
    "understudy_verdict": (
        "1 for what is concluded of the deployment now, 0 for the other verdicts.",
        ("deployment", "verdict"),
    ),
    "understudy_verdict_timestamp_seconds": (
        "When the verdict became what it is, as far as this process has seen.",
        ("deployment",),
    ),
    "understudy_verdict_judged_timestamp_seconds": (
        "When the deployment was judged last: an old one means a monitor that does not judge.",
        ("deployment",),
    ),
    "understudy_comparison_log_evidence": (
        "Natural logarithm of the evidence that a challenger is better, worse or equivalent.",
        (*_CHALLENGER, "hypothesis"),
    ),
    "understudy_comparison_threshold": (
        "What that logarithm must reach to be decided.",
        (*_CHALLENGER, "hypothesis"),
    ),
    "understudy_comparison_labels": (
        "Labelled pairs of main and challenger that are compared (matured) or too young (waiting).",
        (*_CHALLENGER, "state"),
    ),
    "understudy_comparison_expected_labels": (
        "About how many more matured labels a decision needs, should things go on as they are.",
        _CHALLENGER,
    ),
    "understudy_comparison_difference": (
        "Mean of the main's loss less the challenger's: the value, and its 95 % limits low, high.",
        (*_CHALLENGER, "bound"),
    ),
    "understudy_rail_log_evidence": (
        "Natural logarithm of the evidence that a version goes beyond what a guard-rail allows.",
        _RAIL,
    ),
    "understudy_rail_threshold": ("What that logarithm must reach to be acted on.", _RAIL),
    "understudy_rail_crossed": ("1 for a guard-rail that is crossed, else 0.", _RAIL),
    "understudy_rail_observed_ratio": (
        "Share of rows that went wrong; of a challenger, beyond the main's.",
        _RAIL,
    ),
    "understudy_rail_allowed_ratio": ("Share of rows that may go wrong.", _RAIL),
    "understudy_concept_log_evidence": (
        "Natural logarithm of the evidence that the main's loss rose beyond what is tolerated.",
        _CHALLENGER,
    ),
    "understudy_concept_threshold": (
        "What that logarithm must reach for an alarm.",
        _CHALLENGER,
    ),
    "understudy_concept_alarm": ("1 while the main's loss has risen, else 0.", _CHALLENGER),
    "understudy_concept_risk": (
        "Mean loss of the main's newest labelled rows (live), and of its baseline (reference).",
        (*_CHALLENGER, "sample"),
    ),
    "understudy_concept_gap": (
        (
            "Realised less expected accuracy of the main on the same labelled rows: below 0, "
            "answers are worth less than their scores say."
        ),
        _CHALLENGER,
    ),
    "understudy_concept_gap_lasting": (
        "1 while the evidence says that gap is no chance: labels mean something else. Else 0.",
        _CHALLENGER,
    ),
    "understudy_training_age_seconds": (
        "Age of what the main version was trained on.",
        _CHALLENGER,
    ),
}


class JudgementFamilies:
    """What was concluded, of each deployment."""

    def __init__(self) -> None:
        self._families = Families(_GAUGES)

    def add(self, found: Judgement) -> None:
        """That of one deployment."""
        name = found.deployment
        for verdict in Verdict:
            labels = (name, str(verdict))
            self._families.set("understudy_verdict", labels, float(found.verdict is verdict))
        changed = found.changed_at or found.at
        self._families.set("understudy_verdict_timestamp_seconds", (name,), changed.timestamp())
        judged = "understudy_verdict_judged_timestamp_seconds"
        self._families.set(judged, (name,), found.at.timestamp())
        for comparison in found.comparisons:
            self._add_comparison(name, comparison)
            for rail in comparison.rails:
                self._add_rail(name, Role.CHALLENGER, rail)
        for rail in found.main_rails:
            self._add_rail(name, Role.MAIN, rail)
        if found.concept is not None:
            self._add_concept(name, found.concept)

    def __iter__(self) -> Iterator[Metric]:
        return iter(self._families)

    def _add_comparison(self, name: str, found: ComparisonReading) -> None:
        families, labels = self._families, (name, str(found.challenger))
        for hypothesis, evidence, threshold in (
            ("better", found.log_evidence_better, found.threshold),
            ("worse", found.log_evidence_worse, found.threshold),
            ("equivalent", found.log_evidence_equivalent, found.equivalence_threshold),
        ):
            families.set("understudy_comparison_log_evidence", (*labels, hypothesis), evidence)
            families.set("understudy_comparison_threshold", (*labels, hypothesis), threshold)
        for state, rows in (("matured", found.labels), ("waiting", found.waiting)):
            families.set("understudy_comparison_labels", (*labels, state), rows)
        families.set("understudy_comparison_expected_labels", labels, found.expected_labels)
        if (shown := found.difference) is not None:
            for bound, value in (("value", shown.value), ("low", shown.low), ("high", shown.high)):
                families.set("understudy_comparison_difference", (*labels, bound), value)

    def _add_rail(self, name: str, role: Role, rail: RailReading) -> None:
        labels = (name, str(role), str(rail.version), str(rail.rule))
        families = self._families
        families.set("understudy_rail_log_evidence", labels, rail.log_evidence)
        families.set("understudy_rail_threshold", labels, rail.threshold)
        families.set("understudy_rail_crossed", labels, float(rail.crossed))
        families.set("understudy_rail_observed_ratio", labels, rail.observed)
        families.set("understudy_rail_allowed_ratio", labels, rail.allowed)

    def _add_concept(self, name: str, found: ConceptReading) -> None:
        families, labels = self._families, (name, str(found.version))
        days = found.trained_days_ago
        families.set("understudy_concept_log_evidence", labels, found.log_evidence)
        families.set("understudy_concept_threshold", labels, found.threshold)
        families.set("understudy_concept_alarm", labels, float(found.alarm))
        families.set("understudy_concept_risk", (*labels, "reference"), found.reference_risk)
        live = None if found.risk is None else found.risk.value
        families.set("understudy_concept_risk", (*labels, "live"), live)
        families.set("understudy_concept_gap", labels, found.estimate_gap)
        lasts = None if found.estimate_gap is None else float(found.estimate_gap_lasts)
        families.set("understudy_concept_gap_lasting", labels, lasts)
        age = None if days is None else days * _DAY
        families.set("understudy_training_age_seconds", labels, age)
