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
from services.monitor.domain.readings import Figures
from services.monitor.domain.windows import latest_window
from services.monitor.metrics import FiguresCollector, MonitorMetrics
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

LABELS = {
    "understudy_feature_drift_psi": {"deployment", "feature"},
    "understudy_feature_mean": {"deployment", "feature", "sample"},
    "understudy_feature_standard_deviation": {"deployment", "feature", "sample"},
    "understudy_feature_missing_ratio": {"deployment", "feature"},
    "understudy_feature_unseen_ratio": {"deployment", "feature"},
    "understudy_feature_out_of_range_ratio": {"deployment", "feature"},
    "understudy_output_drift_psi": {"deployment", "role", "version"},
    "understudy_output_mean": {"deployment", "role", "version"},
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
}


@pytest.fixture
def exposition(tmp_path: Path) -> bytes:
    reference = reference_profile(tmp_path)
    delivery = Delivery(
        Positions("1-0"),
        (prediction_rows(prediction_batch(sample(200), probabilities=[0.2, 0.9] * 100)),),
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
    figures = [Figures(assessment, state.totals, 0.25)]
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


def test_promtool_has_nothing_to_say(exposition: bytes) -> None:
    promtool = shutil.which("promtool")
    if promtool is None:
        pytest.skip("promtool is not installed")
    checked = subprocess.run(
        [promtool, "check", "metrics"], input=exposition, capture_output=True, check=False
    )
    assert (checked.returncode, checked.stdout, checked.stderr) == (0, b"", b"")
