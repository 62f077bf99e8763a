"""Readings of known rows come out as counted by hand."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType

import numpy as np
import pytest

from services.monitor.adapters.event_log import pair_rows, prediction_rows
from services.monitor.domain.accounting import Delivery, Positions, State, account
from services.monitor.domain.assessing import Setting, assess
from services.monitor.domain.outcomes.baseline import Baseline
from services.monitor.domain.readings import Assessment, FeatureReading
from services.monitor.domain.windows import latest_window
from tests.fakes.monitor_entries import (
    NAME,
    NOW,
    RULES,
    pair_batch,
    prediction_batch,
    reference_profile,
    sample,
)
from understudy.contracts import events
from understudy.contracts.vocabulary import BaselineSample, Role
from understudy.profiles.reference import Reference


@pytest.fixture(scope="module")
def reference(tmp_path_factory: pytest.TempPathFactory) -> Reference:
    return reference_profile(Path(tmp_path_factory.mktemp("reference")))


def assessed(
    reference: Reference,
    predictions: list[events.PredictionBatch],
    pairs: list[events.PairBatch] | None = None,
    *,
    main: int = 1,
    now: float = NOW,
    baselines: Mapping[int, Baseline] = MappingProxyType({}),
) -> Assessment:
    delivery = Delivery(
        Positions("1-0"),
        tuple(prediction_rows(entry) for entry in predictions),
        tuple(pair_rows(entry) for entry in pairs or []),
    )
    state = State().after(account(State(), delivery, lambda _: reference, RULES, NOW))
    window = latest_window(state.cells, reference, now, RULES.window_minutes)
    setting = Setting(NAME, 4, main)
    return assess(setting, window, reference, state.totals, RULES, baselines=baselines)


def feature(assessment: Assessment, name: str) -> FeatureReading:
    return next(found for found in assessment.features if found.feature == name)


def test_only_the_feature_that_drifts_says_so(reference: Reference) -> None:
    found = assessed(reference, [prediction_batch(sample(1_000, seed=4, shift=1.0))])
    drifts = {reading.feature: reading.drift_psi for reading in found.features}
    assert drifts["income"] is not None
    assert drifts["income"] > 0.5
    others = [drifts[name] for name in ("children", "owner", "job")]
    assert all(drift is not None and abs(drift) < 0.03 for drift in others)
    income = feature(found, "income")
    assert income.live.mean == pytest.approx(115.0, abs=2.0)
    assert income.reference.mean == pytest.approx(100.0, abs=2.0)
    assert income.reference.standard_deviation == pytest.approx(15.0, abs=1.0)


def test_missing_unseen_and_out_of_range_have_readings_of_their_own(reference: Reference) -> None:
    columns = {name: [*values] for name, values in sample(100, seed=4).items()}
    columns["job"][:10] = [None] * 10
    columns["job"][10:28] = ["juggler"] * 18
    columns["income"][:5] = [1e6] * 5
    found = assessed(reference, [prediction_batch(columns)])
    job, income = feature(found, "job"), feature(found, "income")
    assert (job.missing_ratio, job.unseen_ratio, job.out_of_range_ratio) == (0.1, 0.2, None)
    assert (income.missing_ratio, income.unseen_ratio) == (0.0, None)
    assert income.out_of_range_ratio == pytest.approx(0.05, abs=0.011)
    assert (job.live.rows, job.live.mean) == (90, None)
    assert len(income.bins) == len(income.live_counts) + 1
    assert len(job.bins) == len(job.live_counts) == len(job.reference_counts)


def test_few_rows_give_no_drift_figure(reference: Reference) -> None:
    found = assessed(reference, [prediction_batch(sample(RULES.drift_rows - 1))])
    assert all(reading.drift_psi is None for reading in found.features)
    assert found.versions[0].drift_psi is None
    assert found.rows == RULES.drift_rows - 1


def test_an_empty_window_has_no_figures(reference: Reference) -> None:
    found = assessed(reference, [])
    assert (found.rows, found.versions, found.agreements) == (0, (), ())
    assert all(reading.missing_ratio is None for reading in found.features)


def test_the_window_is_the_latest_minutes(reference: Reference) -> None:
    entries = [prediction_batch(sample(2), at=NOW - 60.0 * back) for back in (0, 9, 10)]
    found = assessed(reference, entries)
    assert found.rows == 4
    assert found.totals.predictions == {"1": 6}
    assert (found.window_to - found.window_from).total_seconds() == 9 * 60 + 30


def test_answers_errors_and_latency_of_each_version(reference: Reference) -> None:
    answers = [0.9] * 30 + [0.1] * 68 + [float("nan")] * 2
    pairs = pair_batch([0.9] * 4, [0.9, 0.2, 0.2, 0.8], outcomes=["ok", "ok", "error", "timeout"])
    found = assessed(reference, [prediction_batch(sample(100), probabilities=answers)], [pairs])
    main, challenger = found.versions
    assert (main.role, main.version, main.rows, main.errors) == (Role.MAIN, 1, 100, 2)
    assert main.classes == {"no": 68, "yes": 30}
    assert main.output.mean == pytest.approx((0.9 * 30 + 0.1 * 68) / 98)
    assert main.latency_p50_seconds == pytest.approx(0.002, rel=0.3)
    assert (challenger.role, challenger.rows, challenger.errors) == (Role.CHALLENGER, 4, 2)
    assert challenger.classes == {"no": 1, "yes": 1}
    assert found.totals.pairs == {"2": 4}
    assert found.totals.pair_errors == {"2": 2}


def test_output_drift_is_against_the_training_labels(reference: Reference) -> None:
    as_trained = [0.9] * 200 + [0.1] * 800
    turned = [0.9] * 800 + [0.1] * 200
    same = assessed(reference, [prediction_batch(sample(1_000), probabilities=as_trained)])
    moved = assessed(reference, [prediction_batch(sample(1_000), probabilities=turned)])
    assert same.versions[0].drift_psi == pytest.approx(0.0, abs=0.02)
    assert moved.versions[0].drift_psi is not None
    assert moved.versions[0].drift_psi > 1.0


def test_agreement_counts_rows_that_both_answered(reference: Reference) -> None:
    pairs = pair_batch([0.9, 0.9, 0.1, float("nan")], [0.8, 0.2, 0.3, 0.3])
    (found,) = assessed(reference, [], [pairs]).agreements
    assert (found.challenger, found.rows) == (2, 3)
    assert found.agreement_ratio == pytest.approx(2 / 3)
    assert found.mean_absolute_difference == pytest.approx((0.1 + 0.7 + 0.2) / 3)


def test_after_a_promotion_agreement_is_with_the_new_main(reference: Reference) -> None:
    before = pair_batch([0.9], [0.1], main=1, challenger=2)
    after = pair_batch([0.9], [0.9], main=2, challenger=1)
    (found,) = assessed(reference, [], [before, after], main=2).agreements
    assert (found.challenger, found.agreement_ratio) == (1, 1.0)


def test_versions_may_order_their_classes_differently(reference: Reference) -> None:
    entry = pair_batch([0.9], [0.9])
    turned = events.Scores(
        values=events.pack([0.0]), probabilities=events.pack([0.9, 0.1]), classes=("yes", "no")
    )
    fields = {name: getattr(entry, name) for name in entry.__struct_fields__}
    swapped = events.PairBatch(**{**fields, "challenger_scores": turned})
    (found,) = assessed(reference, [], [swapped]).agreements
    assert found.agreement_ratio == 1.0


def test_numbers_agree_within_one_percent(reference: Reference) -> None:
    numbers = [events.Scores(values=events.pack(v)) for v in ([100.0, 100.0], [100.9, 102.0])]
    entry = pair_batch([0.5, 0.5], [0.5, 0.5])
    fields = {name: getattr(entry, name) for name in entry.__struct_fields__}
    scores = {"main_scores": numbers[0], "challenger_scores": numbers[1]}
    (found,) = assessed(reference, [], [events.PairBatch(**{**fields, **scores})]).agreements
    assert found.agreement_ratio == 0.5
    assert found.mean_absolute_difference == pytest.approx(np.mean([0.9, 2.0]))


def own_answers(seed: int, rows: int = 5_000) -> Baseline:
    """A model that rarely says yes, whatever its training labels were."""
    yes = np.random.default_rng(seed).beta(1.0, 9.0, rows)
    values = (yes > 0.5).astype(float)
    return Baseline(
        sample=BaselineSample.EVALUATION,
        values=values,
        probabilities=np.column_stack([1 - yes, yes]),
        labels=np.full(rows, np.nan),
        classes=2,
        names=("no", "yes"),
    )


def test_answers_are_held_against_the_version_s_own_on_its_baseline(reference: Reference) -> None:
    yes = np.random.default_rng(9).beta(1.0, 9.0, 5_000).tolist()
    entry = prediction_batch(sample(5_000), probabilities=yes)
    against_labels = assessed(reference, [entry]).versions[0].drift_psi
    against_own = assessed(reference, [entry], baselines={1: own_answers(1)}).versions[0].drift_psi
    moved = prediction_batch(sample(500), probabilities=(0.3 + 0.7 * np.array(yes[:500])).tolist())
    drifted = assessed(reference, [moved], baselines={1: own_answers(1)}).versions[0].drift_psi
    assert against_labels is not None
    assert against_own is not None
    assert drifted is not None
    assert against_labels > 0.2
    assert abs(against_own) < 0.02
    assert drifted > 0.5


def test_without_probabilities_the_shares_of_classes_are_compared(reference: Reference) -> None:
    quiet = [0.9 if row % 20 == 0 else 0.1 for row in range(1_000)]
    values = np.array([1.0 if row % 20 == 0 else 0.0 for row in range(1_000)])
    known = replace(own_answers(1), values=values, probabilities=None, classes=3)
    known = replace(known, names=("no", "yes", "perhaps"))
    entry = prediction_batch(sample(1_000), probabilities=quiet)
    found = assessed(reference, [entry], baselines={1: known}).versions[0].drift_psi
    assert found == pytest.approx(0.0, abs=0.01)
    nameless = replace(known, names=())
    labels = assessed(reference, [entry]).versions[0].drift_psi
    assert assessed(reference, [entry], baselines={1: nameless}).versions[0].drift_psi == labels
