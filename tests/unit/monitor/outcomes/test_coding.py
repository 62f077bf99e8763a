"""Labels and answers in the signature's terms."""

import numpy as np
import pytest

from services.monitor.domain.outcomes.coding import Codes
from services.monitor.domain.rows import Responses
from understudy.contracts.signature import Target
from understudy.contracts.vocabulary import Label, Task

PRICE = Target("price", Task.REGRESSION)


def of(*classes: Label) -> Codes:
    return Codes(Target("y", Task.CLASSIFICATION, classes=classes))


@pytest.mark.parametrize(
    ("classes", "label", "expected"),
    [
        ((0, 1), 1, 1.0),
        ((0, 1), 1.0, 1.0),
        ((0, 1), "1", 1.0),
        ((0, 1), True, None),
        ((False, True), True, 1.0),
        ((False, True), "true", 1.0),
        ((False, True), 1, None),
        ((1, "1", True), True, 2.0),
        ((1, "1", True), "1", 1.0),
        (("no", "yes"), "Yes", None),
    ],
)
def test_classes_are_matched_by_type_then_number_then_name(
    classes: tuple[Label, ...], label: Label, expected: float | None
) -> None:
    assert of(*classes).label(label) == expected


@pytest.mark.parametrize(
    ("label", "expected"),
    [(3, 3.0), (2.5, 2.5), (True, None), ("3", None), (float("inf"), None), (10**400, None)],
)
def test_numbers(label: Label, expected: float | None) -> None:
    assert Codes(PRICE).label(label) == expected


def test_columns_are_put_in_the_signatures_order() -> None:
    given = Responses(np.array([0.0, np.nan]), np.array([[0.7, 0.3], [0.5, 0.5]]), ("yes", "no"))
    found = of("no", "yes").answers(given)
    assert found.values.tolist()[0] == 1.0
    assert found.answered.tolist() == [True, False]
    assert found.probabilities is not None
    assert found.probabilities[0].tolist() == [0.3, 0.7]


@pytest.mark.parametrize("chances", [[0.5, np.nan], [0.9, 0.9], [1.5, -0.5], [np.inf, 0.0]])
def test_what_is_no_probability_is_no_answer(chances: list[float]) -> None:
    found = of("no", "yes").answers(Responses(np.array([1.0]), np.array([chances]), ("no", "yes")))
    assert not found.answered.any()


def test_an_unknown_class_is_no_answer() -> None:
    found = of("no", "yes").answers(Responses(np.array([0.0, 1.0]), None, ("perhaps", "yes")))
    assert found.answered.tolist() == [False, True]


def test_what_is_not_finite_is_no_answer() -> None:
    assert Codes(PRICE).answers(Responses(np.array([1.0, np.inf]))).answered.tolist() == [
        True,
        False,
    ]
