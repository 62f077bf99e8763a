"""Rows are read whole or refused with everything that is wrong; cells become typed columns."""

import json
import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from services.serving.api.decoding import TypedReader
from services.serving.domain.errors import InvalidRowsError
from services.serving.domain.rows import MOST_ERRORS, MOST_TEXT, Plan, Shape
from tests.fakes.serving import LOANS
from understudy.contracts.policy import Policy
from understudy.contracts.signature import Feature, Signature, Target
from understudy.contracts.vocabulary import FeatureKind, Task, TypePolicy
from understudy.inference.rows import Rows, joined

PLAN = Plan(LOANS)
STRICT, BEST_EFFORT = Policy(), Policy(types=TypePolicy.BEST_EFFORT)
GOOD: dict[str, object] = {
    "income": 30_000,
    "age": 40,
    "purpose": "car",
    "employed": True,
    "town": "Ghent",
}


def read(rows: list[dict[str, object]], shape: Shape = Shape.ROWS) -> Rows:
    return PLAN.rows(PLAN.read(rows, STRICT, shape).cells)


def refused(row: dict[str, object]) -> dict[str, str]:
    with pytest.raises(InvalidRowsError) as caught:
        PLAN.read([row], STRICT)
    return {error.pointer: error.message for error in caught.value.errors}


def test_numbers_and_texts_become_columns_in_the_order_of_the_signature() -> None:
    rows = read([dict(reversed(GOOD.items())), {**GOOD, "town": "X"}])
    assert rows.numbers.tolist() == [[30_000.0, 40.0, 1.0], [30_000.0, 40.0, 1.0]]
    assert rows.texts == (["car", "car"], ["Ghent", "X"])
    assert len(rows) == 2


def test_null_is_nan_or_none_where_a_feature_takes_it() -> None:
    rows = read([{**GOOD, "age": None, "purpose": None}])
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
    assert read([{**GOOD, "town": "x" * MOST_TEXT}]).texts[1] == ["x" * MOST_TEXT]


def test_whole_floats_are_integers() -> None:
    assert read([{**GOOD, "age": 40.0}]).numbers[0, 1] == 40.0


def test_everything_wrong_with_a_row_is_told_at_once() -> None:
    found = refused({"income": -1, "purpose": "boat", "town": "Ghent", "agee": 4, "a/b": 1})
    assert set(found) == {"/income", "/age", "/purpose", "/employed", "/agee", "/a~1b"}
    assert "missing" in found["/age"]
    assert "no feature" in found["/agee"]


def test_errors_in_a_batch_point_at_their_row() -> None:
    with pytest.raises(InvalidRowsError) as caught:
        read([GOOD, {**GOOD, "income": -1}, {**GOOD, "town": 5}])
    assert [error.pointer for error in caught.value.errors] == ["/rows/1/income", "/rows/2/town"]
    assert "1 more" in caught.value.detail


def test_errors_are_bounded() -> None:
    with pytest.raises(InvalidRowsError) as caught:
        read([{}] * 1_000)
    assert len(caught.value.errors) == MOST_ERRORS


def test_joined_rows_are_those_of_the_parts() -> None:
    first = read([GOOD])
    second = read([{**GOOD, "income": 1}, {**GOOD, "town": "Y"}])
    both = joined([first, second])
    assert both.numbers[:, 0].tolist() == [30_000.0, 1.0, 30_000.0]
    assert both.texts[1] == ["Ghent", "Ghent", "Y"]
    assert np.array_equal(both.part(1, 3).numbers, second.numbers)
    assert both.part(1, 3).texts == second.texts


@pytest.mark.parametrize(
    ("shape", "pointer"), [(Shape.LIST, "/1/income"), (Shape.ROWS, "/rows/1/income")]
)
def test_pointers_point_into_what_was_sent(shape: Shape, pointer: str) -> None:
    with pytest.raises(InvalidRowsError) as refused:
        read([GOOD, {**GOOD, "income": -1}], shape)
    assert [error.pointer for error in refused.value.errors] == [pointer]


def test_the_plan_has_its_columns_as_plain_data() -> None:
    assert [column.name for column in PLAN.columns] == [*PLAN.numeric, *PLAN.categories]
    income, age, employed, purpose, town = PLAN.columns
    assert (income.low, income.high, income.nullable, income.numeric) == (0.0, 1e7, False, True)
    assert (age.position, age.nullable, employed.position) == (1, True, 3)
    assert (purpose.choices, purpose.open, purpose.numeric) == (
        frozenset(("car", "house")),
        False,
        False,
    )
    assert (town.choices, town.open) == (frozenset(), True)


def test_a_number_is_judged_as_the_float_that_the_model_gets() -> None:
    bound = Feature("x", FeatureKind.INTEGER, maximum=2.0**53)
    plan = Plan(Signature((bound,), Target("y", Task.REGRESSION)))
    assert plan.read([{"x": 2**53 + 1}], STRICT).cells == [(2.0**53,)]
    with pytest.raises(InvalidRowsError):
        plan.read([{"x": 2**53 + 2}], STRICT)


def test_cells_of_many_requests_become_one_writable_table() -> None:
    plan = Plan(replace(LOANS, features=LOANS.features[:2]))
    cells = [(1.5, 2), (3.0, True), (0.0, 4.0)]
    rows = plan.rows(cells)
    assert rows.numbers.tolist() == [[1.5, 2.0], [3.0, 1.0], [0.0, 4.0]]
    assert rows.texts == ()
    assert rows.numbers.flags.c_contiguous
    assert rows.numbers.flags.writeable


def test_null_among_the_cells_becomes_nan_in_its_place() -> None:
    rows = PLAN.rows([(1.0, None, 1.0, "car", "Ghent"), (2.0, 30.0, 0.0, None, "X")])
    assert np.array_equal(rows.numbers, [[1.0, np.nan, 1.0], [2.0, 30.0, 0.0]], equal_nan=True)
    assert rows.texts == (["car", None], ["Ghent", "X"])


def test_a_plan_of_categories_alone_has_no_numbers() -> None:
    plan = Plan(replace(LOANS, features=(LOANS.features[2],)))
    rows = plan.rows([("car",), (None,)])
    assert (rows.numbers.shape, rows.texts) == ((2, 0), (["car", None],))


JSON_VALUES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(max_size=5),
    st.sampled_from(["12", " 1e3 ", "NaN", "yes", "CAR", "car ", "1e999", "", 10**400, 20, 1.0]),
    st.lists(st.integers(), max_size=2),
    st.dictionaries(st.text(max_size=3), st.integers(), max_size=2),
)
ANY_ROW = st.dictionaries(st.sampled_from([*LOANS.names, "extra"]), JSON_VALUES)
NEARLY = st.fixed_dictionaries(
    {name: st.one_of(st.just(v), JSON_VALUES) for name, v in GOOD.items()}
)
PATIENT = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])


@PATIENT
@given(row=ANY_ROW | NEARLY, policy=st.sampled_from([STRICT, BEST_EFFORT]))
def test_any_row_is_read_whole_or_refused(row: dict[str, object], policy: Policy) -> None:
    try:
        draft = PLAN.read([row], policy)
    except InvalidRowsError as refusal:
        json.dumps([refusal.detail, *(found.message for found in refusal.errors)])
        return
    assert row.keys() >= set(LOANS.names)
    (cells,) = draft.cells
    for column, cell in zip(PLAN.columns, cells, strict=True):
        boolean = column.kind is FeatureKind.BOOLEAN
        assert column.legal(bool(cell) if boolean and cell is not None else cell) == cell
        assert cell is None or isinstance(cell, float if column.numeric else str)
    assert not np.isinf(PLAN.rows(draft.cells).numbers).any()


@PATIENT
@given(row=ANY_ROW | NEARLY)
def test_what_strict_takes_is_read_the_same_by_best_effort(row: dict[str, object]) -> None:
    try:
        draft = PLAN.read([row], STRICT)
    except InvalidRowsError:
        return
    assert PLAN.read([row], BEST_EFFORT) == draft
    assert (draft.notices, draft.coercions) == ({}, 0)


@PATIENT
@given(row=NEARLY)
def test_the_quick_reader_takes_nothing_that_this_one_would_explain(row: dict[str, object]) -> None:
    body = json.dumps(row).encode()
    found = TypedReader(PLAN.columns).read(body)
    if found is None:
        return
    draft = PLAN.read([json.loads(body)], STRICT)
    assert draft.cells == [*found[0]]


def test_the_quick_reader_takes_a_legal_row() -> None:
    assert TypedReader(PLAN.columns).read(json.dumps(GOOD).encode()) is not None
