"""Group figures, against rates computed by hand from the raw rows."""

import numpy as np
import pytest

from services.monitor.domain.outcomes.fairness import fairness, gap
from tests.fakes.labelled_rows import START, Rows, binary_rows, viewpoint
from understudy.contracts.monitor import FairnessView
from understudy.contracts.vocabulary import Role


def grouped(rows: Rows, small: int = 20) -> tuple[Rows, list[str]]:
    """The first rows are of a small group, the last hundred of nobody."""
    count = rows.at.size
    names = ["c"] * small + ["a" if place % 3 else "b" for place in range(small, count)]
    rows.protected = {place: {"origin": names[place]} for place in range(count - 100)}
    return rows, names


def test_rates_are_those_of_the_raw_rows() -> None:
    rows, names = grouped(binary_rows(3_000))
    found = fairness(viewpoint(), rows.cohorts())
    [reading] = found.attributes
    assert (reading.version, reading.role, reading.attribute) == (1, Role.MAIN, "origin")
    known = np.arange(3_000) < 2_900
    selected, true = rows.values[1] == 1, rows.labels == 1
    by_group = {group.group: group for group in reading.groups}
    rates = {}
    for name in "ab":
        mine = known & (np.array(names) == name)
        wanted = (
            selected[mine].mean(),
            selected[mine & true].mean(),
            selected[mine & ~true].mean(),
        )
        group = by_group[name]
        parts = (group.selection_rate, group.true_positive_rate, group.false_positive_rate)
        assert [part and part.value for part in parts] == pytest.approx(list(wanted))
        assert group.rows == mine.sum()
        rates[name] = wanted
    gaps = (reading.selection_gap, reading.true_positive_gap, reading.false_positive_gap)
    for at, part in enumerate(gaps):
        assert part is not None
        assert part.value == pytest.approx(abs(rates["a"][at] - rates["b"][at]))
        assert part.low == 0.0


def test_a_small_group_is_suppressed_and_in_no_gap() -> None:
    rows, _ = grouped(binary_rows(3_000))
    rows.values[1][:20] = 1.0
    [reading] = fairness(viewpoint(), rows.cohorts()).attributes
    small = next(group for group in reading.groups if group.group == "c")
    assert small.suppressed
    assert small.selection_rate is None
    assert reading.selection_gap is not None
    assert reading.selection_gap.value < 0.2


def test_unlabelled_groups_have_a_selection_rate_alone() -> None:
    rows, _ = grouped(binary_rows(500, labelled=0.0))
    [reading] = fairness(viewpoint(), rows.cohorts()).attributes
    assert reading.selection_gap is not None
    assert reading.true_positive_gap is None
    assert reading.groups[0].true_positive_rate is None


def test_the_gap_is_the_widest_of_all_pairs_and_wider_for_having_been_chosen() -> None:
    two = gap([(50, 100), (80, 100)])
    four = gap([(50, 100), (80, 100), (60, 100), (70, 100)])
    assert two is not None
    assert four is not None
    assert two.value == pytest.approx(0.3)
    assert four.value == pytest.approx(0.3)
    assert two.low is not None
    assert four.low is not None
    assert 0 < four.low < two.low
    assert gap([(50, 100)]) is None
    assert gap([(5, 10), (50, 100)]) is None


def test_every_version_and_attribute_has_a_reading() -> None:
    rows = binary_rows(400)
    rows.values = {1: rows.values[1], 2: np.zeros(400)}
    rows.protected = {place: {"age": "young", "sex": "f"} for place in range(400)}
    found = fairness(viewpoint(), rows.cohorts())
    read = [(one.version, one.attribute) for one in found.attributes]
    assert read == [(1, "age"), (1, "sex"), (2, "age"), (2, "sex")]
    assert found.attributes[0].selection_gap is None
    assert FairnessView.model_validate(found, from_attributes=True).deployment == "loans"
    assert fairness(viewpoint(), {}).attributes == ()


def test_the_oldest_rows_are_said() -> None:
    assert fairness(viewpoint(), {}).since.timestamp() == START
