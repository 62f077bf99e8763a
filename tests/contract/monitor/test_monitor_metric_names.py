"""Metrics are what Prometheus' own linter wants, and what the protocols name."""

import shutil
import subprocess
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.parser import text_string_to_metric_families

from services.monitor.adapters.event_log import label_rows, pair_rows, prediction_rows
from services.monitor.domain.accounting import Delivery, Positions, State, account
from services.monitor.domain.assessing import Setting, assess
from services.monitor.domain.drifting.detecting import detect, trail_of
from services.monitor.domain.drifting.planning import Setup, plan_drift
from services.monitor.domain.drifting.telling import tell
from services.monitor.domain.readings import Figures
from services.monitor.domain.windows import latest_window
from services.monitor.metrics import ArchiveMetrics, FiguresCollector, LeaseMetrics, MonitorMetrics
from services.monitor.operations.distributing import Distributing
from tests.fakes.monitor_entries import (
    NAME,
    NOW,
    RULES,
    label_batch,
    pair_batch,
    prediction_batch,
    reference_profile,
    sample,
)
from tests.fakes.monitor_figures import AT, judgement, label_figures
from understudy.contracts.judging import DriftTerms
from understudy.contracts.vocabulary import Verdict

LABELS = {
    "understudy_alerts_firing": {"deployment"},
    "understudy_feature_drift_psi": {"deployment", "feature"},
    "understudy_feature_mean": {"deployment", "feature", "sample"},
    "understudy_feature_standard_deviation": {"deployment", "feature", "sample"},
    "understudy_feature_missing_ratio": {"deployment", "feature"},
    "understudy_feature_unseen_ratio": {"deployment", "feature"},
    "understudy_feature_out_of_range_ratio": {"deployment", "feature"},
    "understudy_output_drift_psi": {"deployment", "role", "version"},
    "understudy_output_mean": {"deployment", "role", "version"},
    "understudy_output_rows": {"deployment", "role", "version"},
    "understudy_output_ratio": {"deployment", "role", "version", "class"},
    "understudy_output_error_ratio": {"deployment", "role", "version"},
    "understudy_agreement_ratio": {"deployment", "version"},
    "understudy_model_latency_seconds": {"deployment", "role", "version"},
    "understudy_monitored_predictions": {"deployment", "version"},
    "understudy_monitored_pairs": {"deployment", "version", "outcome"},
    "understudy_monitored_labels": {"deployment"},
    "understudy_monitored_untimely_rows": {"deployment"},
    "understudy_monitored_malformed_entries": {"deployment"},
    "understudy_monitor_window_rows": {"deployment"},
    "understudy_monitor_lag_seconds": {"deployment"},
    "understudy_monitor_last_step_timestamp_seconds": set(),
    "understudy_monitor_step_failures": {"deployment"},
    "understudy_monitor_commits_refused": {"deployment"},
    "understudy_monitor_labels_elsewhere": {"deployment"},
    "understudy_monitor_probe_failures": {"deployment"},
    "understudy_monitor_judging_failures": {"deployment"},
    "understudy_monitor_report_failures": {"deployment"},
    "understudy_monitor_leases_held": set(),
    "understudy_drift_alarm": {"deployment", "subject", "kind", "version"},
    "understudy_drift_log_evidence": {"deployment", "subject", "kind", "version"},
    "understudy_drift_effect": {"deployment", "subject", "kind", "version"},
    "understudy_drift_since_timestamp_seconds": {"deployment", "subject", "kind", "version"},
    "understudy_feature_share": {"deployment", "feature", "bin", "sample"},
    "understudy_label_newest_timestamp_seconds": {"deployment"},
    "understudy_monitor_deployment_seconds": {"deployment"},
    "understudy_monitor_refusals": {"code", "status"},
    "understudy_drift_threshold": {"deployment", "subject", "kind", "version"},
    "understudy_feature_drift_js": {"deployment", "feature"},
    "understudy_feature_design_effect": {"deployment", "feature"},
    "understudy_archive_rows": {"deployment", "stream"},
    "understudy_archive_bytes": {"deployment", "stream"},
    "understudy_archive_lag_seconds": {"deployment", "stream"},
    "understudy_archive_failures": {"deployment"},
    "understudy_actions": {"deployment", "verdict", "outcome"},
    "understudy_verdict": {"deployment", "verdict"},
    "understudy_verdict_timestamp_seconds": {"deployment"},
    "understudy_verdict_judged_timestamp_seconds": {"deployment"},
    "understudy_comparison_log_evidence": {"deployment", "version", "hypothesis"},
    "understudy_comparison_threshold": {"deployment", "version", "hypothesis"},
    "understudy_comparison_labels": {"deployment", "version", "state"},
    "understudy_comparison_expected_labels": {"deployment", "version"},
    "understudy_comparison_difference": {"deployment", "version", "bound"},
    "understudy_rail_log_evidence": {"deployment", "role", "version", "rule"},
    "understudy_rail_threshold": {"deployment", "role", "version", "rule"},
    "understudy_rail_crossed": {"deployment", "role", "version", "rule"},
    "understudy_rail_observed_ratio": {"deployment", "role", "version", "rule"},
    "understudy_rail_allowed_ratio": {"deployment", "role", "version", "rule"},
    "understudy_concept_log_evidence": {"deployment", "version"},
    "understudy_concept_threshold": {"deployment", "version"},
    "understudy_concept_alarm": {"deployment", "version"},
    "understudy_concept_risk": {"deployment", "version", "sample"},
    "understudy_concept_gap": {"deployment", "version"},
    "understudy_concept_gap_lasting": {"deployment", "version"},
    "understudy_training_age_seconds": {"deployment", "version"},
    "understudy_quality": {"deployment", "role", "version", "metric", "kind"},
    "understudy_quality_labelled_rows": {"deployment", "role", "version"},
    "understudy_label_coverage_ratio": {"deployment", "version"},
    "understudy_label_lag_seconds": {"deployment", "version", "percentile"},
    "understudy_label_selection_warning": {"deployment"},
    "understudy_labels_parked": {"deployment"},
    "understudy_labels_corrected": {"deployment"},
    "understudy_labels_duplicate": {"deployment"},
    "understudy_labels_refused": {"deployment"},
    "understudy_facts_expired": {"deployment"},
    "understudy_fairness_gap": {"deployment", "role", "version", "attribute", "measure"},
}


@pytest.fixture
def exposition(tmp_path: Path) -> bytes:
    reference = reference_profile(tmp_path)
    shifted = sample(200, shift=4.0)
    delivery = Delivery(
        Positions("1-0"),
        (prediction_rows(prediction_batch(shifted, probabilities=[0.2, 0.9] * 100)),),
        (pair_rows(pair_batch([0.9] * 60, [0.8] * 60, outcomes=["ok", "error"] * 30)),),
        (label_rows(label_batch(2)),),
    )
    state = State().after(account(State(), delivery, lambda _: reference, RULES, NOW))
    window = latest_window(state.cells, reference, NOW, RULES.window_minutes)
    assessment = assess(Setting(NAME, 1, 1), window, reference, state.totals, RULES)
    registry = CollectorRegistry()
    metrics = MonitorMetrics(registry)
    metrics.stepped(datetime(2027, 1, 1, tzinfo=UTC).timestamp())
    metrics.step_failed(NAME)
    metrics.commit_refused(NAME)
    metrics.labels_elsewhere(NAME)
    metrics.probe_failed(NAME)
    metrics.judging_failed(NAME)
    metrics.report_failed(NAME)
    metrics.refused("not_ready", 503)
    metrics.acted(NAME, Verdict.PROMOTE, "recommended")
    LeaseMetrics(registry).hold(1)
    archive = ArchiveMetrics(registry)
    archive.wrote(NAME, "predictions", 200, 4_096)
    archive.lagged(NAME, "predictions", 3.0)
    archive.failed(NAME)
    judged, labelled = judgement(NAME), label_figures(NAME)
    plan = plan_drift(Setup(reference, DriftTerms(), ("no", "yes"), {}, {}))
    drift = tell(NAME, 1, detect(plan, trail_of(plan), state.cells, NOW), NOW)
    shown = Distributing(2).read(reference, window.cell.counts, drift)
    figures = [Figures(assessment, state.totals, 0.25, judged, labelled, drift, shown, 1.5)]
    registry.register(FiguresCollector(lambda: figures, np.array(RULES.latency_edges), 100))
    return generate_latest(registry)


def test_every_metric_has_the_labels_that_it_is_declared_with(exposition: bytes) -> None:
    found = {
        family.name: {
            label for sample in family.samples for label in sample.labels if label != "le"
        }
        for family in text_string_to_metric_families(exposition.decode())
        if family.name.startswith("understudy_") and not family.name.endswith("_created")
    }
    assert found == LABELS


def test_one_verdict_of_the_closed_set_is_1(exposition: bytes) -> None:
    found = {labels["verdict"]: value for labels, value in samples(exposition, "verdict")}
    assert found == {str(verdict): float(verdict is Verdict.KEEP) for verdict in Verdict}
    ((_, judged_at),) = samples(exposition, "verdict_judged_timestamp_seconds")
    assert judged_at == AT.timestamp()


def test_evidence_and_what_it_must_reach(exposition: bytes) -> None:
    for name, expected in (
        ("comparison_log_evidence", {"better": 1.5, "worse": -3.0, "equivalent": 0.5}),
        ("comparison_threshold", {"better": 3.7, "worse": 3.7, "equivalent": 3.0}),
    ):
        found = samples(exposition, name)
        assert {labels["hypothesis"]: value for labels, value in found} == expected


def test_rails_of_both_roles(exposition: bytes) -> None:
    found = {
        (labels["role"], labels["version"], labels["rule"]): value
        for labels, value in samples(exposition, "rail_crossed")
    }
    assert found == {
        ("challenger", "2", "errors"): 0.0,
        ("challenger", "2", "slow"): 1.0,
        ("main", "1", "errors"): 0.0,
    }


def test_a_feature_that_drifts_says_how_far_and_since_when(exposition: bytes) -> None:
    drifted = {
        (labels["subject"], labels["kind"])
        for labels, value in samples(exposition, "drift_alarm")
        if value
    }
    assert {("income", "shape"), ("pooled", "pooled")} <= drifted
    since = samples(exposition, "drift_since_timestamp_seconds")
    assert {(labels["subject"], labels["kind"]) for labels, _ in since} == drifted
    assert {value for _, value in since} == {NOW // 60 * 60}
    effects = {
        (labels["subject"], labels["kind"]): value
        for labels, value in samples(exposition, "drift_effect")
    }
    assert effects["income", "shape"] > 1.0
    assert abs(effects["owner", "shape"]) < 0.1
    assert 0.5 < effects["income", "out_of_range"] < 1.0
    shapes = [value for (_, kind), value in effects.items() if kind == "shape"]
    assert effects["pooled", "pooled"] == pytest.approx(sum(shapes) / len(shapes), rel=1e-6)


def test_shares_of_the_features_that_are_worth_a_look(exposition: bytes) -> None:
    found: dict[tuple[str, str], dict[str, float]] = {}
    for labels, value in samples(exposition, "feature_share"):
        found.setdefault((labels["feature"], labels["sample"]), {})[labels["bin"]] = value
    features = {feature for feature, _ in found}
    assert len(features) == 2
    assert "income" in features
    for feature in features:
        assert found[feature, "live"].keys() == found[feature, "reference"].keys()
    for shares in found.values():
        assert sum(shares.values()) == pytest.approx(1.0)
    beyond = [share for name, share in found["income", "live"].items() if "above" in name]
    assert beyond[0] > 0.5


def test_quality_beside_what_was_promised(exposition: bytes) -> None:
    found = {labels["kind"]: value for labels, value in samples(exposition, "quality")}
    assert found == {"realised": 0.8, "estimated": 0.8, "baseline": 0.82}


def test_when_the_newest_label_came(exposition: bytes) -> None:
    assert samples(exposition, "label_newest_timestamp_seconds") == [({"deployment": NAME}, NOW)]


def test_what_is_absent_has_no_sample(exposition: bytes) -> None:
    found = {labels["measure"] for labels, _ in samples(exposition, "fairness_gap")}
    assert found == {"selection_rate"}


def test_what_is_gone_is_forgotten() -> None:
    registry = CollectorRegistry()
    metrics = MonitorMetrics(registry)
    metrics.acted(NAME, Verdict.ROLL_BACK, "done")
    metrics.acted("other", Verdict.ROLL_BACK, "done")
    metrics.forget(NAME)
    found = samples(generate_latest(registry), "actions")
    assert {labels["deployment"] for labels, _ in found} == {"other"}


def samples(exposition: bytes, name: str) -> list[tuple[dict[str, str], float]]:
    return [
        (sample.labels, sample.value)
        for family in text_string_to_metric_families(exposition.decode())
        if family.name == f"understudy_{name}"
        for sample in family.samples
        if not sample.name.endswith("_created")
    ]


def test_promtool_has_nothing_to_say(exposition: bytes) -> None:
    promtool = shutil.which("promtool")
    if promtool is None:
        pytest.skip("promtool is not installed")
    checked = subprocess.run(
        [promtool, "check", "metrics"], input=exposition, capture_output=True, check=False
    )
    assert (checked.returncode, checked.stdout, checked.stderr) == (0, b"", b"")
