"""What the registry finds in an ONNX model's answers to rows of a sample."""

from typing import Any

import numpy as np
import pytest
from onnx import TensorProto as T
from onnx import helper

from examples.credit.signature import SIGNATURE
from services.registry.adapters.inspection.fit_onnx import misfit
from tests.contract.inference.zoo import rows_of
from tests.fakes.onnx_credit import credit
from tests.fakes.onnx_files import by_hand, by_name, copying, with_properties, written
from understudy.contracts.signature import Feature, Signature, Target
from understudy.contracts.vocabulary import FeatureKind, Task
from understudy.inference.onnx_model import CLASSES, OnnxModelRunner
from understudy.inference.rows import Rows

CLASSIFIER = Signature(
    (Feature("a", FeatureKind.NUMBER), Feature("b", FeatureKind.NUMBER)),
    Target("y", Task.CLASSIFICATION, ("no", "yes")),
)
NUMBERS = Signature(CLASSIFIER.features, Target("y", Task.REGRESSION))


def rows(count: int = 40) -> Rows:
    """Two numbers that add up to 1."""
    first = np.random.default_rng(0).uniform(0.05, 0.95, count)
    return Rows(np.column_stack([first, 1.0 - first]), ())


def found(model: Any, signature: Signature, asked: Rows) -> str:
    content = model if isinstance(model, bytes) else written(model)
    misfitting = misfit(OnnxModelRunner(content, signature), asked)
    return "" if misfitting is None else misfitting.message


def labelled(labels: list[str]) -> Any:
    """Answers its columns as probabilities, and which label the larger one has."""
    nodes = [
        helper.make_node("Identity", ["x"], ["p"]),
        helper.make_node("ArgMax", ["x"], ["best"], axis=1, keepdims=0),
        helper.make_node("Gather", ["labels", "best"], ["label"]),
    ]
    outputs = [("label", T.STRING, ["N"]), ("p", T.FLOAT, ["N", 2])]
    encoded: list[Any] = [label.encode() for label in labels]
    held = helper.make_tensor("labels", T.STRING, [2], encoded)
    return by_hand(nodes, [("x", T.FLOAT, ["N", 2])], outputs, initializers=[held])


def test_a_model_that_answers_each_row_by_itself_fits() -> None:
    assert found(copying(), CLASSIFIER, rows()) == ""
    assert found(labelled(["no", "yes"]), CLASSIFIER, rows()) == ""


def test_rows_without_a_value_may_be_refused_as_long_as_others_are_answered() -> None:
    sample = rows_of(credit().evaluation.head(200), SIGNATURE.features)
    assert found(by_name(credit().model, SIGNATURE), SIGNATURE, sample) == ""


def test_a_model_that_refuses_every_row_does_not_fit() -> None:
    sample = credit().evaluation.head(20).assign(home_ownership=None)
    told = found(by_name(credit().model, SIGNATURE), SIGNATURE, rows_of(sample, SIGNATURE.features))
    assert "refuses all rows" in told
    assert "home_ownership" in told


def test_scores_are_no_probabilities() -> None:
    raw = rows()
    assert "between 0 and 1" in found(copying(), CLASSIFIER, Rows(3.0 * raw.numbers, ()))


def test_probabilities_in_another_order_than_the_labels_are_found() -> None:
    model = labelled(["yes", "no"])
    assert "understudy.classes" in found(model, CLASSIFIER, rows())
    told = with_properties(written(model), {CLASSES: '["yes", "no"]'})
    assert found(told, CLASSIFIER, rows()) == ""


@pytest.mark.parametrize("signature", [CLASSIFIER, NUMBERS])
def test_rows_that_hang_on_each_other_are_found(signature: Signature) -> None:
    shape = ["N", 2] if signature is CLASSIFIER else ["N", 1]
    nodes = [helper.make_node("Softmax", ["x"], ["all"], axis=0)]
    if signature is CLASSIFIER:
        nodes.append(helper.make_node("Identity", ["all"], ["y"]))
        model = copying(nodes=nodes)
    else:
        axes = helper.make_tensor("axes", T.INT64, [1], [1])
        nodes.append(helper.make_node("ReduceSum", ["all", "axes"], ["y"]))
        model = copying(nodes=nodes, outputs=[("y", T.FLOAT, shape)], initializers=[axes])
    assert "other rows" in found(model, signature, rows())
