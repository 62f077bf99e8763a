import pytest

from services.serving.domain.labels import label_problem, observation_problem
from tests.fakes.serving import FLOWERS, LOANS
from understudy.contracts.signature import Target
from understudy.contracts.vocabulary import Label, Task

PRICE = Target("price", Task.REGRESSION)


@pytest.mark.parametrize(
    ("target", "label"),
    [
        (FLOWERS.target, "setosa"),
        (LOANS.target, 1),
        (PRICE, 1),
        (PRICE, 1.5),
        (PRICE, 1e300),
        (PRICE, 2**63 - 1),
        (PRICE, -(2**63)),
    ],
)
def test_labels_that_can_be_true(target: Target, label: Label) -> None:
    assert label_problem(target, "id", label) is None


@pytest.mark.parametrize(
    ("target", "label"),
    [
        (FLOWERS.target, "rose"),
        (LOANS.target, "1"),
        (LOANS.target, True),
        (PRICE, True),
        (PRICE, "1"),
        (PRICE, float("inf")),
        (PRICE, 2**63),
        (PRICE, -(2**63) - 1),
        (PRICE, 10**400),
    ],
)
def test_labels_that_can_not(target: Target, label: Label) -> None:
    assert label_problem(target, "id", label) is not None


def test_a_label_needs_a_well_formed_id() -> None:
    assert "prediction_id" in str(label_problem(PRICE, "a b", 1.0))


@pytest.mark.parametrize("observed", [None, 0.0, 1e9 + 86_400])
def test_outcomes_are_seen_by_now(observed: float | None) -> None:
    assert observation_problem(observed, 1e9) is None


@pytest.mark.parametrize("observed", [-1.0, 1e9 + 86_401, 2.5e11])
def test_outcomes_are_not_seen_in_the_future(observed: float) -> None:
    assert (observation_problem(observed, 1e9) or "").startswith("observed_at: ")
