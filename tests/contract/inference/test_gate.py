"""The gate refuses twins that are wrong, and whoever asks for a twin gets an answer."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
import skl2onnx
from skl2onnx.common.data_types import DoubleTensorType

from examples.credit.train import EXAMPLE as CREDIT
from examples.credit.train import past_loans
from examples.iris import EXAMPLE as IRIS
from examples.iris import blossoms
from tests.contract.inference.zoo import CASES, Fitted, fitted, rows_of
from understudy.contracts.signature import Signature
from understudy.contracts.vocabulary import CompiledKind
from understudy.inference.compiled import OUTPUTS, load_compiled, open_compiled
from understudy.inference.compiling import CompiledModel, NotCompiled, compile_model, manifest_of
from understudy.inference.edges import Block, blocks
from understudy.inference.errors import RefusedRowsError, UnfitModelError
from understudy.inference.estimators import SklearnRunner
from understudy.inference.manifest import Answer
from understudy.inference.numeric_twin import numeric_twin
from understudy.inference.parity import TOLERANCES, Parity, answers, parity
from understudy.inference.rows import Rows
from understudy.inference.scored import Runner, Scored


def verdict(found: Fitted, runner: Runner) -> Parity:
    """As `compile_model` judges it."""
    twin = numeric_twin(found.model, found.signature)
    asked = blocks(found.signature, found.rows, twin.thresholds, twin.known)
    original = SklearnRunner(found.model, found.signature, found.rows)
    expected = [answers(original, block.rows) for block in asked]
    return parity(expected, runner, asked, TOLERANCES["float64"])


def usual_conversion(found: Fitted) -> bytes:
    """A forest as skl2onnx converts it by itself, with float64 inputs."""
    twin = numeric_twin(found.model, found.signature)
    width = len(found.signature.features)
    graph = skl2onnx.convert_sklearn(
        twin.model,
        initial_types=[("rows", DoubleTensorType([None, width]))],
        options={id(twin.model): {"zipmap": False}},
        target_opset={"": 18, "ai.onnx.ml": 3},
    )
    manifest = manifest_of(found.model, found.signature, twin, "float64")
    (name,) = OUTPUTS[Answer.PROBABILITIES]
    held = graph.graph.output[-1]
    graph.graph.node.append(onnx.helper.make_node("Identity", [held.name], [name]))
    held.name = name
    onnx.helper.set_model_props(graph, {"understudy": manifest.text()})
    return bytes(graph.SerializeToString())


def test_a_forest_that_compares_in_the_wrong_precision_is_refused() -> None:
    found = fitted(CASES["random forest"])
    wrong = open_compiled(usual_conversion(found), CompiledKind.ONNX, found.signature)
    judged = verdict(found, wrong)
    assert judged.objection is not None
    assert judged.difference > 1e-3


def test_the_same_forest_compiled_here_is_let_through() -> None:
    found = fitted(CASES["random forest"])
    made = compile_model(found.model, found.signature, found.rows)
    assert isinstance(made, CompiledModel)
    judged = verdict(found, open_compiled(made.content, made.kind, found.signature))
    assert judged == Parity(None, made.rows, made.difference)


class Shifted:
    """A runner whose answers are a little off where a feature is at an edge of the sample."""

    def __init__(self, inner: Runner, edge: float, by: float) -> None:
        self._inner = inner
        self._edge = edge
        self._by = by

    def score(self, rows: Rows) -> Scored:
        scored = self._inner.score(rows)
        return Scored(scored.values + self._by * (rows.numbers[:, 3] >= self._edge))


def test_what_goes_wrong_at_an_edge_alone_is_refused() -> None:
    found = fitted(CASES["scaler + linear regression"])
    inner = SklearnRunner(found.model, found.signature, found.rows)
    beyond = float(found.rows.numbers[:, 3].max()) + 0.5
    judged = verdict(found, Shifted(inner, beyond, 1e-2))
    assert judged.objection is not None
    assert "extremes" in judged.objection
    assert verdict(found, Shifted(inner, beyond, 0.0)).objection is None


@pytest.mark.parametrize(
    ("example", "sample"),
    [(IRIS, blossoms()), (CREDIT, past_loans(500, seed=5))],
    ids=["iris", "credit-risk"],
)
def test_the_examples_compile(example: Any, sample: Any) -> None:
    for recipe in example.recipes:
        made = recipe.train()
        rows = rows_of(sample, made.signature.features)
        assert isinstance(compile_model(made.model, made.signature, rows), CompiledModel)


class Odd:
    """No converter knows it."""

    classes_ = np.array(["no", "yes"])

    def __init__(self, failure: type[BaseException] | None = None) -> None:
        self.failure = failure

    def predict(self, rows: Any) -> Any:
        if self.failure is not None:
            raise self.failure
        return self.classes_[(rows[:, 0] > 0).astype(int)]


def numbers() -> tuple[Signature, Rows]:
    found = fitted(CASES["scaler + logistic regression"], 50)
    return found.signature, found.rows


def test_a_model_that_no_converter_knows_is_not_compiled() -> None:
    made = compile_model(Odd(), *numbers())
    assert isinstance(made, NotCompiled)
    assert "onnx float64" in made.reason


def test_a_model_that_refuses_its_own_sample_is_not_compiled() -> None:
    made = compile_model(Odd(ArithmeticError), *numbers())
    assert made == NotCompiled("the model refuses rows of its reference sample")


def test_running_out_of_memory_is_for_the_caller_to_see() -> None:
    with pytest.raises(MemoryError):
        compile_model(Odd(MemoryError), *numbers())


def test_rows_that_the_model_refuses_are_refused() -> None:
    """Its scaler lets a missing value through, its logistic regression does not."""
    found = fitted(CASES["imputer + ridge, missing values"])
    model = found.model[1:]
    made = compile_model(model, found.signature, whole(found.rows))
    assert isinstance(made, CompiledModel)
    runner = open_compiled(made.content, made.kind, found.signature)
    gap = Rows(np.where(np.arange(30) == 4, np.nan, 1.0)[None, :], ())
    with pytest.raises(RefusedRowsError):
        runner.score(gap)


def whole(rows: Rows) -> Rows:
    return Rows(np.nan_to_num(rows.numbers), ())


def test_unseen_categories_are_refused_where_the_model_refuses_them() -> None:
    found = fitted(CASES["columns + logistic regression"])
    found.model[0].named_transformers_["onehotencoder"].handle_unknown = "error"
    made = compile_model(found.model, found.signature, found.rows)
    assert isinstance(made, CompiledModel)
    runner = open_compiled(made.content, made.kind, found.signature)
    one = found.rows.part(0, 1)
    runner.score(one)
    with pytest.raises(RefusedRowsError):
        runner.score(Rows(one.numbers, (one.texts[0], ["Reykjavík"])))


def test_numbers_beyond_float32_are_refused_where_the_model_refuses_them() -> None:
    """Bounds do not keep them out: a policy may let in what is beyond them."""
    found = fitted(CASES["random forest"])
    bounded = [replace(f, minimum=-1e6, maximum=1e6) for f in found.signature.features]
    signature = replace(found.signature, features=tuple(bounded))
    made = compile_model(found.model, signature, found.rows)
    assert isinstance(made, CompiledModel)
    original = SklearnRunner(found.model, signature, found.rows)
    numbers = found.rows.part(0, 1).numbers.copy()
    numbers[0, 0] = 1e39
    with np.errstate(over="ignore"), pytest.raises(ValueError, match="too large"):
        original.score(Rows(numbers, ()))
    with pytest.raises(RefusedRowsError):
        open_compiled(made.content, made.kind, signature).score(Rows(numbers, ()))


@pytest.mark.parametrize("kind", CompiledKind)
def test_a_damaged_file_is_not_loaded(kind: CompiledKind, tmp_path: Path) -> None:
    file = tmp_path / "damaged"
    file.write_bytes(b"no graph")
    with pytest.raises(Exception, match=r".+"):
        load_compiled(file, kind, numbers()[0])


def test_a_file_is_not_loaded_for_another_signature() -> None:
    found = fitted(CASES["lasso"], 100)
    made = compile_model(found.model, found.signature, found.rows)
    assert isinstance(made, CompiledModel)
    other = Signature(found.signature.features[::-1], found.signature.target)
    with pytest.raises(UnfitModelError, match="other features"):
        open_compiled(made.content, made.kind, other)
    with pytest.raises(UnfitModelError, match="other classes"):
        open_compiled(made.content, made.kind, numbers()[0])


def test_a_graph_of_somebody_else_is_not_loaded() -> None:
    found = fitted(CASES["lasso"], 100)
    graph = skl2onnx.to_onnx(found.model, found.rows.numbers[:1])
    with pytest.raises(UnfitModelError, match="how it is asked"):
        open_compiled(graph.SerializeToString(), CompiledKind.ONNX, found.signature)


def test_edges_cover_what_the_signature_allows() -> None:
    found = fitted(CASES["columns + random forest"])
    twin = numeric_twin(found.model, found.signature)
    asked: dict[str, Block] = {
        block.name: block
        for block in blocks(found.signature, found.rows, twin.thresholds, twin.known)
    }
    assert [*asked] == [
        "the reference sample",
        "its extremes",
        "where trees split",
        "categories",
        "unseen categories",
        "missing values",
        "huge numbers",
        "huge numbers beyond bounds",
    ]
    assert np.isnan(asked["missing values"].rows.numbers[-1, :2]).all()
    assert asked["huge numbers"].rows.numbers[:, 1].max() == 1e300
