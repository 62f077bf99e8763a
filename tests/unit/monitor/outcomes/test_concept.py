"""Concept drift: risk above what the baseline promised, dated changes, a lasting gap."""

from dataclasses import replace

import numpy as np
import pytest
from river.drift import ADWIN

from services.monitor.adapters.adwin import Adwin
from services.monitor.domain.outcomes.baseline import Baseline
from services.monitor.domain.outcomes.concept import Promise, read_concept, threshold
from services.monitor.domain.outcomes.estimating import expect
from services.monitor.domain.outcomes.facts import Losses
from services.monitor.domain.outcomes.reference_risk import reference_risk
from services.monitor.domain.outcomes.viewpoint import moment
from tests.fakes.labelled_rows import (
    BINARY,
    DAY,
    HOUR,
    NUMBER,
    START,
    Rows,
    binary_rows,
    terms,
    viewpoint,
)
from understudy.contracts.monitor import ConceptView
from understudy.contracts.vocabulary import BaselineSample
from understudy.profiles.arrays import Floats


def baseline_of(rows: Rows) -> Baseline:
    chances = rows.probabilities.get(1)
    classes = len(rows.target.classes)
    return Baseline(BaselineSample.EVALUATION, rows.values[1], chances, rows.labels, classes)


@pytest.fixture(scope="module")
def promise() -> Promise:
    baseline = baseline_of(binary_rows(10_000, seed=50))
    return Promise(
        risk=reference_risk(baseline, BINARY, terms()),
        expectation=expect(baseline),
        trained_at=START - 5 * DAY,
    )


def flipped(rows: Rows, since: float, share: float) -> Rows:
    rng = np.random.default_rng(77)
    hit = (rows.at >= since) & (rng.random(rows.at.size) < share)
    return replace(rows, labels=np.where(hit, 1 - rows.labels, rows.labels))


def test_rows_like_the_baseline_s_raise_no_alarm(promise: Promise) -> None:
    found = read_concept(viewpoint(), binary_rows(20_000, days=8).cohorts(), promise)
    assert not found.alarm
    assert not found.estimate_gap_lasts
    assert found.since is None
    assert found.rows == 20_000
    assert found.risk is not None
    assert found.reference_risk == pytest.approx(found.risk.value, abs=0.03)
    assert found.estimate_gap == pytest.approx(0.0, abs=0.01)
    assert found.trained_days_ago == pytest.approx(15.0)
    assert found.tolerance == 0.05
    body = ConceptView.model_validate(found, from_attributes=True)
    assert body.threshold == pytest.approx(np.log(87_660))


def test_labels_that_turn_round_are_seen_and_dated(promise: Promise) -> None:
    began = START + 6 * DAY
    rows = flipped(binary_rows(20_000, days=8), began, 0.35)
    found = read_concept(viewpoint(), rows.cohorts(), promise)
    assert found.alarm
    assert found.since is not None
    assert abs(found.since.timestamp() - began) <= 12 * HOUR
    assert found.risk is not None
    assert found.risk.low is not None
    assert found.reference_risk is not None
    assert found.risk.low > found.reference_risk + found.tolerance
    assert found.estimate_gap is not None
    assert found.estimate_gap < -0.01
    assert found.estimate_gap_lasts


def test_without_a_baseline_nothing_is_promised() -> None:
    rows = flipped(binary_rows(5_000), START, 0.5)
    found = read_concept(viewpoint(), rows.cohorts(), Promise(changed_at=START + DAY))
    assert not found.alarm
    assert found.reference_risk is None
    assert found.estimate_gap is None
    assert found.changed_at == moment(START + DAY)
    assert found.trained_days_ago is None
    assert found.log_evidence == 0.0


def test_only_the_main_s_matured_cohorts_under_these_terms_count(promise: Promise) -> None:
    rows = binary_rows(2_000, days=2)
    assert read_concept(viewpoint(now=START + DAY), rows.cohorts(), promise).rows == 0
    assert read_concept(replace(viewpoint(), main=2), rows.cohorts(), promise).rows == 0
    other = replace(rows, terms=terms(horizon=10 * HOUR))
    assert read_concept(viewpoint(), other.cohorts(), promise).rows == 0
    early = read_concept(viewpoint(now=START + 2.5 * DAY), rows.cohorts(), promise)
    assert 0 < early.rows < 2_000


def test_a_regression_s_loss_is_told_in_its_own_units() -> None:
    rng = np.random.default_rng(8)

    def rows(noise: Floats) -> Rows:
        true = rng.normal(0.0, 10.0, noise.size)
        at = START + np.linspace(0, 8 * DAY, noise.size, endpoint=False)
        return Rows(NUMBER, at, true, {1: true + noise})

    baseline = baseline_of(rows(rng.normal(0.0, 2.0, 4_000)))
    held = Promise(risk=reference_risk(baseline, NUMBER, terms(NUMBER)), tolerance=1.0)
    worse = np.where(np.arange(8_000) < 6_000, 2.0, 8.0) * rng.normal(0.0, 1.0, 8_000)
    found = read_concept(viewpoint(NUMBER), rows(worse).cohorts(), held)
    assert found.reference_risk == pytest.approx(2.0 * np.sqrt(2 / np.pi), abs=0.1)
    assert found.risk is not None
    assert found.risk.value == pytest.approx(8.0 * np.sqrt(2 / np.pi), abs=0.6)
    assert found.alarm
    quiet = rows(rng.normal(0.0, 2.0, 8_000))
    assert not read_concept(viewpoint(NUMBER), quiet.cohorts(), held).alarm


def test_training_rows_promise_nothing(promise: Promise) -> None:
    baseline = replace(baseline_of(binary_rows(5_000)), sample=BaselineSample.REFERENCE)
    assert reference_risk(baseline, BINARY, terms()) is None
    rows = flipped(binary_rows(5_000), START, 0.5)
    found = read_concept(viewpoint(), rows.cohorts(), Promise(doubted=True))
    assert not found.alarm
    assert found.assumes is not None
    assert "register with an evaluation sample" in found.assumes
    judged = read_concept(viewpoint(), rows.cohorts(), promise).assumes
    assert judged is not None
    assert "not trained on" in judged


@pytest.mark.parametrize("rows", [30, 200])
def test_the_bound_of_a_small_baseline_holds(rows: int) -> None:
    """Without any loss in it as well, where a standard error is 0."""
    sure = replace(binary_rows(rows), probabilities={1: np.tile([0.0, 1.0], (rows, 1))})
    known = baseline_of(replace(sure, values={1: np.ones(rows)}, labels=np.ones(rows)))
    found = reference_risk(known, BINARY, terms())
    assert found is not None
    assert found.mean == 0.0
    assert (1.0 - found.bound) ** rows <= 1e-3


def test_a_small_baseline_promises_nothing() -> None:
    assert reference_risk(baseline_of(binary_rows(29)), BINARY, terms()) is None


def test_the_threshold_is_ten_years_of_cohorts() -> None:
    assert threshold(terms()) == pytest.approx(np.log(87_660))
    assert threshold(terms(horizon=0.0)) == pytest.approx(np.log(31_557_600))


def test_adwin_dates_a_change_and_first_sees_it_where_river_s_own_does() -> None:
    rng = np.random.default_rng(1)
    values = (rng.random(8_000) < np.where(np.arange(8_000) < 5_000, 0.1, 0.2)).astype(float)
    at = 100.0 + np.arange(8_000.0)
    oracle = ADWIN()  # type: ignore[no-untyped-call]
    seen = 0
    while not oracle.drift_detected:
        oracle.update(float(values[seen]))  # type: ignore[no-untyped-call]
        seen += 1
    dated = Adwin().last_change(Losses(at, values))
    assert dated is not None
    assert abs(dated - 5_100) < 400
    first = Adwin().last_change(Losses(at[:seen], values[:seen]))
    assert first == at[seen - int(oracle.width)]
    assert Adwin().last_change(Losses(at[: seen - 1], values[: seen - 1])) is None
    assert Adwin().last_change(Losses(at[:0], values[:0])) is None
