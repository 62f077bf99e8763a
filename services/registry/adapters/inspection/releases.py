"""Which release of scikit-learn saved a model, as it tells whoever loads it."""

import warnings
from collections.abc import Iterable


def other_release(told: Iterable[warnings.WarningMessage]) -> str | None:
    """`scikit-learn 1.5.2, and here is 1.9.1`; None when they differ in corrections at most.

    scikit-learn promises nothing about a model that another release reads: what is missing takes
    a default, and what has another meaning is read in the new one.
    """
    for warning in told:
        # By its attributes: scikit-learn need not be loaded for it (InconsistentVersionWarning).
        saved = getattr(warning.message, "original_sklearn_version", None)
        here = getattr(warning.message, "current_sklearn_version", None)
        if saved is not None and _series(saved) != _series(here):
            return f"scikit-learn {saved}"[:100] + f", and here is {here}"
    return None


def _series(version: object) -> list[str]:
    return str(version).split(".")[:2]
