"""What a model says is held to what an answer is, the same for one row and for many."""

import numpy as np
import pytest

from understudy.inference.errors import UnfitModelError
from understudy.inference.scored import Scored
from understudy.inference.validity import check_answers, faults

NAN, INFINITE = float("nan"), float("inf")
MANY = 100


def scored(value: float, *likely: float, rows: int = 1) -> Scored:
    """The last row answers so; others answer class 0, for sure."""
    values = np.zeros(rows)
    values[-1] = value
    if not likely:
        return Scored(values)
    found = np.zeros((rows, len(likely)))
    found[:, 0] = 1.0
    found[-1] = likely
    return Scored(values, found)


@pytest.mark.parametrize("rows", [1, MANY])
@pytest.mark.parametrize(
    ("value", "likely", "reason"),
    [
        (NAN, (0.5, 0.5), "class"),
        (2.0, (0.5, 0.5), "class"),
        (-1.0, (0.5, 0.5), "class"),
        (0.5, (0.5, 0.5), "class"),
        (1.0, (NAN, 0.5), "not finite"),
        (1.0, (INFINITE, 0.5), "not finite"),
        (1.0, (-0.1, 1.1), "outside 0 to 1"),
        (1.0, (0.5, 0.5001), "sum is not 1"),
        (1.0, (0.0, 0.0), "sum is not 1"),
    ],
)
def test_what_is_no_answer_of_a_classifier_is_named(
    rows: int, value: float, likely: tuple[float, ...], reason: str
) -> None:
    answer = scored(value, *likely, rows=rows)
    with pytest.raises(UnfitModelError, match=reason):
        check_answers(answer, rows, 2)
    (wrong, _), *_ = faults(answer, 2)
    assert wrong.tolist() == [False] * (rows - 1) + [True]


@pytest.mark.parametrize("rows", [1, MANY])
@pytest.mark.parametrize("likely", [(), (0.25, 0.75), (5e-7, 1.0), (-5e-7, 1.0), (0.1, 0.9)])
def test_answers_of_a_classifier(rows: int, likely: tuple[float, ...]) -> None:
    answer = scored(1.0, *likely, rows=rows)
    check_answers(answer, rows, 2)
    assert not faults(answer, 2)


@pytest.mark.parametrize("rows", [1, MANY])
def test_numbers_must_be_finite(rows: int) -> None:
    check_answers(scored(-1e300, rows=rows), rows, 0)
    for value in (NAN, INFINITE):
        with pytest.raises(UnfitModelError, match="not finite"):
            check_answers(scored(value, rows=rows), rows, 0)


def test_there_is_an_answer_for_each_row() -> None:
    with pytest.raises(UnfitModelError, match="shape"):
        check_answers(scored(0.0), 2, 2)
    with pytest.raises(UnfitModelError, match="shape"):
        check_answers(scored(0.0, 0.5, 0.25, 0.25), 1, 2)


def test_many_classes_in_single_precision_add_up() -> None:
    likely = np.random.default_rng(0).dirichlet(np.ones(1_000), 50).astype(np.float32)
    answer = Scored(np.zeros(50), likely.astype(np.float64))
    check_answers(answer, 50, 1_000)
    assert not faults(answer, 1_000)
