"""What counts as reproduced, and what does not."""

import numpy as np
import pytest

from understudy.inference.parity import Answers
from understudy.inference.rows import Rows
from understudy.replaying.auditing import audit
from understudy.replaying.history import Past

YES = [0.9, 0.2, 0.7]


def past(yes: list[float]) -> Past:
    found = np.array(yes)
    return Past(
        ids=[f"p{row}" for row in range(found.size)],
        rows=Rows(np.zeros((found.size, 1)), ()),
        values=np.where(np.isnan(found), np.nan, (found > 0.5).astype(float)),
        probabilities=np.stack([1 - found, found], axis=1),
        elsewhere=2,
    )


def said(yes: list[float]) -> Answers:
    held = past(yes)
    return Answers(np.isnan(held.values), held.values, held.probabilities)


def numbers(values: list[float]) -> tuple[Past, Answers]:
    found = np.array(values)
    rows = Rows(np.zeros((found.size, 1)), ())
    names = [str(row) for row in range(found.size)]
    return Past(names, rows, found, None, 0), Answers(np.isnan(found), found, None)


def test_the_same_answers_are_reproduced() -> None:
    found = audit(past(YES), said(YES), None, 0.0)
    assert (found.rows, found.by_original, found.mismatches, found.worst) == (3, 3, 0, 0.0)
    assert found.elsewhere == 2


def test_a_small_difference_is_a_mismatch_of_the_same_runner() -> None:
    found = audit(past(YES), said([0.9, 0.2 + 1e-6, 0.7]), None, 0.0)
    assert (found.by_original, found.mismatches) == (2, 1)
    (named,) = found.first
    assert (named.prediction_id, round((named.difference or 0.0) * 1e6, 3)) == ("p1", 1.0)


def test_a_twin_may_differ_by_what_it_was_allowed() -> None:
    stored = past([0.9, 0.2 + 1e-6, 0.7 + 1e-3])
    found = audit(stored, said(YES), said([0.9, 0.2 + 1e-6, 0.7]), 1e-5)
    assert (found.by_original, found.by_twin, found.mismatches) == (1, 1, 1)
    assert found.worst == pytest.approx(1e-3)


def test_another_class_is_no_difference_that_can_be_told() -> None:
    found = audit(past([0.9]), said([0.1]), None, 0.0)
    assert (found.mismatches, found.first[0].difference) == (1, None)


def test_a_tie_is_decided_by_rounding() -> None:
    stored, twin = past([0.5 + 2e-7]), said([0.5 - 2e-7])
    assert audit(stored, twin, twin, 1e-6).mismatches == 0
    assert audit(stored, twin, None, 0.0).mismatches == 1


def test_failures_are_reproduced_by_failures() -> None:
    nan = float("nan")
    assert audit(past([nan]), said([nan]), None, 0.0).mismatches == 0
    assert audit(past([nan]), said([0.3]), None, 0.0).mismatches == 1
    assert audit(past([0.3]), said([nan]), None, 0.0).mismatches == 1


def test_numbers_differ_relative_to_themselves() -> None:
    stored, _ = numbers([1e6, 0.0])
    _, near = numbers([1e6 + 1e-4, 1e-10])
    _, far = numbers([1e6 + 1.0, 1e-3])
    assert audit(stored, near, None, 0.0).mismatches == 0
    assert audit(stored, far, None, 0.0).mismatches == 2


def test_only_the_first_mismatches_are_named() -> None:
    found = audit(past([0.9] * 50), said([0.1] * 50), None, 0.0)
    assert (found.mismatches, len(found.first)) == (50, 20)
