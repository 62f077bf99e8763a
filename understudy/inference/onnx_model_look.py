"""Whether an ONNX file may be opened at all: a look at what it says, before a session is made.

For the process that inspects artifacts, which has limits. Nothing of the file runs here; the
library `onnx` parses it and checks it against the standard.
"""

from collections.abc import Iterator
from typing import Any, Final

import onnx
from google.protobuf.message import DecodeError
from onnx.checker import ValidationError, check_model

from understudy.inference.onnx_model_words import named, quoted

DOMAINS: Final = frozenset({"", "ai.onnx", "ai.onnx.ml"})
"""Of operators: the standard's own."""
OLDEST_OPSET: Final = 7
"""Below it ONNX Runtime promises nothing."""
MOST_BYTES: Final = 1 << 30
MOST_NODES: Final = 100_000
DEEPEST: Final = 4
"""How many graphs may be nested."""
_BRANCHES: Final = frozenset({"If", "Scan"})
"""Operators that may hold graphs: how often these run is bounded by the size of their inputs."""
_BY_CHANCE: Final = frozenset(
    {
        "Bernoulli",
        "Multinomial",
        "RandomNormal",
        "RandomNormalLike",
        "RandomUniform",
        "RandomUniformLike",
    }
)


class RefusedModelError(Exception):
    """The file must not be opened; the message says why, and what to change."""


def look(content: bytes) -> None:
    """Raises RefusedModelError."""
    if len(content) > MOST_BYTES:
        raise RefusedModelError(f"it has {len(content)} bytes, more than {MOST_BYTES}")
    model = _parsed(content)
    try:
        _check(model)
        check_model(model)
    except (ValidationError, ValueError) as error:
        raise RefusedModelError(f"it is no valid ONNX ({_shown(error)})") from error


def _check(model: Any) -> None:
    _check_opsets(model)
    _check_shapes(model.graph)
    if model.functions:
        raise RefusedModelError(
            "it defines functions of its own; inline them (onnx.inliner.inline_local_functions)"
        )
    nodes = 0
    for graph, depth in _graphs(model.graph):
        nodes += len(graph.node)
        if nodes > MOST_NODES:
            raise RefusedModelError(f"it has more than {MOST_NODES} operators")
        if depth > DEEPEST:
            raise RefusedModelError(f"its graphs are nested more than {DEEPEST} deep")
        _check_tensors(graph)
        for node in graph.node:
            _check_node(node)


def _parsed(content: bytes) -> Any:
    model = onnx.ModelProto()
    try:
        model.ParseFromString(content)
    except DecodeError as error:
        raise RefusedModelError("it is damaged: it can't be parsed as an ONNX model") from error
    if not model.HasField("graph") or not model.graph.node:
        raise RefusedModelError("it holds no graph")
    return model


def _check_shapes(graph: Any) -> None:
    """Which onnx's own check would tell without the name."""
    for word, values in (("input", graph.input), ("output", graph.output)):
        for value in values:
            kind = value.type
            untold = kind.HasField("tensor_type") and not kind.tensor_type.HasField("shape")
            if untold or kind.WhichOneof("value") is None:
                raise RefusedModelError(
                    f"its {word} {quoted(value.name)} states no {'shape' if untold else 'type'}; "
                    "export it with one (None stands for any number of rows)"
                )


def _check_opsets(model: Any) -> None:
    for opset in model.opset_import:
        if opset.domain not in DOMAINS:
            raise RefusedModelError(
                f"it asks for operators of {quoted(opset.domain)}; export it with those of the "
                "ONNX standard alone ('' and 'ai.onnx.ml')"
            )
        if opset.domain != "ai.onnx.ml" and opset.version < OLDEST_OPSET:
            raise RefusedModelError(
                f"it is written for opset {opset.version}; export it for {OLDEST_OPSET} or later"
            )


def _graphs(graph: Any) -> Iterator[tuple[Any, int]]:
    """Each graph, with how deep it lies; a graph that lies too deep is not looked into."""
    waiting = [(graph, 1)]
    while waiting:
        found, depth = waiting.pop()
        yield found, depth
        waiting += [(inner, depth + 1) for node in found.node for inner in _within(node)]


def _within(node: Any) -> Iterator[Any]:
    for attribute in node.attribute:
        if attribute.HasField("g"):
            yield attribute.g
        yield from attribute.graphs


def _check_node(node: Any) -> None:
    if node.domain not in DOMAINS:
        raise RefusedModelError(
            f"its operator {quoted(node.op_type)} is of {quoted(node.domain)}, which is not the "
            "ONNX standard's; export it without"
        )
    if node.op_type in _BY_CHANCE:
        raise RefusedModelError(
            f"its operator {quoted(node.op_type)} answers by chance, so that no answer could be "
            "reproduced; export it without"
        )
    if node.op_type == "Loop":
        raise RefusedModelError(
            "its operator 'Loop' may run for ever on some rows; export it without, for instance "
            "unrolled"
        )
    if node.op_type not in _BRANCHES and any(True for _ in _within(node)):
        raise RefusedModelError(
            f"its operator {quoted(node.op_type)} holds a graph, which {named(sorted(_BRANCHES))} "
            "alone may do; export it without"
        )
    for attribute in node.attribute:
        _check_attribute(attribute)


def _check_attribute(attribute: Any) -> None:
    tensors = [*attribute.tensors]
    if attribute.HasField("t"):
        tensors.append(attribute.t)
    sparse = [*attribute.sparse_tensors]
    if attribute.HasField("sparse_tensor"):
        sparse.append(attribute.sparse_tensor)
    _check_inside(tensors, sparse)


def _check_tensors(graph: Any) -> None:
    _check_inside([*graph.initializer], [*graph.sparse_initializer])


def _check_inside(tensors: list[Any], sparse: list[Any]) -> None:
    """That all numbers are in the file: a path beside it could be any file of the machine."""
    parts = [*tensors, *(part for tensor in sparse for part in (tensor.values, tensor.indices))]
    for tensor in parts:
        if tensor.data_location != onnx.TensorProto.DEFAULT or tensor.external_data:
            raise RefusedModelError(
                f"its tensor {quoted(tensor.name)} is kept in another file; save all of it in one "
                "(onnx.save with save_as_external_data=False)"
            )


def _shown(error: Exception) -> str:
    return " ".join(str(error).split())[:300]
