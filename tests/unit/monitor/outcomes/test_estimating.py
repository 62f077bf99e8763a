"""Expected quality: right while P(label | row) holds, wrong once it does not, and it says so."""

from dataclasses import replace

import numpy as np
import pytest

from services.monitor.domain.outcomes.baseline import Baseline
from services.monitor.domain.outcomes.estimating import Expectation, expect
from services.monitor.domain.outcomes.quality import quality
from tests.fakes.labelled_rows import BINARY, START, THREE, Rows, viewpoint
from understudy.contracts.vocabulary import BaselineSample
from understudy.profiles.arrays import Floats


def chances_of(rows: Floats) -> Floats:
    return np.asarray(1 / (1 + np.exp(-rows)))


def numbers(flags: object) -> Floats:
    return np.asarray(flags, dtype=np.float64)


def answered(rng: np.random.Generator, count: int, centre: float, flip: float = 0.0) -> Rows:
    """Rows about a centre; the model is overconfident, some labels are flipped."""
    rows = rng.normal(centre, 1.5, count)
    labels = numbers(rng.random(count) < chances_of(rows))
    labels = np.where(rng.random(count) < flip, 1 - labels, labels)
    said = chances_of(2 * rows)
    return Rows(
        BINARY,
        START + np.arange(float(count)),
        labels,
        {1: numbers(said >= 0.5)},
        {1: np.column_stack([1 - said, said])},
    )


def baseline_of(rows: Rows, sample: BaselineSample = BaselineSample.EVALUATION) -> Baseline:
    return Baseline(
        sample, rows.values[1], rows.probabilities[1], rows.labels, len(rows.target.classes)
    )


@pytest.fixture
def expected() -> Expectation:
    found = expect(baseline_of(answered(np.random.default_rng(1), 20_000, -0.5)))
    assert found is not None
    return found


@pytest.mark.parametrize("seed", range(3))
def test_under_another_mix_of_rows_the_estimate_holds(expected: Expectation, seed: int) -> None:
    live = answered(np.random.default_rng(100 + seed), 20_000, 0.8)
    [main] = quality(viewpoint(), live.cohorts(), {1: expected}).matured
    assert main.estimated.keys() == main.metrics.keys() - {
        "pr_auc",
        "log_loss",
        "calibration_error",
    }
    for name, figure in main.estimated.items():
        assert figure.value == pytest.approx(main.metrics[name].value, abs=0.015), name
    assert main.estimated_assumes is not None
    assert "P(label | row)" in main.estimated_assumes
    assert "optimistic" not in main.estimated_assumes


def test_under_another_meaning_of_rows_it_is_wrong(expected: Expectation) -> None:
    live = answered(np.random.default_rng(7), 20_000, -0.5, flip=0.3)
    [main] = quality(viewpoint(), live.cohorts(), {1: expected}).matured
    gap = main.estimated["accuracy"].value - main.metrics["accuracy"].value
    assert gap > 0.1


def test_the_interval_holds_the_realised_figure_mostly(expected: Expectation) -> None:
    held = 0
    for seed in range(40):
        live = answered(np.random.default_rng(200 + seed), 1_000, 0.5)
        [main] = quality(viewpoint(), live.cohorts(), {1: expected}).matured
        figure, realised = main.estimated["accuracy"], main.metrics["accuracy"].value
        assert figure.low is not None
        assert figure.high is not None
        held += figure.low <= realised <= figure.high
    assert held >= 35


def test_no_labels_are_needed(expected: Expectation) -> None:
    live = answered(np.random.default_rng(9), 500, 0.0)
    blind = replace(live, labels=np.full(500, np.nan))
    with_labels = quality(viewpoint(), live.cohorts(), {1: expected}).matured[0]
    without = quality(viewpoint(), blind.cohorts(), {1: expected}).matured[0]
    assert without.metrics == {}
    assert without.estimated == with_labels.estimated


def test_three_classes_are_estimated_from_the_answer_s_own_probability() -> None:
    rng = np.random.default_rng(3)

    def rows(count: int, weights: list[float]) -> Rows:
        chances = rng.dirichlet(weights, count)
        above = rng.random(count)[:, None] > chances.cumsum(axis=1)
        labels = numbers(above.sum(axis=1).clip(0, 2))
        sharp = chances**2 / (chances**2).sum(axis=1, keepdims=True)
        at = START + np.arange(float(count))
        return Rows(THREE, at, labels, {1: numbers(chances.argmax(axis=1))}, {1: sharp})

    found = expect(baseline_of(rows(30_000, [1.0, 1.0, 1.0])))
    assert found is not None
    [main] = quality(viewpoint(THREE), rows(20_000, [0.6, 1.0, 1.4]).cohorts(), {1: found}).matured
    assert set(main.estimated) == {"accuracy", "balanced_accuracy", "precision", "recall", "f1"}
    assert main.estimated["accuracy"].value == pytest.approx(
        main.metrics["accuracy"].value, abs=0.015
    )


def test_weights_make_up_for_a_score_that_means_another_thing_elsewhere() -> None:
    rng = np.random.default_rng(11)

    def rows(count: int, share: float) -> tuple[Rows, Floats]:
        """A model that knows half of what there is to know."""
        hidden, seen = numbers(rng.random(count) < share), rng.normal(0.0, 1.0, count)
        labels = numbers(rng.random(count) < chances_of(seen + 3 * hidden - 1.5))
        said = chances_of(seen)
        at = START + np.arange(float(count))
        answers = {1: numbers(said >= 0.5)}
        return Rows(BINARY, at, labels, answers, {1: np.column_stack([1 - said, said])}), hidden

    base, hidden = rows(40_000, 0.5)
    live, _ = rows(40_000, 0.9)
    plain = expect(baseline_of(base))
    weighed = expect(baseline_of(base), np.where(hidden == 1, 0.9 / 0.5, 0.1 / 0.5))
    assert plain is not None
    assert weighed is not None
    truth = quality(viewpoint(), live.cohorts(), {}).matured[0].metrics["precision"].value
    [found] = quality(viewpoint(), live.cohorts(), {1: weighed}).matured
    [naive] = quality(viewpoint(), live.cohorts(), {1: plain}).matured
    assert found.estimated["precision"].value == pytest.approx(truth, abs=0.015)
    assert abs(naive.estimated["precision"].value - truth) > 0.05
    assert "weighed" in weighed.assumes


def test_a_baseline_that_was_trained_on_is_called_optimistic() -> None:
    rows = answered(np.random.default_rng(1), 1_000, 0.0)
    found = expect(baseline_of(rows, BaselineSample.REFERENCE))
    assert found is not None
    assert "optimistic" in found.assumes


def test_what_can_t_be_calibrated_has_no_estimate() -> None:
    rows = answered(np.random.default_rng(1), 1_000, 0.0)
    known = baseline_of(rows)
    assert expect(replace(known, labels=np.full(1_000, np.nan))) is None
    assert expect(replace(known, probabilities=None)) is None
    assert expect(replace(known, classes=0)) is None


def test_expected_errors_are_one_less_expected_accuracy(expected: Expectation) -> None:
    live = answered(np.random.default_rng(5), 3_000, 0.0)
    [tally] = live.cohorts().values()
    counts = tally.versions[1].classes
    assert counts is not None
    wrong = expected.errors(counts.answered_scores) / 3_000
    assert wrong == pytest.approx(1 - expected.estimate(counts)["accuracy"].value)
