"""What an ONNX model made elsewhere answers, read in the signature's order of classes."""

from collections.abc import Mapping, Sequence
from typing import Any, Final, Protocol

import numpy as np
from numpy.typing import NDArray

from understudy.contracts.signature import Target
from understudy.contracts.vocabulary import Label, Task
from understudy.inference.compiled import finite
from understudy.inference.errors import UnfitModelError
from understudy.inference.onnx_model_types import TEXT, Tensor
from understudy.inference.onnx_model_words import named, quoted
from understudy.inference.scored import Floats, Scored

_FIGURES: Final = frozenset({"tensor(float)", "tensor(double)"})
_WHOLE: Final = frozenset({"tensor(int64)", "tensor(int32)", "tensor(bool)"})
_MAPS: Final[Mapping[str, str]] = {
    "seq(map(string,tensor(float)))": TEXT,
    "seq(map(int64,tensor(float)))": "tensor(int64)",
}
"""What ZipMap answers, and the type of its keys."""
_PROBABLE: Final = "prob"

Index = Mapping[Any, int]
"""Of what the model calls a class: its place in the signature."""


class Reading(Protocol):
    """Reads a session's answers."""

    @property
    def names(self) -> Sequence[str]:
        """Outputs that are asked for."""

    def scored(self, found: Sequence[Any], rows: int) -> Scored:
        """UnfitModelError for what is not in the stated shape, not finite, or no class."""


def reading_of(
    outputs: Sequence[Tensor], target: Target, classes: Sequence[Label] | None = None
) -> Reading:
    """`classes`: in the order of the model's probabilities, where it states them.

    UnfitModelError says what to change.
    """
    if target.task is Task.REGRESSION:
        return _Numbers(outputs)
    labels = _labels_among(outputs)
    maps = [tensor for tensor in outputs if tensor.type in _MAPS]
    if maps:
        return _Maps(maps[0], labels, target)
    figures = _figures_among(outputs)
    if figures is None and labels is None:
        raise UnfitModelError(
            f"none of the model's outputs ({_listed(outputs)}) is a label or probabilities; export "
            "a classifier with its label (int64 or string) and its probabilities, a matrix of "
            "rows by classes"
        )
    return _Classes(labels, figures, target, classes)


class _Numbers:
    """A regression."""

    def __init__(self, outputs: Sequence[Tensor]) -> None:
        if len(outputs) != 1 or outputs[0].type not in _FIGURES or _is_wide(outputs[0]):
            raise UnfitModelError(
                f"a regression answers one float or double for each row; the model's outputs are "
                f"{_listed(outputs)}. Drop what is more, or state the task 'classification'"
            )
        self.names = [outputs[0].name]

    def scored(self, found: Sequence[Any], rows: int) -> Scored:
        return Scored(finite(_flat(found[0], rows), (rows,)))


class _Classes:
    """A label, probabilities as a matrix, or both."""

    def __init__(
        self,
        labels: Tensor | None,
        figures: Tensor | None,
        target: Target,
        classes: Sequence[Label] | None,
    ) -> None:
        self.names = [tensor.name for tensor in (labels, figures) if tensor is not None]
        self._index = None if labels is None else _index(labels.type, target)
        self._width = len(target.classes)
        self._figures = figures is not None
        self._order = np.arange(self._width)
        if figures is not None:
            _check_width(figures, self._width)
            self._order = _column_order(target, classes, self._index)
        self._in_order = bool((self._order == np.arange(self._width)).all())

    def scored(self, found: Sequence[Any], rows: int) -> Scored:
        probabilities: Floats | None = None
        if self._figures:
            probabilities = finite(found[-1], (rows, self._width))
            if not self._in_order:
                probabilities = probabilities[:, self._order]
        if self._index is not None:
            return Scored(_places(found[0], rows, self._index), probabilities)
        assert probabilities is not None  # noqa: S101 - there is a label or there are figures
        return Scored(probabilities.argmax(axis=1).astype(np.float64), probabilities)


class _Maps:
    """A dictionary from class to probability for each row."""

    def __init__(self, maps: Tensor, labels: Tensor | None, target: Target) -> None:
        by_name = _index(_MAPS[maps.type], target)
        self._keys = sorted(by_name, key=by_name.__getitem__)
        self._index = None if labels is None else _index(labels.type, target)
        self.names = [tensor.name for tensor in (labels, maps) if tensor is not None]

    def scored(self, found: Sequence[Any], rows: int) -> Scored:
        try:
            figures = np.array([[row[key] for key in self._keys] for row in found[-1]])
        except KeyError as error:
            raise UnfitModelError(
                f"the model's probabilities do not name the class {quoted(error.args[0])}"
            ) from error
        widest = max(map(len, found[-1]), default=0)
        if widest > len(self._keys):
            raise UnfitModelError(
                f"the model's probabilities name {widest} classes, the signature "
                f"{len(self._keys)}; state all classes that the model was trained with"
            )
        probabilities = finite(figures, (rows, len(self._keys)))
        if self._index is not None:
            return Scored(_places(found[0], rows, self._index), probabilities)
        return Scored(probabilities.argmax(axis=1).astype(np.float64), probabilities)


def _labels_among(outputs: Sequence[Tensor]) -> Tensor | None:
    found = [tensor for tensor in outputs if tensor.type in _WHOLE or tensor.type == TEXT]
    chosen = _only(found, "label")
    if chosen is not None and _is_wide(chosen):
        raise UnfitModelError(
            f"the model's label {quoted(chosen.name)} has the shape {[*chosen.shape]!s:.80}; "
            "export one label for each row"
        )
    return chosen


def _figures_among(outputs: Sequence[Tensor]) -> Tensor | None:
    found = [tensor for tensor in outputs if tensor.type in _FIGURES]
    return _only(found, _PROBABLE)


def _only(found: Sequence[Tensor], word: str) -> Tensor | None:
    """The only one, or the only one that is named so."""
    if len(found) > 1:
        told = [tensor for tensor in found if word in tensor.name.lower()]
        if len(told) != 1:
            raise UnfitModelError(
                f"which of the model's outputs {_listed(found)} counts is not clear; export the "
                "label and the probabilities alone"
            )
        return told[0]
    return found[0] if found else None


def _check_width(figures: Tensor, width: int) -> None:
    shape = figures.shape
    if shape and (len(shape) != 2 or (isinstance(shape[1], int) and shape[1] != width)):
        raise UnfitModelError(
            f"the model's output {quoted(figures.name)} has the shape {[*shape]!s:.80}, the "
            f"signature names {width} classes; export the probability of each class, as a matrix "
            f"of the shape [None, {width}]"
        )


def _is_wide(tensor: Tensor) -> bool:
    """Whether it surely holds more than one value a row."""
    shape = tensor.shape
    return len(shape) > 2 or (len(shape) == 2 and isinstance(shape[1], int) and shape[1] != 1)


def _index(kind: str, target: Target) -> Index:
    """What a model with labels of this kind calls the signature's classes."""
    if kind == TEXT:
        if all(isinstance(label, str) for label in target.classes):
            return {label: place for place, label in enumerate(target.classes)}
        raise UnfitModelError(
            f"the model's labels are texts, the signature's classes are {named(target.classes)}; "
            "state the classes as texts"
        )
    found: dict[int, int] = {}
    for place, label in enumerate(target.classes):
        if isinstance(label, str) or label != int(label):
            raise UnfitModelError(
                f"the model's labels are whole numbers, the signature names the class "
                f"{quoted(label)}; state the classes as the model's numbers"
            )
        found[int(label)] = place
    return found


def _column_order(
    target: Target, classes: Sequence[Label] | None, index: Index | None
) -> NDArray[np.intp]:
    """Of each class of the signature: its column in the model's probabilities."""
    if classes is not None:
        if len(classes) != len(target.classes) or {*classes} != {*target.classes}:
            raise UnfitModelError(
                f"the model states the classes {named(classes)}, the signature "
                f"{named(target.classes)}; state those of the model"
            )
        return np.array([[*classes].index(label) for label in target.classes], dtype=np.intp)
    if index is None:
        return np.arange(len(target.classes))
    # As scikit-learn and all that converts its models keep them: sorted.
    ordered = sorted(index)
    return np.argsort([index[label] for label in ordered])


def _places(labels: Any, rows: int, index: Index) -> Floats:
    try:
        found = [index[label] for label in _flat(labels, rows).tolist()]
    except KeyError as error:
        raise UnfitModelError(
            f"the model answered the class {quoted(error.args[0])}, which the signature does not "
            "name; state all classes that the model was trained with"
        ) from error
    return np.array(found, dtype=np.float64)


def _flat(found: Any, rows: int) -> NDArray[Any]:
    if found.shape not in {(rows,), (rows, 1)}:
        raise UnfitModelError(f"the model answered {rows} rows in the shape {found.shape}")
    flat: NDArray[Any] = found.reshape(-1)
    return flat


def _listed(outputs: Sequence[Tensor]) -> str:
    return named([f"{tensor.name[:40]}: {tensor.type[:40]}" for tensor in outputs])
