"""ONNX models made elsewhere, asked for rows of a signature."""

import json
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from onnx import TensorProto as T
from onnx import helper

from tests.fakes.onnx_files import by_hand, copying, with_properties, written
from understudy.contracts.signature import Feature, Signature, Target
from understudy.contracts.vocabulary import FeatureKind, Label, Task
from understudy.inference.errors import RefusedRowsError, UnfitModelError
from understudy.inference.onnx_model import CLASSES, NULLS, OnnxModelRunner
from understudy.inference.rows import Rows
from understudy.inference.scored import Scored

NUMBER, INTEGER, BOOLEAN = FeatureKind.NUMBER, FeatureKind.INTEGER, FeatureKind.BOOLEAN
NAN = float("nan")


def signature(kinds: Sequence[FeatureKind], classes: Sequence[Label] = ()) -> Signature:
    """Features a, b, c …; a category takes any text."""
    task = Task.CLASSIFICATION if classes else Task.REGRESSION
    features = [
        Feature(name, kind, open_choices=kind is FeatureKind.CATEGORY, nullable=True)
        for name, kind in zip("abcdef", kinds, strict=False)
    ]
    return Signature(tuple(features), Target("y", task, tuple(classes)))


def numbers(*rows: Sequence[float]) -> Rows:
    return Rows(np.array(rows, dtype=np.float64), ())


def matrix(
    element: int = T.FLOAT,
    shape: Sequence[Any] = ("N", 2),
    outputs: Sequence[tuple[str, int, Any]] = (("y", T.FLOAT, ["N", 1]),),
) -> bytes:
    """Answers the sum of a row to each of the outputs, cast to its type."""
    axes = helper.make_tensor("axes", T.INT64, [1], [1])
    nodes = [
        helper.make_node("Cast", ["x"], ["cast"], to=T.FLOAT),
        helper.make_node("ReduceSum", ["cast", "axes"], ["sum"], keepdims=1),
    ]
    nodes += [helper.make_node("Cast", ["sum"], [name], to=kind) for name, kind, _ in outputs]
    return written(by_hand(nodes, [("x", element, [*shape])], outputs, initializers=[axes]))


def columns(*inputs: tuple[str, int, Sequence[Any]]) -> bytes:
    """Answers the sum of its numeric inputs, N × 1, and one output for each text, as it came."""
    shape = helper.make_tensor("shape", T.INT64, [2], [-1, 1])
    nodes, parts = [], []
    outputs = [("y", T.FLOAT, ["N", 1])]
    for name, element, _ in inputs:
        cast = f"{name}.cast"
        if element == T.STRING:
            nodes.append(helper.make_node("LabelEncoder", [name], [cast], **LENGTHS))
        else:
            nodes.append(helper.make_node("Cast", [name], [cast], to=T.FLOAT))
        nodes.append(helper.make_node("Reshape", [cast, "shape"], [f"{name}.part"]))
        parts.append(f"{name}.part")
    nodes.append(helper.make_node("Sum", parts, ["y"]))
    model = by_hand(nodes, inputs, outputs, initializers=[shape], domains={"ai.onnx.ml": 3})
    return written(model)


LENGTHS: dict[str, Any] = {
    "domain": "ai.onnx.ml",
    "keys_strings": ["", "red", "grün", "😀", "a\0b"],
    "values_floats": [1.0, 2.0, 3.0, 4.0, 5.0],
    "default_float": -1.0,
}


def classifier(
    labels: Sequence[Any] | None,
    *,
    kind: int = T.STRING,
    columns: int = 2,
    declared: Any = None,
    zipmap: bool = False,
) -> bytes:
    """Answers its two columns as probabilities, and the label of the larger one.

    `labels`: of each column; None for probabilities alone.
    """
    shape = ["N", columns] if declared is None else declared
    nodes = [helper.make_node("Identity", ["x"], ["p"])]
    outputs: list[tuple[str, int, Any]] = [("p", T.FLOAT, shape)]
    initializers = []
    if labels is not None:
        nodes += [
            helper.make_node("ArgMax", ["x"], ["best"], axis=1, keepdims=0),
            helper.make_node("Gather", ["labels", "best"], ["label"]),
        ]
        outputs.insert(0, ("label", kind, ["N"]))
        initializers.append(helper.make_tensor("labels", kind, [len(labels)], [*labels]))
    model = by_hand(
        nodes,
        [("x", T.FLOAT, ["N", columns])],
        outputs,
        initializers=initializers,
        domains={"ai.onnx.ml": 3},
    )
    if zipmap:
        told = "classlabels_strings" if kind == T.STRING else "classlabels_int64s"
        keys: dict[str, Any] = {"domain": "ai.onnx.ml", told: [*(labels or ())]}
        node = helper.make_node("ZipMap", ["p"], ["maps"], **keys)
        model.graph.node.append(node)
        key = helper.make_tensor_type_proto(T.FLOAT, None)
        del model.graph.output[-1]
        kinds = helper.make_map_type_proto(kind, key)
        model.graph.output.append(
            helper.make_value_info("maps", helper.make_sequence_type_proto(kinds))
        )
    return written(model)


def answered(content: bytes, stated: Signature, rows: Rows) -> Scored:
    return OnnxModelRunner(content, stated).score(rows)


def misfit(content: bytes, stated: Signature) -> str:
    with pytest.raises(UnfitModelError) as caught:
        OnnxModelRunner(content, stated)
    return str(caught.value)


@pytest.mark.parametrize("element", [T.FLOAT, T.DOUBLE])
def test_a_matrix_takes_numbers_in_the_order_of_the_signature(element: int) -> None:
    found = answered(matrix(element), signature([NUMBER, INTEGER]), numbers([1, 2], [0.5, -3]))
    assert found.values.tolist() == [3.0, -2.5]
    assert found.values.dtype == np.float64
    assert found.probabilities is None


def test_a_missing_number_is_a_nan_to_floats() -> None:
    content = classifier(None)
    with pytest.raises(UnfitModelError, match="not finite"):
        answered(content, signature([NUMBER, NUMBER], ["n", "y"]), numbers([NAN, 1.0]))


def test_whole_numbers_take_no_missing_and_no_huge_ones() -> None:
    runner = OnnxModelRunner(matrix(T.INT64), signature([INTEGER, BOOLEAN]))
    assert runner.score(numbers([4, 1])).values.tolist() == [5.0]
    with pytest.raises(RefusedRowsError, match="missing"):
        runner.score(numbers([NAN, 1]))
    with pytest.raises(RefusedRowsError, match="int64 can't hold"):
        runner.score(numbers([2.0**63, 1]))


def test_float32_takes_no_number_that_it_cannot_hold() -> None:
    runner = OnnxModelRunner(matrix(), signature([NUMBER, NUMBER]))
    with pytest.raises(RefusedRowsError, match="float32"):
        runner.score(numbers([1e39, 1]))


@pytest.mark.parametrize("shape", [["N", 1], ["N"]])
def test_features_are_fed_by_their_names_in_whatever_order(shape: list[Any]) -> None:
    content = columns(
        ("d", T.STRING, shape),
        ("c", T.BOOL, shape),
        ("b", T.INT64, shape),
        ("a", T.FLOAT, shape),
        ("e", T.DOUBLE, shape),
    )
    kinds = [NUMBER, INTEGER, BOOLEAN, FeatureKind.CATEGORY, NUMBER]
    rows = Rows(np.array([[0.5, 10, 1, 100], [0.25, 20, 0, 200]]), (["red", "grün"],))
    found = answered(content, signature(kinds), rows)
    assert found.values.tolist() == [113.5, 223.25]


@pytest.mark.parametrize(("text", "value"), [("😀", 4.0), ("a\0b", 5.0), ("a", -1.0), ("", 1.0)])
def test_texts_arrive_as_they_are(text: str, value: float) -> None:
    stated = signature([FeatureKind.CATEGORY])
    rows = Rows(np.empty((1, 0)), ([text],))
    assert answered(columns(("a", T.STRING, ["N", 1])), stated, rows).values.tolist() == [value]


def test_a_missing_category_is_refused_unless_the_model_says_what_stands_for_it() -> None:
    content = columns(("a", T.STRING, ["N", 1]), ("b", T.INT64, ["N", 1]))
    stated = signature([FeatureKind.CATEGORY, INTEGER])
    rows = Rows(np.array([[NAN], [7.0]]), ([None, "red"],))
    with pytest.raises(RefusedRowsError, match="missing"):
        answered(content, stated, rows)
    told = with_properties(content, {NULLS: json.dumps({"a": "", "b": -1})})
    assert answered(told, stated, rows).values.tolist() == [0.0, 9.0]


@pytest.mark.parametrize(
    ("properties", "words"),
    [
        ({NULLS: "{"}, "no JSON"),
        ({NULLS: "[1]"}, "object"),
        ({NULLS: '{"z": 1}'}, "no feature"),
        ({NULLS: '{"a": "red"}'}, "must be a number"),
        ({CLASSES: "3"}, "list"),
        ({"understudy": "{}"}, "compiled"),
    ],
)
def test_properties_that_cannot_be_meant(properties: dict[str, str], words: str) -> None:
    content = with_properties(matrix(), properties)
    assert words in misfit(content, signature([NUMBER, NUMBER]))


@pytest.mark.parametrize(
    ("content", "kinds", "words"),
    [
        (matrix(), [NUMBER, FeatureKind.CATEGORY], "categories"),
        (matrix(shape=["N", 3]), [NUMBER, NUMBER], "takes 3 features"),
        (matrix(shape=[1, 2]), [NUMBER, NUMBER], "[None, 2]"),
        (matrix(T.INT64), [NUMBER, INTEGER], "tensor(double)"),
        (columns(("a", T.FLOAT, ["N", 1]), ("z", T.FLOAT, ["N", 1])), [NUMBER, NUMBER], "'b'"),
        (columns(("a", T.FLOAT, ["N", 1]), ("b", T.FLOAT, ["N", 1])), [NUMBER], "'b'"),
        (columns(("a", T.FLOAT, ["N", 1]), ("b", T.INT64, ["N", 1])), [NUMBER] * 2, "'number'"),
        (columns(("a", T.FLOAT, ["N", 1]), ("b", T.FLOAT, [1, 1])), [NUMBER] * 2, "[None, 1]"),
        (columns(("a", T.FLOAT, ["N", 1]), ("b", T.FLOAT, ["N", 2])), [NUMBER] * 2, "[None, 1]"),
    ],
    ids=["text", "width", "batch", "whole", "lacking", "more", "kind", "one row", "wide"],
)
def test_inputs_that_do_not_fit(content: bytes, kinds: list[FeatureKind], words: str) -> None:
    assert words in misfit(content, signature(kinds))


@pytest.mark.parametrize(
    ("labels", "kind", "classes"),
    [
        (["bad", "good"], T.STRING, ("good", "bad")),
        ([0, 1], T.INT64, (1, 0)),
        ([0, 1], T.INT64, (True, False)),
        ([0, 1], T.INT64, (1.0, 0.0)),
    ],
)
@pytest.mark.parametrize("zipmap", [False, True])
def test_classes_are_read_in_the_order_of_the_signature(
    labels: list[Any], kind: int, classes: tuple[Label, ...], *, zipmap: bool
) -> None:
    stated = signature([NUMBER, NUMBER], classes)
    found = answered(
        classifier(labels, kind=kind, zipmap=zipmap), stated, numbers([0.75, 0.25], [0.25, 0.75])
    )
    # The first column is the first label's, which the signature names last.
    assert found.values.tolist() == [1.0, 0.0]
    assert found.probabilities is not None
    assert found.probabilities.tolist() == [[0.25, 0.75], [0.75, 0.25]]


def test_a_label_may_be_a_truth_value() -> None:
    content = matrix(outputs=[("label", T.BOOL, ["N", 1])])
    found = answered(content, signature([NUMBER, NUMBER], (True, False)), numbers([1, 2], [1, -1]))
    assert found.values.tolist() == [0.0, 1.0]


def test_probabilities_alone_are_in_the_order_of_the_signature() -> None:
    stated = signature([NUMBER, NUMBER], ("good", "bad"))
    found = answered(classifier(None), stated, numbers([0.75, 0.25]))
    assert found.values.tolist() == [0.0]
    told = with_properties(classifier(None), {CLASSES: '["bad", "good"]'})
    assert answered(told, stated, numbers([0.75, 0.25])).values.tolist() == [1.0]


def test_a_label_alone_answers_without_probabilities() -> None:
    content = matrix(outputs=[("label", T.INT64, ["N", 1])])
    found = answered(content, signature([NUMBER, NUMBER], (1, 3)), numbers([1, 2]))
    assert found.values.tolist() == [1.0]
    assert found.probabilities is None


def test_a_class_that_nobody_named_is_no_answer() -> None:
    content = matrix(outputs=[("label", T.INT64, ["N", 1])])
    with pytest.raises(UnfitModelError, match="class 3"):
        answered(content, signature([NUMBER, NUMBER], (0, 1)), numbers([1, 2]))


@pytest.mark.parametrize(
    ("content", "classes", "words"),
    [
        (classifier(["a", "b"]), (0, 1), "labels are texts"),
        (classifier([0, 1], kind=T.INT64), ("a", "b"), "whole numbers"),
        (classifier(["a", "b"]), ("a", "b", "c"), "3 classes"),
        (with_properties(classifier(None), {CLASSES: '["a", "c"]'}), ("a", "b"), "'c'"),
        (matrix(outputs=[("u", T.FLOAT, ["N", 1]), ("v", T.FLOAT, ["N", 1])]), ("a", "b"), "clear"),
        (matrix(outputs=[("u", T.FLOAT, ["N", 1])]), ("a", "b"), "[None, 2]"),
        (copying(outputs=[("y", T.FLOAT, ["N", 2])]), (), "regression"),
    ],
    ids=["texts", "numbers", "three", "stated", "two", "column", "regression"],
)
def test_outputs_that_do_not_fit(content: Any, classes: tuple[Label, ...], words: str) -> None:
    whole = content if isinstance(content, bytes) else written(content)
    assert words in misfit(whole, signature([NUMBER, NUMBER], classes))


def test_answers_in_another_shape_than_rows_are_no_answers() -> None:
    axes = helper.make_tensor("axes", T.INT64, [1], [0])
    nodes = [helper.make_node("ReduceSum", ["x", "axes"], ["y"], keepdims=0)]
    content = written(
        by_hand(nodes, [("x", T.FLOAT, ["N", 2])], [("y", T.FLOAT, ["M"])], initializers=[axes])
    )
    runner = OnnxModelRunner(content, signature([NUMBER, NUMBER]))
    with pytest.raises(UnfitModelError, match="shape"):
        runner.score(numbers([1, 2], [3, 4], [5, 6]))


def test_a_file_that_no_session_takes_is_told_of() -> None:
    assert "ONNX Runtime" in misfit(b"no model", signature([NUMBER]))
    assert "opset" in misfit(written(copying(opset=99)), signature([NUMBER, NUMBER]))
