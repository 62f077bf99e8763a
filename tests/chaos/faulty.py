"""Models that go wrong on marked rows alone, so that a fault begins when its rows do.

A row is marked by a width of 9 and more, which no reference sample holds.
"""

import time
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression

MARKED: Final = 9.5
SLOW_SECONDS: Final = 0.03
DROWSY_SECONDS: Final = 0.15

Inputs = NDArray[np.float64]


class Slow(LogisticRegression):  # type: ignore[misc]
    """Takes its time over marked rows."""

    def predict_proba(self, X: Inputs) -> Any:  # noqa: N803 - scikit-learn's name
        if (X[:, 1] >= MARKED).any():
            time.sleep(SLOW_SECONDS)
        return super().predict_proba(X)


class Drowsy(LogisticRegression):  # type: ignore[misc]
    """Takes longer over marked rows than any objective of latency allows."""

    def predict_proba(self, X: Inputs) -> Any:  # noqa: N803
        if (X[:, 1] >= MARKED).any():
            time.sleep(DROWSY_SECONDS)
        return super().predict_proba(X)


class Mute(LogisticRegression):  # type: ignore[misc]
    """Answers marked rows with NaN."""

    def predict_proba(self, X: Inputs) -> Any:  # noqa: N803
        found = super().predict_proba(X)
        found[X[:, 1] >= MARKED] = np.nan
        return found


class Contrary(LogisticRegression):  # type: ignore[misc]
    """Answers marked rows with the other class."""

    def predict_proba(self, X: Inputs) -> Any:  # noqa: N803
        found = super().predict_proba(X)
        marked = X[:, 1] >= MARKED
        found[marked] = found[marked][:, ::-1]
        return found

    def predict(self, X: Inputs) -> Any:  # noqa: N803
        return self.classes_[self.predict_proba(X).argmax(axis=1)]


TRUSTED: Final = tuple(
    f"{kind.__module__}.{kind.__qualname__}" for kind in (Slow, Drowsy, Mute, Contrary)
)
