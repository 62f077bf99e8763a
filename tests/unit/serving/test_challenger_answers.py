"""What a challenger says that is no answer is an error of its own rows, and says why."""

import numpy as np
import pytest

from services.serving.adapters.scoring.answers import answer
from services.serving.adapters.scoring.models import Layout, Model
from services.serving.adapters.scoring.timing import Timing
from tests.fakes.serving import FLOWERS, LengthRunner
from understudy.contracts.events import (
    NumberColumn,
    PairBatch,
    PredictionBatch,
    Scores,
    decode_pairs,
    encode,
    pack,
    unpack,
)
from understudy.inference.rows import Rows
from understudy.inference.scored import Runner, Scored

NAN = float("nan")
CLASSES = FLOWERS.target.classes


class Fixed:
    """Answers every call with the same."""

    def __init__(self, values: list[float], likely: list[list[float]] | None) -> None:
        self._scored = Scored(np.array(values), None if likely is None else np.array(likely))

    def score(self, rows: Rows) -> Scored:
        del rows
        return self._scored


def model(version: int, runner: Runner) -> Model:
    return Model(version, FLOWERS.target, Layout(FLOWERS), runner)


def batch(*values: float) -> PredictionBatch:
    rows = len(values)
    return PredictionBatch(
        deployment="flowers",
        release=1,
        main=1,
        challengers=(2,),
        ids=[f"r{row}" for row in range(rows)],
        at=pack([0.0] * rows),
        seconds=pack([0.001] * rows),
        columns=[NumberColumn(name=name, data=pack([1.0] * rows)) for name in FLOWERS.names],
        scores=Scores(values=pack(values), classes=CLASSES),
    )


def pairs_of(runner: Runner, timing: Timing | None = None, *values: float) -> PairBatch:
    scored = answer(model(2, runner), [encode(batch(*(values or (0.0, 0.0))))], timing)
    assert scored.groups[0].failed == sum(
        outcome == "error" for outcome in decode_pairs(scored.groups[0].pairs).outcomes
    )
    return decode_pairs(scored.groups[0].pairs)


@pytest.mark.parametrize(
    ("values", "likely", "reason"),
    [
        ([0.0, NAN], [[1.0, 0.0], [1.0, 0.0]], "class"),
        ([0.0, 7.0], [[1.0, 0.0], [1.0, 0.0]], "class"),
        ([0.0, 1.0], [[1.0, 0.0], [NAN, 1.0]], "not finite"),
        ([0.0, 1.0], [[1.0, 0.0], [-0.5, 1.5]], "outside 0 to 1"),
        ([0.0, 1.0], [[1.0, 0.0], [0.5, 0.6]], "sum is not 1"),
        ([0.0, 7.0], None, "class"),
    ],
)
def test_a_row_without_an_answer_is_an_error_and_others_keep_theirs(
    values: list[float], likely: list[list[float]] | None, reason: str
) -> None:
    pairs = pairs_of(Fixed(values, likely))
    assert pairs.outcomes == ["ok", "error"]
    assert reason in str(pairs.error)
    assert np.isnan(unpack(pairs.challenger_scores.values)).tolist() == [False, True]
    if likely is not None:
        found = unpack(pairs.challenger_scores.probabilities, 2)
        assert np.isnan(found).all(axis=1).tolist() == [False, True]


@pytest.mark.parametrize(
    ("values", "likely"),
    [([0.0], [[1.0, 0.0]]), ([0.0, 0.0], [[1.0], [1.0]]), ([0.0, 0.0, 0.0], None)],
)
def test_answers_of_the_wrong_shape_are_errors(
    values: list[float], likely: list[list[float]] | None
) -> None:
    # A single answer is right where rows are asked one by one.
    pairs = pairs_of(Fixed(values, likely), None, 0.0, 0.0)
    expected = "ok" if len(values) == 1 else "error"
    assert pairs.outcomes == [expected] * 2
    assert (pairs.error is None) == (expected == "ok")


def test_rows_that_the_main_failed_on_are_answered_but_not_timed() -> None:
    timing = Timing(model(1, LengthRunner()), 1.0)
    pairs = pairs_of(LengthRunner(), timing, NAN, 0.0, NAN)
    assert pairs.outcomes == ["ok"] * 3
    assert pairs.timed == [1]
    assert np.isnan(unpack(pairs.main_scores.values)).tolist() == [True, False, True]
