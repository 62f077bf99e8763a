"""What an ONNX file must not hold, found before a session is made of it."""

import contextlib
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from tests.fakes.onnx_files import copying, written
from understudy.inference import onnx_model_look
from understudy.inference.compiled import session_of
from understudy.inference.onnx_model_look import RefusedModelError, look

COND = helper.make_tensor("cond", TensorProto.BOOL, [], [1])


def refused(model: Any) -> str:
    content = model if isinstance(model, bytes) else written(model)
    with pytest.raises(RefusedModelError) as caught:
        look(content)
    return str(caught.value)


def branch(inner: Any, name: str) -> Any:
    """A graph without inputs that answers what the inner operators do."""
    value = helper.make_tensor_value_info(f"{name}.out", TensorProto.FLOAT, ["N", 2])
    return helper.make_graph([*inner], name, [], [value])


def nested(depth: int) -> Any:
    """`If` within `If`."""
    inner = [helper.make_node("Identity", ["x"], [f"b{depth}.out"])]
    for level in range(depth - 1, -1, -1):
        other = branch(
            [helper.make_node("Identity", ["x"], [f"o{level + 1}.out"])], f"o{level + 1}"
        )
        told = branch(inner, f"b{level + 1}")
        node = helper.make_node(
            "If", ["cond"], [f"b{level}.out"], then_branch=told, else_branch=other
        )
        inner = [node]
    inner.append(helper.make_node("Identity", ["b0.out"], ["y"]))
    return copying(nodes=inner, initializers=[COND])


def test_a_plain_model_passes() -> None:
    look(written(copying()))


def test_what_is_no_model_is_refused() -> None:
    assert "damaged" in refused(b"\xff" * 100)
    assert "no graph" in refused(b"")
    assert "no graph" in refused(b"\x08\x08")


def test_half_a_model_is_refused() -> None:
    content = written(copying())
    assert refused(content[: len(content) // 2])


def test_names_that_are_no_text_are_refused() -> None:
    content = written(copying()).replace(b"Identity", b"Ident\xff\xfey")
    assert "utf-8" in refused(content)


@pytest.mark.parametrize("seed", range(4))
def test_damaged_models_are_refused_in_words_or_pass(seed: int) -> None:
    random, content = np.random.default_rng(seed), written(nested(3))
    for _ in range(100):
        damaged = bytearray(content)
        for place in random.integers(0, len(content), 3):
            damaged[place] = random.integers(0, 256)
        with contextlib.suppress(RefusedModelError):
            look(bytes(damaged))


def test_an_output_without_a_shape_is_named() -> None:
    model = copying()
    model.graph.output[0].type.tensor_type.ClearField("shape")
    assert f"its output '{model.graph.output[0].name}' states no shape" in refused(model)
    model.graph.output[0].ClearField("type")
    assert "states no type" in refused(model)


def test_operators_of_others_are_refused() -> None:
    node = helper.make_node("Gelu", ["x"], ["y"], domain="com.microsoft")
    assert "com.microsoft" in refused(copying(nodes=[node], domains={"com.microsoft": 1}))
    unstated = copying(nodes=[node])
    assert "com.microsoft" in refused(unstated)


def test_functions_of_its_own_are_refused() -> None:
    model = copying()
    body = [helper.make_node("Identity", ["a"], ["b"])]
    opsets = [helper.make_opsetid("", 17)]
    model.functions.append(helper.make_function("", "Same", ["a"], ["b"], body, opsets))
    assert "inline" in refused(model)


@pytest.mark.parametrize("place", ["initializer", "attribute", "inner"])
def test_numbers_in_other_files_are_refused(place: str) -> None:
    tensor = helper.make_tensor("w", TensorProto.FLOAT, [2], [1.0, 2.0])
    tensor.ClearField("float_data")
    tensor.data_location = TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value="../../../etc/passwd")
    if place == "initializer":
        model = copying(initializers=[tensor])
    else:
        constant = helper.make_node("Constant", [], ["w"], value=tensor)
        same = helper.make_node("Identity", ["x"], ["i.out"])
        if place == "attribute":
            model = copying(nodes=[constant, helper.make_node("Add", ["x", "w"], ["y"])])
        else:
            inner = branch([constant, same], "i")
            other = branch([helper.make_node("Identity", ["x"], ["o.out"])], "o")
            node = helper.make_node("If", ["cond"], ["y"], then_branch=inner, else_branch=other)
            model = copying(nodes=[node], initializers=[COND])
    assert "another file" in refused(model)


def test_branches_are_taken_unless_they_are_nested_too_deep() -> None:
    look(written(nested(onnx_model_look.DEEPEST - 1)))
    assert "nested" in refused(nested(onnx_model_look.DEEPEST))


def test_deeply_nested_graphs_do_not_break_the_look() -> None:
    assert refused(nested(25))


def test_loops_are_refused() -> None:
    body = helper.make_graph(
        [
            helper.make_node("Identity", ["going"], ["on"]),
            helper.make_node("Identity", ["kept"], ["next"]),
        ],
        "body",
        [
            helper.make_tensor_value_info("turn", TensorProto.INT64, []),
            helper.make_tensor_value_info("going", TensorProto.BOOL, []),
            helper.make_tensor_value_info("kept", TensorProto.FLOAT, ["N", 2]),
        ],
        [
            helper.make_tensor_value_info("on", TensorProto.BOOL, []),
            helper.make_tensor_value_info("next", TensorProto.FLOAT, ["N", 2]),
        ],
    )
    node = helper.make_node("Loop", ["", "cond", "x"], ["y"], body=body)
    assert "for ever" in refused(copying(nodes=[node], initializers=[COND]))


def test_answers_by_chance_are_refused() -> None:
    node = helper.make_node("RandomNormalLike", ["x"], ["y"])
    assert "by chance" in refused(copying(nodes=[node]))


def test_old_opsets_are_refused() -> None:
    assert "opset 6" in refused(copying(opset=6))


def test_operators_that_there_are_not_are_refused() -> None:
    assert "no valid ONNX" in refused(copying(nodes=[helper.make_node("Nonsense", ["x"], ["y"])]))


def test_too_many_operators_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(onnx_model_look, "MOST_NODES", 1)
    nodes = [helper.make_node("Identity", ["x"], ["a"]), helper.make_node("Identity", ["a"], ["y"])]
    assert "operators" in refused(copying(nodes=nodes))


def test_too_large_a_file_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(onnx_model_look, "MOST_BYTES", 10)
    assert "bytes" in refused(copying())


def test_a_session_reads_what_was_looked_at_and_no_other_format() -> None:
    """Bytes 4 to 8 would tell ONNX Runtime of a format of its own, which nobody looked at."""
    model = copying()
    model.producer_name = "abORTM" + "x" * 20
    part = onnx.ModelProto(producer_name=model.producer_name).SerializeToString()
    model.ClearField("producer_name")
    content = part + written(model)
    assert content[4:8] == b"ORTM"
    look(content)
    assert [tensor.name for tensor in session_of(content).get_inputs()] == ["x"]
