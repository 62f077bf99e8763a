"""Coverage, lag, and what labelling selects."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from services.monitor.domain.outcomes.coverage import coverage, lag_quantile
from services.monitor.domain.outcomes.facts import Standing
from services.monitor.domain.outcomes.selection import select
from services.monitor.domain.outcomes.tallies import LAG_EDGES_SECONDS
from services.monitor.domain.statistics.selection import (
    bands,
    in_bands,
    log_mean,
    log_selection_evidence,
)
from tests.fakes.labelled_rows import DAY, NUMBER, START, Rows, binary_rows, viewpoint
from understudy.contracts.monitor import CoverageView
from understudy.profiles.arrays import Floats

STANDING = Standing(parked=4, corrected=2, duplicates=1, refused=5, expired=6)


def selected(rows: Rows, chance: Callable[[Floats], Floats], seed: int = 9) -> Rows:
    rng = np.random.default_rng(seed)
    kept = rng.random(rows.at.size) < chance(rows.probabilities[1][:, 1])
    return replace(rows, labels=np.where(kept, rows.labels, np.nan))


def test_shares_and_lags_by_version_day_and_class() -> None:
    rows = replace(binary_rows(4_000, labelled=0.25), lag=300.0)
    found = coverage(viewpoint(), rows.cohorts(), STANDING)
    there = np.isfinite(rows.labels)
    assert found.versions["1"].answered == 4_000
    assert found.versions["1"].labelled == there.sum()
    assert found.versions["1"].coverage_ratio == pytest.approx(there.mean())
    assert found.versions["1"].lag_p50_seconds == pytest.approx(60 + 0.5 * 540)
    days = np.floor((rows.at - START) / DAY)
    assert [day.answered for day in found.days.values()] == np.bincount(days.astype(int)).tolist()
    assert [*found.days] == ["2024-10-04", "2024-10-05", "2024-10-06"]
    yes = rows.values[1] == 1
    assert found.predicted_classes["yes"].answered == yes.sum()
    assert found.predicted_classes["yes"].labelled == (yes & there).sum()
    assert found.label_shares["yes"] == pytest.approx(rows.labels[there].mean())
    assert (found.parked, found.corrected, found.duplicates) == (4, 2, 1)
    assert (found.refused, found.expired) == (5, 6)
    assert found.label_mean is None
    assert CoverageView.model_validate(found, from_attributes=True).score_edges[0] == 0.0


def test_a_regression_s_labels_have_a_mean_and_a_variance() -> None:
    true = np.random.default_rng(1).normal(500.0, 7.0, 3_000)
    rows = Rows(NUMBER, START + np.arange(3_000.0), true, {1: true})
    found = coverage(viewpoint(NUMBER), rows.cohorts(), STANDING)
    assert found.label_mean == pytest.approx(true.mean(), abs=1e-4)
    assert found.label_variance == pytest.approx(true.var(), abs=1e-2)
    assert found.score_deciles == ()
    assert found.label_shares == {}


def test_the_quantile_of_a_lag_is_interpolated() -> None:
    lag = np.zeros(len(LAG_EDGES_SECONDS) + 1, dtype=np.int64)
    assert lag_quantile(lag, 0.5) is None
    lag[0] = 10
    assert lag_quantile(lag, 0.5) == pytest.approx(0.5)
    lag[-1] = 100
    assert lag_quantile(lag, 0.95) == LAG_EDGES_SECONDS[-1]


def test_labels_that_come_at_random_raise_no_warning() -> None:
    rows = selected(binary_rows(20_000), lambda chances: np.full(chances.size, 0.3))
    found = coverage(viewpoint(), rows.cohorts(), STANDING)
    assert found.selection_warning is None
    assert len(found.score_deciles) == 10
    assert len(found.score_edges) == 11
    assert sum(decile.answered for decile in found.score_deciles) == 20_000


def test_labels_that_come_for_high_scores_raise_one_that_says_so() -> None:
    rows = selected(binary_rows(20_000), lambda chances: np.where(chances > 0.8, 0.6, 0.3))
    warning = coverage(viewpoint(), rows.cohorts(), STANDING).selection_warning
    assert warning is not None
    assert "1.00" in warning
    assert "of all" in warning


def test_few_answers_have_no_deciles() -> None:
    found = coverage(viewpoint(), binary_rows(900).cohorts(), STANDING)
    assert (found.score_deciles, found.selection_warning) == ((), None)
    assert select([]) is None


def test_rows_of_another_main_or_not_matured_are_not_looked_at() -> None:
    rows = selected(binary_rows(20_000), lambda chances: np.where(chances > 0.8, 0.6, 0.3))
    view = viewpoint()
    assert coverage(replace(view, main=7), rows.cohorts(), STANDING).score_deciles == ()
    early = replace(view, now=START + DAY)
    assert coverage(early, rows.cohorts(), STANDING).score_deciles == ()


def test_evidence_is_fair_on_average() -> None:
    rng = np.random.default_rng(4)
    answered = np.array([[40, 10, 50], [5, 80, 15]])
    runs = []
    for _ in range(2_000):
        drawn = [rng.multivariate_hypergeometric(rows, 30) for rows in answered]
        runs.append(float(log_mean(log_selection_evidence(answered, np.array(drawn)))))
    assert np.exp(runs).mean() <= 1.05


def test_bands_hold_equally_many_where_they_can() -> None:
    flat = np.full(100, 7)
    cuts = bands(flat, 10)
    assert cuts.tolist() == list(range(10, 100, 10))
    assert in_bands(flat, cuts).tolist() == [70] * 10
    lumped = np.zeros(100, dtype=np.int64)
    lumped[3] = 1_000
    lumped[99] = 1
    assert in_bands(lumped, bands(lumped, 10)).tolist() == [1_000, 1]
    assert in_bands(lumped[None], np.array([100])).tolist() == [[1_001]]
