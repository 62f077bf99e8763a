from dataclasses import dataclass

import numpy as np
import pytest

from understudy.inference.edges import Block
from understudy.inference.parity import Answers, answers, compared, one_by_one, parity
from understudy.inference.rows import Rows
from understudy.inference.scored import Scored

TOLERANCE = 1e-6


def asked(*numbers: float) -> Rows:
    return Rows(np.array(numbers)[:, None], ())


@dataclass(frozen=True)
class Line:
    """Answers slope · x; refuses negative numbers."""

    slope: float = 1.0

    def score(self, rows: Rows) -> Scored:
        if (rows.numbers < 0).any():
            raise ValueError("negative")
        return Scored(self.slope * rows.numbers[:, 0])


def classes(*probabilities: float, labels: tuple[int, ...] | None = None) -> Answers:
    """Of two classes; the second's probabilities."""
    second = np.array(probabilities)
    found = np.column_stack([1.0 - second, second])
    chosen = found.argmax(axis=1) if labels is None else np.array(labels)
    return Answers(np.zeros(len(second), dtype=bool), chosen.astype(np.float64), found)


def test_refused_rows_are_found_among_others() -> None:
    found = answers(Line(), asked(1.0, -1.0, 2.0, 3.0, -4.0))
    assert found.refused.tolist() == [False, True, False, False, True]
    assert found.values[~found.refused].tolist() == [1.0, 2.0, 3.0]


def test_running_out_of_memory_is_no_refusal() -> None:
    class Greedy:
        def score(self, rows: Rows) -> Scored:
            raise MemoryError(f"{len(rows)} rows")

    with pytest.raises(MemoryError):
        answers(Greedy(), asked(1.0))


def test_one_by_one_is_the_same_as_together() -> None:
    rows = asked(1.0, -1.0, 2.0)
    one, all_ = one_by_one(Line(), rows), answers(Line(), rows)
    assert np.array_equal(one.refused, all_.refused)
    assert np.array_equal(one.values, all_.values, equal_nan=True)


@pytest.mark.parametrize(
    ("slope", "objection"),
    [(1.0, None), (1.0 + 1e-7, None), (1.0 + 1e-5, "differ by 1.0e-05"), (np.nan, "refused")],
)
def test_numbers_differ_relative_to_themselves(slope: float, objection: str | None) -> None:
    rows = asked(1e9, 1.0, 3.0)
    verdict = parity(
        [answers(Line(), rows)], Line(slope), [Block("the reference sample", rows)], TOLERANCE
    )
    if objection is None:
        assert verdict.objection is None
        assert verdict.rows == 3
    else:
        assert verdict.objection is not None
        assert objection in verdict.objection


def test_small_numbers_differ_relative_to_the_usual_one() -> None:
    mine = Answers(np.zeros(2, dtype=bool), np.array([1e-12, 100.0]), None)
    theirs = Answers(np.zeros(2, dtype=bool), np.array([2e-12, 100.0]), None)
    assert compared(mine, theirs, TOLERANCE, scale=100.0).largest == pytest.approx(1e-14)


def test_regressions_of_zeros_are_compared_as_numbers() -> None:
    rows = asked(0.0, 0.0, 0.0)
    blocks = [Block("the reference sample", rows)]
    assert parity([answers(Line(), rows)], Line(2.0), blocks, TOLERANCE).objection is None


def test_another_label_is_no_rounding() -> None:
    found = compared(classes(0.6, 0.4), classes(0.6, 0.4, labels=(1, 1)), TOLERANCE, 0.0)
    assert (found.labels, found.undecided) == (1, 0)
    assert found.objection(TOLERANCE) == "1 of 2 labels differ"


def test_a_tie_in_the_original_is_not_decided_by_the_twin() -> None:
    mine = classes(0.5, *[0.9] * 199)
    theirs = classes(0.5 + 1e-9, *[0.9] * 199)
    found = compared(mine, theirs, TOLERANCE, 0.0)
    assert (found.labels, found.undecided) == (0, 1)
    assert found.objection(TOLERANCE) is None


def test_a_tie_in_the_twin_alone_is_another_label() -> None:
    found = compared(classes(0.6), classes(0.5, labels=(0,)), TOLERANCE, 0.0)
    assert found.labels == 1


def test_many_ties_are_too_many() -> None:
    mine = classes(*[0.5] * 3, *[0.9] * 197)
    theirs = classes(*[0.5 + 1e-9] * 3, *[0.9] * 197)
    objection = compared(mine, theirs, TOLERANCE, 0.0).objection(TOLERANCE)
    assert objection == "3 of 200 labels hang on rounding"


def test_labels_without_probabilities_have_no_ties() -> None:
    mine = Answers(np.zeros(200, dtype=bool), np.zeros(200), None)
    theirs = Answers(np.zeros(200, dtype=bool), np.eye(200)[0], None)
    assert compared(mine, theirs, TOLERANCE, 0.0).labels == 1


def test_what_one_alone_refuses_is_an_objection() -> None:
    mine, theirs = answers(Line(), asked(-1.0, 2.0)), answers(Line(), asked(1.0, 2.0))
    objection = compared(mine, theirs, TOLERANCE, 1.0).objection(TOLERANCE)
    assert objection == "1 of 2 rows are refused by one alone"


def test_figures_that_are_not_finite_are_an_objection() -> None:
    theirs = classes(0.6)
    theirs.probabilities[:] = np.nan  # type: ignore[index]
    assert compared(classes(0.6), theirs, TOLERANCE, 0.0).objection(TOLERANCE) is not None


def test_of_some_blocks_refusals_are_compared_alone() -> None:
    block = Block("beyond", asked(1.0, 2.0), figures=False)
    expected = answers(Line(), block.rows)
    assert parity([expected], Line(slope=3.0), [block], TOLERANCE).objection is None
    refused = Block("beyond", asked(1.0, -2.0), figures=False)
    objection = parity([expected], Line(), [refused], TOLERANCE).objection
    assert objection == "1 of 2 rows are refused by one alone (beyond)"
