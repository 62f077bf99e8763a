import json
import math

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from services.serving.domain.errors import InvalidRowsError
from services.serving.domain.rows import MOST_ERRORS, MOST_TEXT, Plan, Shape
from tests.fakes.serving import LOANS
from understudy.inference.rows import joined

PLAN = Plan(LOANS)
GOOD = {"income": 30_000, "age": 40, "purpose": "car", "employed": True, "town": "Ghent"}


def refused(row: dict[str, object]) -> dict[str, str]:
    with pytest.raises(InvalidRowsError) as caught:
        PLAN.read([row])
    return {error.pointer: error.message for error in caught.value.errors}


def test_numbers_and_texts_become_columns_in_the_order_of_the_signature() -> None:
    rows = PLAN.read([dict(reversed(GOOD.items())), {**GOOD, "town": "X"}], Shape.ROWS)
    assert rows.numbers.tolist() == [[30_000.0, 40.0, 1.0], [30_000.0, 40.0, 1.0]]
    assert rows.texts == (["car", "car"], ["Ghent", "X"])
    assert len(rows) == 2


def test_null_is_nan_or_none_where_a_feature_takes_it() -> None:
    rows = PLAN.read([{**GOOD, "age": None, "purpose": None}])
    assert math.isnan(rows.numbers[0, 1])
    assert rows.texts[0] == [None]


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("income", -5, "income: must be a number between 0 and 10000000; got -5"),
        ("income", float("nan"), "income: must be a number between 0 and 10000000; got nan"),
        ("income", float("inf"), "income: must be a number between 0 and 10000000; got inf"),
        ("income", True, "income: must be a number between 0 and 10000000; got true"),
        ("income", "7", "income: must be a number between 0 and 10000000; got '7'"),
        ("income", None, "income: must be a number between 0 and 10000000; got null"),
        ("income", [1], "income: must be a number between 0 and 10000000; got a list"),
        ("income", 10**400, "income: must be a number between 0 and 10000000; got a number with"),
        ("age", 40.5, "age: must be a whole number between 18 and 120 or null; got 40.5"),
        ("purpose", "boat", "purpose: must be one of 'car', 'house' or null; got 'boat'"),
        ("purpose", 1, "purpose: must be one of 'car', 'house' or null; got 1"),
        ("employed", 1, "employed: must be true or false; got 1"),
        ("town", None, "town: must be a string; got null"),
        ("town", "x" * 1_001, "town: must have at most 1000 characters; has 1001"),
    ],
)
def test_a_value_that_does_not_fit_is_named_with_what_would(
    name: str, value: object, message: str
) -> None:
    found = refused({**GOOD, name: value})
    assert list(found) == [f"/{name}"]
    assert found[f"/{name}"].startswith(message)


def test_the_longest_text_is_taken() -> None:
    assert PLAN.read([{**GOOD, "town": "x" * MOST_TEXT}]).texts[1] == ["x" * MOST_TEXT]


def test_whole_floats_are_integers() -> None:
    assert PLAN.read([{**GOOD, "age": 40.0}]).numbers[0, 1] == 40.0


def test_everything_wrong_with_a_row_is_told_at_once() -> None:
    found = refused({"income": -1, "purpose": "boat", "town": "Ghent", "agee": 4, "a/b": 1})
    assert set(found) == {"/income", "/age", "/purpose", "/employed", "/agee", "/a~1b"}
    assert "missing" in found["/age"]
    assert "no feature" in found["/agee"]


def test_errors_in_a_batch_point_at_their_row() -> None:
    with pytest.raises(InvalidRowsError) as caught:
        PLAN.read([GOOD, {**GOOD, "income": -1}, {**GOOD, "town": 5}], Shape.ROWS)
    assert [error.pointer for error in caught.value.errors] == ["/rows/1/income", "/rows/2/town"]
    assert "1 more" in caught.value.detail


def test_errors_are_bounded() -> None:
    with pytest.raises(InvalidRowsError) as caught:
        PLAN.read([{}] * 1_000, Shape.ROWS)
    assert len(caught.value.errors) == MOST_ERRORS


def test_joined_rows_are_those_of_the_parts() -> None:
    first = PLAN.read([GOOD])
    second = PLAN.read([{**GOOD, "income": 1}, {**GOOD, "town": "Y"}], Shape.ROWS)
    both = joined([first, second])
    assert both.numbers[:, 0].tolist() == [30_000.0, 1.0, 30_000.0]
    assert both.texts[1] == ["Ghent", "Ghent", "Y"]
    assert np.array_equal(both.part(1, 3).numbers, second.numbers)
    assert both.part(1, 3).texts == second.texts


JSON_VALUES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(max_size=5),
    st.lists(st.integers(), max_size=2),
    st.dictionaries(st.text(max_size=3), st.integers(), max_size=2),
)


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(row=st.dictionaries(st.sampled_from([*LOANS.names, "extra"]), JSON_VALUES))
def test_any_row_is_read_whole_or_refused(row: dict[str, object]) -> None:
    try:
        rows = PLAN.read([row])
    except InvalidRowsError as refusal:
        json.dumps([refusal.detail, *(found.message for found in refusal.errors)])
        return
    assert row.keys() == set(LOANS.names)
    assert not np.isinf(rows.numbers).any()


@pytest.mark.parametrize(
    ("shape", "pointer"), [(Shape.LIST, "/1/income"), (Shape.ROWS, "/rows/1/income")]
)
def test_pointers_point_into_what_was_sent(shape: Shape, pointer: str) -> None:
    with pytest.raises(InvalidRowsError) as refused:
        PLAN.read([GOOD, {**GOOD, "income": -1}], shape)
    assert [error.pointer for error in refused.value.errors] == [pointer]
