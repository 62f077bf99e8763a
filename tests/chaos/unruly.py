"""Models that misbehave on marked rows alone, so that a registry takes them: four kinds.

A row is marked by a width of 9 and more, which no reference sample holds; its hundredths number it.
"""

import os
import time
from typing import Any, ClassVar, Final

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression

MARK: Final = 9.0
NUMBERED: Final = 100
GATED: Final = 9.9375
"""Exact, so that nobody who tries a model with values of its own meets it."""
_PIECE_BYTES: Final = 8 * 1_024 * 1_024


def marked_width(number: int) -> float:
    """The width of the row of that number."""
    return MARK + number % NUMBERED / NUMBERED


def catches(every: int, number: int) -> bool:
    """Whether a model that misbehaves on one row in `every` does so on that one."""
    return number % NUMBERED % every == 0


class Unruly(LogisticRegression):  # type: ignore[misc]
    """Misbehaves on one marked row in `every`, before it answers."""

    every: ClassVar[int] = 1

    def predict_proba(self, X: NDArray[np.float64]) -> Any:  # noqa: N803 - scikit-learn's name
        for width in X[:, 1].tolist():
            number = round((width - MARK) * NUMBERED)
            if number >= 0 and catches(self.every, number):
                self.misbehave()
        return super().predict_proba(X)

    def misbehave(self) -> None:
        raise NotImplementedError


class Sleeping(Unruly):
    def misbehave(self) -> None:
        time.sleep(1.0)


class Raising(Unruly):
    every = 10

    def misbehave(self) -> None:
        raise ValueError("unlucky")


class Aborting(Unruly):
    every = 100

    def misbehave(self) -> None:
        os.abort()


class Eating(Unruly):
    def misbehave(self) -> None:
        # Written to, so that it is taken and not only promised.
        eaten = []
        while True:
            eaten.append(b"\xff" * _PIECE_BYTES)


class Gated(LogisticRegression):  # type: ignore[misc]
    """Answers a row of one width when a file is there; tells by another that it waits."""

    def __init__(self, gate: str = "") -> None:
        super().__init__()
        self.gate = gate

    def predict_proba(self, X: NDArray[np.float64]) -> Any:  # noqa: N803 - scikit-learn's name
        time.sleep(0.01)  # slow enough to be called in a thread
        if self.gate and (X[:, 1] == GATED).any():
            self._wait()
        return super().predict_proba(X)

    def _wait(self) -> None:
        with open(f"{self.gate}.waits", "w"):  # noqa: PTH123 - a model's code is anybody's
            pass
        deadline = time.monotonic() + 30.0
        while not os.path.exists(self.gate):  # noqa: PTH110
            if time.monotonic() > deadline:
                raise TimeoutError(self.gate)
            time.sleep(0.01)


TRUSTED: Final = tuple(
    f"{kind.__module__}.{kind.__qualname__}"
    for kind in (Sleeping, Raising, Aborting, Eating, Gated)
)
