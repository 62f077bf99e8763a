"""Tallies against the same counted row by row, and by hand."""

import math

import numpy as np
import pytest

from services.monitor.domain.deciding.terms import Terms, resolve
from services.monitor.domain.outcomes.facts import Answers, JoinedRows
from services.monitor.domain.outcomes.losses import losses
from services.monitor.domain.outcomes.tallies import FIXED_POINT, CohortTally
from services.monitor.domain.outcomes.tallying import tally
from understudy.contracts.judging import ComparisonTerms
from understudy.contracts.signature import Target
from understudy.contracts.vocabulary import LossName, Task

BINARY = Target("bad", Task.CLASSIFICATION, classes=(False, True))
THREE = Target("kind", Task.CLASSIFICATION, classes=("a", "b", "c"))
PRICE = Target("price", Task.REGRESSION)
NAN = math.nan


def terms_of(target: Target, loss: LossName | None = None, deviation: float = 2.0) -> Terms:
    return resolve(ComparisonTerms(loss), target, deviation)


def answers(values: list[float], chances: list[list[float]] | None = None) -> Answers:
    given = None if chances is None else np.array(chances)
    return Answers(np.array(values), given, np.ones(len(values), dtype=bool))


def joined(
    target: Target,
    by: dict[int, Answers],
    labels: list[float],
    loss: LossName | None = None,
    at: list[float] | None = None,
) -> JoinedRows:
    rows = len(labels)
    times = np.zeros(rows) if at is None else np.array(at)
    return JoinedRows(
        main=1,
        release=1,
        terms=terms_of(target, loss),
        target=target,
        ids=[str(row) for row in range(rows)],
        at=times,
        answers=by,
        labels=np.array(labels),
        received_at=times + 30.0,
        protected={0: {"sex": "f"}, 2: {"sex": "m", "age": "old"}},
    )


def only(rows: JoinedRows) -> CohortTally:
    (found,) = tally(rows).values()
    return found


@pytest.mark.parametrize(
    ("loss", "expected"),
    [
        (LossName.BRIER, 0.5 * (0.2**2 + 0.5**2 + 0.3**2)),
        (LossName.LOG_LOSS, -math.log(0.5)),
        (LossName.ZERO_ONE, 0.0),
        (LossName.ABSOLUTE, 0.0),
    ],
)
def test_losses_of_classes(loss: LossName, expected: float) -> None:
    said = answers([1.0], [[0.2, 0.5, 0.3]])
    found = losses(said, np.array([1.0]), THREE, terms_of(THREE, loss))
    assert found == pytest.approx([expected])


def test_without_probabilities_a_classifier_is_certain() -> None:
    said, labels = answers([1.0, 1.0]), np.array([1.0, 0.0])
    assert losses(said, labels, THREE, terms_of(THREE)).tolist() == [0.0, 1.0]
    assert losses(said, labels, THREE, terms_of(THREE, LossName.LOG_LOSS)).tolist() == [0.0, 4.0]


def test_losses_of_numbers_stay_numbers() -> None:
    said, labels = answers([1.0, 1e300, NAN]), np.array([4.0, -1e300, 1.0])
    assert losses(said, labels, PRICE, terms_of(PRICE)).tolist()[:2] == [3.0, 2e300]
    squared = losses(said, labels, PRICE, terms_of(PRICE, LossName.SQUARED))
    assert squared.tolist()[:2] == [9.0, float(np.finfo(np.float64).max)]
    assert np.isnan(squared[2])


def test_a_classifier_counted_by_hand() -> None:
    main = answers([1, 0, 1, NAN], [[0.2, 0.8], [0.9, 0.1], [0.0, 1.0], [NAN, NAN]])
    rival = answers([0, 0, NAN, 1])
    found = only(joined(BINARY, {1: main, 2: rival}, [1, 1, 0, 1]))
    mine, couple = found.versions[1], found.couples[2]
    assert (mine.rows, mine.failed, mine.labelled) == (3, 1, 3)
    assert mine.classes is not None
    assert mine.classes.confusion.tolist() == [[0, 1], [1, 1]]
    assert mine.classes.answered.tolist() == [1, 2]
    assert mine.classes.answered_scores[1].nonzero()[0].tolist() == [80, 99]
    assert mine.classes.scores[1, [80, 10, 99]].tolist() == [[0, 1], [0, 1], [1, 0]]
    assert mine.lag.tolist() == [0, 0, 3, *[0] * 9]
    assert mine.classes.brier == pytest.approx((0.04 + 0.81 + 1.0) * FIXED_POINT, abs=2)
    # (0.04 - 1) / 0.5 is clipped, (0.81 - 1) / 0.5; then each failed once.
    assert couple.differences.values == pytest.approx([-1.0, -0.38, 1.0], abs=1e-4)
    assert couple.differences.counts.tolist() == [2, 1, 1]
    assert (couple.clipped, couple.challenger_failed, couple.main_failed) == (1, 1, 1)
    assert dict(found.labels) == {"false": 1, "true": 3}


def test_groups_are_of_those_who_are_known() -> None:
    main = answers([1, 0, 1, NAN], [[0.2, 0.8], [0.9, 0.1], [0.0, 1.0], [NAN, NAN]])
    found = only(joined(BINARY, {1: main}, [1, 1, 0, 1])).groups
    assert sorted(found) == [(1, "age", "old"), (1, "sex", "f"), (1, "sex", "m")]
    assert found[1, "sex", "f"].true_positives == found[1, "sex", "f"].positives == 1
    assert found[1, "sex", "m"].false_positives == found[1, "sex", "m"].negatives == 1


def test_a_regression_counted_by_hand() -> None:
    found = only(joined(PRICE, {1: answers([10.0, 7.0, NAN])}, [8.0, 8.0, 1e200]))
    sums = found.versions[1].numbers
    assert sums is not None
    scaled = {name: getattr(sums, name) / FIXED_POINT for name in sums.__slots__}
    assert (scaled["error"], scaled["absolute"], scaled["squared"]) == (0.5, 1.5, 1.25)
    assert (scaled["label"], scaled["label_squares"]) == (8.0, 32.0)
    assert scaled["pinball_90"] == pytest.approx(0.1 * 1.0 + 0.9 * 0.5, abs=1e-5)
    assert found.labels["n"] == 3
    assert found.labels["squares"] > 2**80


@pytest.mark.parametrize("target", [BINARY, THREE, PRICE], ids=["binary", "multiclass", "numbers"])
def test_rows_counted_one_by_one_are_rows_counted_together(target: Target) -> None:
    rng, rows, k = np.random.default_rng(5), 60, max(1, len(target.classes))
    chances = None if target is PRICE else rng.dirichlet(np.ones(k), rows)
    values = rng.normal(size=rows) if chances is None else chances.argmax(axis=1).astype(float)
    main = Answers(np.where(rng.random(rows) < 0.1, NAN, values), chances, rng.random(rows) < 2)
    rival = Answers(values[::-1].copy(), None, rng.random(rows) < 0.5)
    drawn = rng.normal(size=rows) if chances is None else rng.integers(0, k, rows).astype(float)
    labels = np.where(rng.random(rows) < 0.3, NAN, drawn)
    at = (rng.random(rows) * 20_000.0).tolist()
    all_at_once = joined(target, {1: main, 2: rival}, labels.tolist(), at=at)
    whole = tally(all_at_once)
    assert len(whole) == 6
    for row in rng.permutation(rows):
        for cohort, part in tally(all_at_once.take(np.array([row]))).items():
            whole[cohort] -= part
    assert not any(whole.values())
