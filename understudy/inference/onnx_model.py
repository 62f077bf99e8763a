"""ONNX models made elsewhere → runners: from PyTorch, skl2onnx, LightGBM, whatever writes them.

What they take and answer is checked against the signature when they are loaded. Two properties in a
file's metadata say what its tensors can't: `understudy.null` what stands for missing values, and
`understudy.classes` the order of the probabilities; both are JSON.
"""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import onnxruntime

from understudy.contracts.signature import Signature
from understudy.contracts.vocabulary import Label
from understudy.inference.compiled import METADATA, session_of
from understudy.inference.errors import UnfitModelError
from understudy.inference.onnx_model_inputs import feed_of
from understudy.inference.onnx_model_outputs import reading_of
from understudy.inference.rows import Rows
from understudy.inference.scored import Scored

NULLS: Final = "understudy.null"
"""By feature, what its input takes for a missing value."""
CLASSES: Final = "understudy.classes"
"""The classes in the order of the probabilities' columns."""


def read_onnx_model(path: Path, signature: Signature) -> "OnnxModelRunner":
    """A runner over a version's artifact. UnfitModelError when it can't answer the signature."""
    return OnnxModelRunner(path.read_bytes(), signature)


class OnnxModelRunner:
    """One call of a session for all rows, in the thread of whoever asks."""

    def __init__(self, content: bytes, signature: Signature) -> None:
        session = _opened(content)
        held = session.get_modelmeta().custom_metadata_map
        if METADATA in held:
            raise UnfitModelError(
                "the file is what a registry compiled of a version; register the model that it was "
                "compiled of"
            )
        self._feed = feed_of(session.get_inputs(), signature, _nulls(held))
        self._reading = reading_of(session.get_outputs(), signature.target, _classes(held))
        self._run = session.run
        self._outputs = [*self._reading.names]

    def score(self, rows: Rows) -> Scored:
        """RefusedRowsError for values that the model's inputs can't hold.

        UnfitModelError for answers that are not finite, of another shape, or no class; else what
        ONNX Runtime raises.
        """
        return self._reading.scored(self._run(self._outputs, self._feed.of(rows)), len(rows))


def _opened(content: bytes) -> onnxruntime.InferenceSession:
    try:
        return session_of(content)
    except MemoryError:
        raise
    except Exception as error:
        said = " ".join(str(error).split())[:300]
        raise UnfitModelError(
            f"ONNX Runtime {onnxruntime.__version__} can't load the model ({said}); export it for "
            "an opset that this version knows, with operators that it has for the processor"
        ) from error


def _nulls(held: Mapping[str, str]) -> Mapping[str, Label]:
    found = _stated(held, NULLS, {})
    if not isinstance(found, dict) or not all(map(_is_label, found.values())):
        raise UnfitModelError(f"the property '{NULLS}' must be an object: a value by feature")
    return found


def _classes(held: Mapping[str, str]) -> Sequence[Label] | None:
    found = _stated(held, CLASSES, None)
    if found is None:
        return None
    if not isinstance(found, list) or not all(map(_is_label, found)):
        raise UnfitModelError(f"the property '{CLASSES}' must be a list of classes")
    return found


def _stated(held: Mapping[str, str], name: str, default: Any) -> Any:
    try:
        return json.loads(held[name]) if name in held else default
    except (ValueError, RecursionError) as error:
        raise UnfitModelError(f"the model's property '{name}' is no JSON") from error


def _is_label(value: object) -> bool:
    return isinstance(value, str | int | float)
