"""How checked rows are handed to a scikit-learn model: as an array, a frame or objects."""

import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from understudy.contracts.signature import Signature
from understudy.inference.errors import UnfitModelError
from understudy.inference.rows import Rows
from understudy.inference.scored import Floats


class Arrays:
    """Inputs as a two-dimensional float64 array."""

    def __init__(self, order: NDArray[np.intp] | None) -> None:
        self._order = order

    def inputs(self, rows: Rows) -> Floats:
        """Columns in the model's order."""
        return rows.numbers if self._order is None else rows.numbers[:, self._order]


class Frames:
    """Inputs as a DataFrame with the names that the model was fitted with."""

    def __init__(self, names: Sequence[str], signature: Signature) -> None:
        numeric = [feature.name for feature in signature.features if feature.numeric]
        texts = [feature.name for feature in signature.features if not feature.numeric]
        self._columns = [
            (name, name in numeric, (numeric if name in numeric else texts).index(name))
            for name in names
        ]

    def inputs(self, rows: Rows) -> pd.DataFrame:
        """Missing categories are NaN, as they are when a frame is read from a file."""
        return pd.DataFrame(
            {
                name: rows.numbers[:, index] if numeric else _texts(rows.texts[index])
                for name, numeric, index in self._columns
            },
            copy=False,
        )


class Objects(Frames):
    """Inputs as an array of objects, for a model fitted on one that held strings."""

    def inputs(self, rows: Rows) -> Any:
        """Columns in the signature's order."""
        return super().inputs(rows).to_numpy(dtype=object)


def layout_of(model: Any, signature: Signature, probe: Rows) -> Arrays | Frames:
    """The cheapest layout in which `model` answers the rows of `probe` as it was fitted to.

    UnfitModelError when it was fitted with other features than the signature states.
    """
    names = getattr(model, "feature_names_in_", None)
    has_texts = any(not feature.numeric for feature in signature.features)
    if names is None:
        return Objects(signature.names, signature) if has_texts else Arrays(None)
    fitted = [str(name) for name in names]
    if sorted(fitted) != sorted(signature.names):
        raise UnfitModelError(f"the model was fitted with the features {fitted}")
    frames = Frames(fitted, signature)
    if has_texts:
        return frames
    order = np.array([signature.names.index(name) for name in fitted])
    arrays = Arrays(None if fitted == [*signature.names] else order)
    return arrays if _same_answers(model, arrays, frames, probe) else frames


def _same_answers(model: Any, arrays: Arrays, frames: Frames, probe: Rows) -> bool:
    """Whether the model takes plain arrays too: making a frame costs more than most models."""
    warnings.filterwarnings("ignore", message="X does not have valid feature names")
    ask = getattr(model, "predict_proba", model.predict)
    try:
        return bool(np.array_equal(ask(arrays.inputs(probe)), ask(frames.inputs(probe))))
    except Exception:  # noqa: BLE001 - a model that selects columns by name refuses in its own way
        return False


def _texts(values: Sequence[str | None]) -> NDArray[np.object_]:
    return np.array([np.nan if value is None else value for value in values], dtype=object)
