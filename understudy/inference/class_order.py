"""Between the order of classes in a model and that in its signature."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from understudy.contracts.signature import Target
from understudy.inference.errors import UnfitModelError
from understudy.inference.scored import Floats


class ClassOrder:
    """Between the order of classes in the model and that in the signature."""

    def __init__(self, model_classes: Sequence[object], target: Target) -> None:
        if len(model_classes) != len(target.classes) or set(model_classes) != set(target.classes):
            raise UnfitModelError(
                f"the model's classes are {model_classes}, the signature's {target.classes}"
            )
        self._index = {label: index for index, label in enumerate(target.classes)}
        self.order: NDArray[np.intp] = np.array([model_classes.index(c) for c in target.classes])
        """Of each class of the signature: its column in the model's probabilities."""
        self.positions: Floats = np.array([self._index[c] for c in model_classes], dtype=np.float64)  # type: ignore[index]
        """Of each class of the model: its index in the signature."""

    def indices(self, labels: Any) -> Floats:
        """What `predict` returned, as indices in the signature's classes."""
        return np.array([self._index[label] for label in labels.tolist()], dtype=np.float64)
