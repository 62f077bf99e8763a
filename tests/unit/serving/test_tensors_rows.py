"""Rows of tensors by a signature, and tensors of answers."""

import re
from collections.abc import Sequence
from typing import Any

import pytest

from services.serving.domain.errors import InvalidTensorsError
from services.serving.domain.tensor_rows import answer_tensors, metadata_tensors, rows_of
from services.serving.domain.tensors import Datatype, Tensor, TensorKind, from_nested
from services.serving.operations import Answer, Card
from tests.fakes.serving import FLOWERS, LOANS
from understudy.contracts.signature import Feature, Signature, Target
from understudy.contracts.vocabulary import AccessLevel, FeatureKind, Label, Task

ONE = Signature((Feature("length", FeatureKind.NUMBER),), Target("weight", Task.REGRESSION))


def tensor(name: str, datatype: Datatype, shape: Sequence[int], data: object) -> Tensor:
    return from_nested(name, datatype, shape, data)


LENGTH = tensor("length", Datatype.FP64, [2], [1.0, 2.0])
WIDTH = tensor("width", Datatype.FP64, [2, 1], [3.0, 4.0])
TABLE = tensor("anything", Datatype.FP32, [2, 2], [1.0, 3.0, 2.0, 4.0])
ROWS = [{"length": 1.0, "width": 3.0}, {"length": 2.0, "width": 4.0}]


@pytest.mark.parametrize("tensors", [[LENGTH, WIDTH], [WIDTH, LENGTH], [TABLE]])
def test_rows_come_by_column_in_any_order_or_as_a_table(tensors: list[Tensor]) -> None:
    rows = rows_of(tensors, FLOWERS)
    assert [*rows] == ROWS
    assert (len(rows), rows[1], rows[:1]) == (2, ROWS[1], ROWS[:1])


@pytest.mark.parametrize("name", ["length", "x"])
@pytest.mark.parametrize("shape", [[2], [2, 1]])
def test_of_one_feature_the_tensor_may_have_any_name(name: str, shape: list[int]) -> None:
    rows = rows_of([tensor(name, Datatype.FP64, shape, [1.0, 2.0])], ONE)
    assert [*rows] == [{"length": 1.0}, {"length": 2.0}]


def test_a_table_may_be_called_like_a_feature() -> None:
    table = tensor("length", Datatype.FP32, [2, 2], [1.0, 3.0, 2.0, 4.0])
    assert [*rows_of([table], FLOWERS)] == ROWS


def test_each_kind_of_feature_has_datatypes() -> None:
    rows = rows_of(
        [
            tensor("income", Datatype.INT32, [2], [30_000, 40_000]),
            tensor("age", Datatype.FP64, [2], [20.0, None]),
            tensor("purpose", Datatype.BYTES, [2], ["car", ""]),
            tensor("employed", Datatype.UINT8, [2], [1, 0]),
            tensor("town", Datatype.BYTES, [2], ["Ghent", ""]),
        ],
        LOANS,
    )
    assert [*rows] == [
        {"income": 30_000, "age": 20.0, "purpose": "car", "employed": True, "town": "Ghent"},
        {"income": 40_000, "age": None, "purpose": None, "employed": False, "town": ""},
    ]


def test_a_table_of_texts_may_hold_features_of_all_kinds() -> None:
    texts = [["3e4", "20", "car", "true", "1"], ["40000.5", "nan", "", "0", "Ghent"]]
    assert [*rows_of([tensor("x", Datatype.BYTES, [2, 5], texts)], LOANS)] == [
        {"income": 30_000.0, "age": 20.0, "purpose": "car", "employed": True, "town": "1"},
        {"income": 40_000.5, "age": None, "purpose": None, "employed": False, "town": "Ghent"},
    ]


def test_what_is_not_plain_is_left_to_the_plan() -> None:
    texts = [["many", "20", "3", "2", "x"]]
    (row,) = rows_of([tensor("x", Datatype.BYTES, [1, 5], texts)], LOANS)
    assert row == {"income": "many", "age": 20.0, "purpose": "3", "employed": "2", "town": "x"}
    (row,) = rows_of([tensor("x", Datatype.FP64, [1, 5], [1, 2, 3, 0.5, 5])], LOANS)
    assert row == {"income": 1.0, "age": 2.0, "purpose": 3.0, "employed": 0.5, "town": 5.0}


@pytest.mark.parametrize(
    ("tensors", "errors"),
    [
        ([LENGTH], {"/inputs": "width: is missing"}),
        ([], {"/inputs": "length: is missing"}),
        ([LENGTH, WIDTH, TABLE], {"/inputs/2": "anything: is no feature of this deployment"}),
        ([LENGTH, WIDTH, LENGTH], {"/inputs": "length: is sent 2 times"}),
        (
            [LENGTH, tensor("width", Datatype.FP64, [1], [3.0])],
            {"/inputs/1": "width: has 1 rows where length has 2"},
        ),
        (
            [LENGTH, tensor("width", Datatype.FP64, [1, 2], [3.0, 4.0])],
            {"/inputs/1": "width: has shape [1, 2]; must be [rows] or [rows, 1]"},
        ),
        ([tensor("x", Datatype.FP64, [2], [1.0, 2.0])], {"/inputs/0": "x: has shape [2]; must be"}),
        ([tensor("x", Datatype.FP64, [1, 3], [1, 2, 3])], {"/inputs/0": "x: has shape [1, 3]"}),
        ([tensor("x", Datatype.FP64, [], [1])], {"/inputs/0": "x: has shape []"}),
        ([tensor("x", Datatype.FP64, [0, 2], [])], {"/inputs/0": "there are no rows"}),
        (
            [tensor(name, Datatype.FP64, [0], []) for name in FLOWERS.names],
            {"/inputs/0": "length: has shape [0]: there are no rows"},
        ),
        (
            [tensor(name, Datatype.FP64, [], [1]) for name in FLOWERS.names],
            {"/inputs/1": "width: has shape []"},
        ),
    ],
)
def test_tensors_that_are_no_rows_are_named(tensors: list[Tensor], errors: dict[str, str]) -> None:
    with pytest.raises(InvalidTensorsError) as refused:
        rows_of(tensors, FLOWERS)
    found = {error.pointer: error.message for error in refused.value.errors}
    for pointer, words in errors.items():
        assert any(
            error.pointer == pointer and words in error.message for error in refused.value.errors
        ), found
    assert len(refused.value.detail) < 1_000


def test_a_value_is_found_where_it_was_sent() -> None:
    assert rows_of([TABLE], FLOWERS).where(1, "width") == (0, 3)
    assert rows_of([WIDTH, LENGTH], FLOWERS).where(1, "width") == (0, 1)
    assert rows_of([WIDTH, LENGTH], FLOWERS).where(1, "length") == (1, 1)
    assert rows_of([TABLE], FLOWERS).where(2, "width") is None
    assert rows_of([TABLE], FLOWERS).where(0, "x") is None


def test_many_rows_cost_nothing_before_they_are_asked_for() -> None:
    rows = rows_of([Tensor("x", Datatype.UINT8, (1_000_000,), bytes(1_000_000))], ONE)
    assert len(rows) == 1_000_000
    assert rows[999_999] == {"length": 0}


def card(*classes: Label) -> Card:
    task = Task.CLASSIFICATION if classes else Task.REGRESSION
    signature = Signature(ONE.features, Target("species", task, classes))
    return Card("d", "", AccessLevel.PUBLIC, "m", 1, signature)


def answer(prediction: Label, *probabilities: float, overridden: bool = False) -> Answer:
    names = ("true", "false") if isinstance(prediction, bool) else ("1", "2")
    found = dict(zip(names, probabilities, strict=True)) if probabilities else None
    return Answer("a", prediction, found, "m", 1, (), overridden)


@pytest.mark.parametrize(
    ("classes", "predictions", "datatype", "told"),
    [
        ((1, 2), [2, 1], Datatype.INT64, [2, 1]),
        (("a", "b"), ["b"], Datatype.BYTES, ["b"]),
        ((False, True), [True], Datatype.BOOL, [True]),
        ((0.5, 2), [2], Datatype.FP64, [2]),
        ((1, "b"), [1, "b"], Datatype.BYTES, ["1", "b"]),
        ((1, 2**64), [1], Datatype.FP64, [1]),
        ((), [1.5, 2.5], Datatype.FP64, [1.5, 2.5]),
        # A rule may say what no class is.
        ((1, 2), [1, "ask a person"], Datatype.BYTES, ["1", "ask a person"]),
    ],
)
def test_the_datatype_of_predictions_is_that_of_the_classes(
    classes: tuple[Label, ...], predictions: list[Label], datatype: Datatype, told: list[Any]
) -> None:
    (found,) = answer_tensors([answer(one) for one in predictions], card(*classes))
    assert found == Tensor("prediction", datatype, (len(told),), told)


def test_probabilities_are_in_the_order_of_the_classes() -> None:
    answers = [answer(2, 0.25, 0.75), answer(1, overridden=True)]
    _, found = answer_tensors(answers, card(2, 1))
    assert found == Tensor("probabilities", Datatype.FP64, (2, 2), [0.75, 0.25, None, None])


def test_whatever_a_rule_answers_a_classifier_has_its_outputs() -> None:
    _, found = answer_tensors([answer(1, overridden=True)], card(2, 1))
    assert found.values == [None, None]
    assert len(answer_tensors([answer(1.0, overridden=True)], card())) == 1


def test_metadata_names_features_and_outputs() -> None:
    inputs, outputs = metadata_tensors(LOANS)
    assert [(one.name, str(one.datatype)) for one in inputs] == [
        ("income", "FP64"),
        ("age", "FP64"),
        ("purpose", "BYTES"),
        ("employed", "BOOL"),
        ("town", "BYTES"),
    ]
    assert outputs == [
        TensorKind("prediction", Datatype.INT64, (-1,)),
        TensorKind("probabilities", Datatype.FP64, (-1, 2)),
    ]
    assert [one.name for one in metadata_tensors(ONE)[1]] == ["prediction"]


def test_long_lists_of_features_are_cut() -> None:
    many = Signature(
        tuple(Feature(f"f{index}", FeatureKind.NUMBER) for index in range(500)),
        Target("weight", Task.REGRESSION),
    )
    with pytest.raises(InvalidTensorsError, match=re.escape("f11, …")) as refused:
        rows_of([TABLE], many)
    assert len(refused.value.errors) <= 100
    with pytest.raises(InvalidTensorsError) as refused:
        rows_of([LENGTH, WIDTH], many)
    assert len(refused.value.errors) == 100
