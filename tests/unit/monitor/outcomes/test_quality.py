"""Quality from tallies, against scikit-learn on the raw rows."""

from dataclasses import replace

import numpy as np
import pytest
from sklearn import metrics

from services.monitor.domain.outcomes.quality import quality
from services.monitor.domain.outcomes.readings import Metrics
from services.monitor.domain.outcomes.summing import by_version, summed_versions
from services.monitor.domain.outcomes.viewpoint import moment
from tests.fakes.labelled_rows import (
    BINARY,
    DAY,
    NUMBER,
    START,
    THREE,
    Rows,
    binary_rows,
    terms,
    viewpoint,
)
from understudy.contracts.monitor import QualityView
from understudy.contracts.vocabulary import Role


def values(found: Metrics) -> dict[str, float]:
    return {name: interval.value for name, interval in found.items()}


def inside(found: Metrics) -> bool:
    return all(
        part.low is None or part.high is None or part.low <= part.value <= part.high
        for part in found.values()
    )


def test_a_binary_classifier_s_figures_are_scikit_learn_s() -> None:
    rows = binary_rows(20_000)
    [main] = quality(viewpoint(), rows.cohorts(), {}).matured
    true, said, chances = rows.labels, rows.values[1], rows.probabilities[1][:, 1]
    found = values(main.metrics)
    assert (main.version, main.role, main.rows, main.labelled) == (1, Role.MAIN, 20_000, 20_000)
    exact = {
        "accuracy": metrics.accuracy_score(true, said),
        "balanced_accuracy": metrics.balanced_accuracy_score(true, said),
        "precision": metrics.precision_score(true, said),
        "recall": metrics.recall_score(true, said),
        "f1": metrics.f1_score(true, said),
        "brier": metrics.brier_score_loss(true, chances),
        "log_loss": metrics.log_loss(true, chances),
    }
    for name, wanted in exact.items():
        assert found.pop(name) == pytest.approx(wanted, abs=1e-6), name
    assert found["roc_auc"] == pytest.approx(metrics.roc_auc_score(true, chances), abs=2e-4)
    assert found["pr_auc"] == pytest.approx(
        metrics.average_precision_score(true, chances), abs=2e-3
    )
    assert found["calibration_error"] < 0.02
    assert inside(main.metrics)
    assert main.by_class == {}


def test_a_classifier_of_three_is_averaged_over_its_classes() -> None:
    rng = np.random.default_rng(3)
    chances = rng.dirichlet([1.0, 1.0, 1.0], 9_000)
    labels = (rng.random(9_000)[:, None] > chances.cumsum(axis=1)).sum(axis=1).clip(0, 2) * 1.0
    said = chances.argmax(axis=1) * 1.0
    at = START + np.arange(9_000.0)
    rows = Rows(THREE, at, labels, {1: said}, {1: chances})
    [main] = quality(viewpoint(THREE), rows.cohorts(), {}).all_labelled
    found = values(main.metrics)
    wanted = {
        "precision": metrics.precision_score(labels, said, average="macro"),
        "f1": metrics.f1_score(labels, said, average="macro"),
        "log_loss": metrics.log_loss(labels, chances),
        "brier": metrics.brier_score_loss(labels, chances, scale_by_half=True, labels=[0, 1, 2]),
    }
    for name, value in wanted.items():
        assert found[name] == pytest.approx(value, abs=1e-6), name
    area = metrics.roc_auc_score(labels, chances, multi_class="ovr")
    assert found["roc_auc"] == pytest.approx(area, abs=1e-3)
    assert inside(main.metrics)
    per_class = metrics.f1_score(labels, said, average=None)
    assert [main.by_class[name]["f1"].value for name in "abc"] == pytest.approx(per_class)


def test_a_regression_s_figures_are_scikit_learn_s() -> None:
    rng = np.random.default_rng(5)
    true = rng.normal(1_000.0, 10.0, 5_000)
    said = true + rng.normal(1.0, 4.0, 5_000)
    rows = Rows(NUMBER, START + np.arange(5_000.0), true, {1: said})
    [main] = quality(viewpoint(NUMBER), rows.cohorts(), {}).matured
    wanted = {
        "bias": float((said - true).mean()),
        "mae": metrics.mean_absolute_error(true, said),
        "rmse": metrics.root_mean_squared_error(true, said),
        "r2": metrics.r2_score(true, said),
        **{
            f"pinball_{tau}": metrics.mean_pinball_loss(true, said, alpha=tau / 100)
            for tau in (10, 50, 90)
        },
    }
    assert values(main.metrics) == pytest.approx(wanted, abs=1e-4)
    assert inside(main.metrics)


def test_numbers_of_different_scales_add_in_the_target_s_units() -> None:
    rng = np.random.default_rng(6)
    true = rng.normal(0.0, 10.0, 400)
    said = true + rng.normal(0.0, 4.0, 400)
    at = START + np.arange(400.0)
    other = terms(NUMBER, deviation=3.0)
    halves = [
        Rows(NUMBER, at[half], true[half], {1: said[half]}, terms=held).cohorts()
        for half, held in ((slice(0, 150), None), (slice(150, 400), other))
    ]
    cohorts = {**halves[0], **halves[1]}
    [main] = quality(viewpoint(NUMBER, known=[other]), cohorts, {}).matured
    assert main.metrics["mae"].value == pytest.approx(np.abs(said - true).mean(), abs=1e-4)
    assert main.metrics["r2"].value == pytest.approx(metrics.r2_score(true, said), abs=1e-4)
    [main] = quality(viewpoint(NUMBER), cohorts, {}).matured
    assert main.metrics["mae"].value == pytest.approx(np.abs(said - true)[:150].mean(), abs=1e-4)


def test_only_matured_cohorts_count_and_days_stand_alone() -> None:
    rows = binary_rows(3_000, days=3.0, labelled=0.5)
    found = quality(viewpoint(now=START + 3 * DAY), rows.cohorts(), {})
    [matured], [everything] = found.matured, found.all_labelled
    before = rows.at < START + 2 * DAY
    assert matured.rows == before.sum()
    assert matured.labelled == (before & np.isfinite(rows.labels)).sum()
    assert everything.rows == 3_000
    assert [day.matured for day in found.days] == [True, True, False]
    assert [day.begins for day in found.days] == [moment(START + n * DAY) for n in range(3)]
    assert sum(day.versions[0].labelled for day in found.days) == everything.labelled


def test_the_main_comes_first_and_its_challenger_has_its_own_figures() -> None:
    rows = binary_rows(500)
    other = np.zeros(500)
    rows = replace(rows, values={1: rows.values[1], 0: other}, probabilities=rows.probabilities)
    found = quality(viewpoint(challengers=(0,)), rows.cohorts(), {}).matured
    assert [(one.version, one.role) for one in found] == [(1, Role.MAIN), (0, Role.CHALLENGER)]
    assert "precision" not in found[1].metrics
    assert "brier" not in found[1].metrics
    assert found[1].metrics["accuracy"].value == pytest.approx((rows.labels == 0).mean())


def test_without_labels_there_are_rows_and_no_figures() -> None:
    rows = binary_rows(50, labelled=0.0)
    [main] = quality(viewpoint(), rows.cohorts(), {}).matured
    assert (main.rows, main.labelled, main.metrics) == (50, 0, {})
    found = quality(viewpoint(), {}, {})
    assert (found.matured, found.days) == ((), ())


@pytest.mark.parametrize("target", [BINARY, THREE, NUMBER])
def test_many_at_once_add_like_one_by_one(target: object) -> None:
    rows = binary_rows(2_000)
    if target is NUMBER:
        rows = replace(rows, target=NUMBER, probabilities={})
    cohorts = rows.cohorts()
    parts = [held.versions[1] for held in cohorts.values()]
    one = parts[0]
    for part in parts[1:]:
        one += part
    many = summed_versions(parts)
    assert many.losses == one.losses
    assert many.lag.tolist() == one.lag.tolist()
    assert many.numbers == one.numbers
    if one.classes is not None and many.classes is not None:
        assert many.classes.brier == one.classes.brier
        assert many.classes.scores.tolist() == one.classes.scores.tolist()
    assert by_version(cohorts)[1].keys() == {next(iter(cohorts)).terms}


def test_the_body_carries_the_same_members() -> None:
    view = quality(viewpoint(), binary_rows(100).cohorts(), {})
    body = QualityView.model_validate(view, from_attributes=True)
    assert body.matured[0].metrics["accuracy"].value == view.matured[0].metrics["accuracy"].value
