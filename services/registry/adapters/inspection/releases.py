"""Which release of scikit-learn saved a model, as it tells whoever loads it."""

import warnings
from collections.abc import Iterable

from sklearn.exceptions import InconsistentVersionWarning


def other_release(told: Iterable[warnings.WarningMessage]) -> str | None:
    """`scikit-learn 1.5.2, and here is 1.9.1`; None when they differ in corrections at most.

    scikit-learn promises nothing about a model that another release reads: what is missing takes
    a default, and what has another meaning is read in the new one.
    """
    for warning in told:
        found = warning.message
        if isinstance(found, InconsistentVersionWarning):
            saved, here = found.original_sklearn_version, found.current_sklearn_version
            if _series(saved) != _series(here):
                return f"scikit-learn {saved}"[:100] + f", and here is {here}"
    return None


def _series(version: object) -> list[str]:
    return str(version).split(".")[:2]
