"""Tensors that are legal as a whole are read to the same cells as row by row."""

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from services.serving.domain.errors import InvalidRowsError
from services.serving.domain.rows import Plan, Shape
from services.serving.domain.tensor_rows import TensorRows
from services.serving.domain.whole_columns import legal_cells
from tests.fakes.serving import LOANS
from understudy.contracts.policy import Policy
from understudy.contracts.signature import MOST_TEXT

unhurried = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
PLAN = Plan(LOANS)
USUAL = {
    "income": st.floats(0, 1e5) | st.integers(0, 10_000_000),
    "age": st.integers(18, 120) | st.none() | st.sampled_from([20.0, 21.0]),
    "purpose": st.sampled_from(["car", "house", None]),
    "employed": st.booleans(),
    "town": st.text(max_size=3),
}
ODD = (
    st.none()
    | st.floats()
    | st.integers()
    | st.booleans()
    | st.sampled_from(["", "Car", "x" * MOST_TEXT, "x" * (MOST_TEXT + 1), 17, 121, 18.5, 10**400])
)


def columns_of(rows: int) -> st.SearchStrategy[list[list[Any]]]:
    usual = [st.lists(values, min_size=rows, max_size=rows) for values in USUAL.values()]
    return st.tuples(*usual).map(list)


@st.composite
def tables(draw: st.DrawFn, *, odd: int) -> TensorRows:
    rows = draw(st.integers(1, 4))
    columns = draw(columns_of(rows))
    for _ in range(draw(st.integers(0, odd))):
        column, row = draw(st.integers(0, 4)), draw(st.integers(0, rows - 1))
        columns[column][row] = draw(ODD)
    return TensorRows(tuple(USUAL), columns, [*range(5)], 1)


def read(rows: Any) -> Any:
    try:
        draft = PLAN.read(rows, Policy(), Shape.LIST)
    except InvalidRowsError as refusal:
        return [error.pointer for error in refusal.errors]
    return [[(type(cell), cell) for cell in row] for row in draft.cells]


@unhurried
@given(tables(odd=0))
def test_legal_columns_are_told_at_once(rows: TensorRows) -> None:
    assert legal_cells(dict(zip(rows.names, rows.columns, strict=True)), PLAN.columns) is not None
    assert read(rows) == read([*rows])


@unhurried
@given(tables(odd=2))
def test_whatever_is_in_them_it_is_as_row_by_row(rows: TensorRows) -> None:
    assert read(rows) == read([*rows])


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -1.0, None, True, "1"])
@pytest.mark.parametrize("place", [0, 1, 2])
def test_one_value_that_is_not_legal_is_seen(value: object, place: int) -> None:
    columns: dict[str, list[object]] = {
        "income": [1.0, 2.0, 3.0],
        "age": [20, None, 21],
        "purpose": ["car", None, "house"],
        "employed": [True, False, True],
        "town": ["a", "b", "c"],
    }
    assert legal_cells(columns, PLAN.columns) is not None
    columns["income"][place] = value
    assert legal_cells(columns, PLAN.columns) is None


@pytest.mark.parametrize("names", [("income",), (*USUAL, "more")])
def test_columns_of_another_signature_are_read_by_row(names: tuple[str, ...]) -> None:
    assert legal_cells({name: [1.0] for name in names}, PLAN.columns) is None
