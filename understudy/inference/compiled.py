"""Compiled models → runners: ONNX Runtime and treelite, each in one thread of its own caller.

Needs neither scikit-learn nor a converter. A file is checked against the signature it was made for.
"""

import io
import math
import zipfile
from pathlib import Path
from typing import Any, Final

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from understudy.contracts.signature import Signature
from understudy.contracts.vocabulary import CompiledKind
from understudy.inference.class_order import ClassOrder
from understudy.inference.coding import Coder
from understudy.inference.errors import UnfitModelError
from understudy.inference.manifest import Answer, Manifest, read_manifest
from understudy.inference.rows import Rows
from understudy.inference.scored import Floats, Runner, Scored

METADATA: Final = "understudy"
"""Under which an ONNX file holds its manifest."""
INPUT: Final = "rows"
MANIFEST_FILE: Final = "manifest.json"
TREES_FILE: Final = "trees.treelite"
TRANSFORM_FILE: Final = "transform.onnx"
OUTPUTS: Final = {
    # None is a name that a converter gives.
    Answer.NUMBERS: ["answer.numbers"],
    Answer.LABELS: ["answer.labels"],
    Answer.PROBABILITIES: ["answer.probabilities"],
    Answer.BOTH: ["answer.labels", "answer.probabilities"],
}
_ERRORS_ALONE: Final = 4
_FEW: Final = 32
"""Up to so many figures Python is quicker than numpy at checking each."""


def load_compiled(path: Path, kind: CompiledKind, signature: Signature) -> Runner:
    """A runner over a file that `compiling` made.

    UnfitModelError when the file was made for another signature or is none of ours; else raises
    what ONNX Runtime or treelite raises over a damaged one.
    """
    return open_compiled(path.read_bytes(), kind, signature)


def open_compiled(content: bytes, kind: CompiledKind, signature: Signature) -> Runner:
    """The same from memory."""
    if kind is CompiledKind.TREELITE:
        return TreeliteRunner(content, signature)
    return OnnxRunner(content, signature)


class OnnxRunner:
    """One call of a session for all rows."""

    def __init__(self, content: bytes, signature: Signature) -> None:
        session = session_of(content)
        held = session.get_modelmeta().custom_metadata_map.get(METADATA)
        if held is None:
            raise UnfitModelError("the ONNX file says nothing of how it is asked")
        manifest = read_manifest(held)
        manifest.check(signature)
        self._reading = Reading(manifest, signature)
        self._coder = Coder(manifest.coding, np.dtype(manifest.precision))
        self._outputs = OUTPUTS[manifest.answer]
        self._run = session.run

    def score(self, rows: Rows) -> Scored:
        """RefusedRowsError for rows that the original refuses too."""
        found = self._run(self._outputs, {INPUT: self._coder.matrix(rows)})
        return self._reading.scored(found, len(rows))


class TreeliteRunner:
    """Trees by treelite, after what comes before them in the pipeline by ONNX Runtime."""

    def __init__(self, content: bytes, signature: Signature) -> None:
        import treelite  # noqa: PLC0415 - most files need ONNX Runtime alone

        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            manifest = read_manifest(archive.read(MANIFEST_FILE).decode())
            transform = TRANSFORM_FILE in archive.namelist()
            self._transform = session_of(archive.read(TRANSFORM_FILE)).run if transform else None
            self._trees = treelite.Model.deserialize_bytes(archive.read(TREES_FILE))
        manifest.check(signature)
        self._predict = treelite.gtil.predict
        self._round = manifest.round_inputs
        self._reading = Reading(manifest, signature)
        self._classes = len(manifest.classes)
        self._coder = Coder(manifest.coding, np.dtype(np.float64))

    def score(self, rows: Rows) -> Scored:
        """RefusedRowsError for rows that the original refuses too."""
        inputs = self._coder.matrix(rows)
        if self._transform is not None:
            inputs = self._transform(None, {INPUT: inputs})[0]
        if self._round:
            inputs = inputs.astype(np.float32)
        found = self._predict(self._trees, inputs.astype(np.float64), nthread=1)
        found = found.reshape(len(rows), -1)
        if self._classes == 2 and found.shape[1] == 1:
            found = np.concatenate([1.0 - found, found], axis=1)
        return self._reading.scored([found], len(rows))


class Reading:
    """Reads answers in the model's order of classes."""

    def __init__(self, manifest: Manifest, signature: Signature) -> None:
        self._answer = manifest.answer
        self._width = len(manifest.classes)
        if manifest.classes:
            order = ClassOrder([*manifest.classes], signature.target)
            self._positions = order.positions
            alike = np.array_equal(order.order, np.arange(self._width))
            self._order = None if alike else order.order

    def scored(self, found: list[NDArray[Any]], rows: int) -> Scored:
        """UnfitModelError for figures that are not finite or not in the stated shape."""
        if self._answer is Answer.NUMBERS:
            return Scored(finite(found[0].reshape(-1), (rows,)))
        if self._answer is Answer.LABELS:
            return Scored(self._positions[found[0].reshape(rows)])
        probabilities = finite(found[-1], (rows, self._width))
        chosen = found[0] if self._answer is Answer.BOTH else probabilities.argmax(axis=1)
        values = self._positions[chosen]
        if self._order is None:
            return Scored(values, probabilities)
        return Scored(values, probabilities[:, self._order])


def session_of(content: bytes) -> onnxruntime.InferenceSession:
    """A session of one thread. Raises what ONNX Runtime raises over a damaged file."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.execution_mode = onnxruntime.ExecutionMode.ORT_SEQUENTIAL
    options.log_severity_level = _ERRORS_ALONE
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.add_session_config_entry("session.inter_op.allow_spinning", "0")
    # Else a file may be ONNX to whoever checks it, and ONNX Runtime's own format to a session.
    options.add_session_config_entry("session.load_model_format", "ONNX")
    return onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])


def finite(found: NDArray[Any], shape: tuple[int, ...]) -> Floats:
    """Figures of this shape, as float64. UnfitModelError where they are none."""
    if found.shape != shape:
        raise UnfitModelError(f"the model answered in shape {found.shape} instead of {shape}")
    if found.size <= _FEW:
        finite = all(map(math.isfinite, found.ravel().tolist()))
    else:
        finite = bool(np.isfinite(found).all())
    if not finite:
        raise UnfitModelError("the model answered with numbers that are not finite")
    return np.asarray(found, dtype=np.float64)
