"""Stored answers held against a model's: does the same version still say the same?

A stored answer may be the original's or its compiled twin's: the log does not say which one was
asked. It is reproduced when it is the original's within 1e-9, or the twin's or the original's
within what the twin was allowed to differ when it was compiled.
"""

import numpy as np
from numpy.typing import NDArray

from understudy.contracts.replays import EXACT
from understudy.inference.parity import Answers
from understudy.inference.scored import Floats
from understudy.replaying.frames import MOST_NAMED, Audited, Mismatch
from understudy.replaying.history import Past


def audit(past: Past, original: Answers, twin: Answers | None, tolerance: float) -> Audited:
    """What became of the stored answers."""
    own = differences(past, original, EXACT)
    exact = own <= EXACT
    near, nearest = np.zeros_like(exact), own
    if twin is not None:
        loose = np.minimum(
            differences(past, original, tolerance), differences(past, twin, tolerance)
        )
        near, nearest = ~exact & (loose <= tolerance), np.minimum(own, loose)
    wrong = np.flatnonzero(~exact & ~near)
    finite = nearest[np.isfinite(nearest)]
    return Audited(
        rows=len(past.ids),
        elsewhere=past.elsewhere,
        by_original=int(exact.sum()),
        by_twin=int(near.sum()),
        mismatches=wrong.size,
        worst=float(finite.max(initial=0.0)),
        first=[
            Mismatch(past.ids[row], float(nearest[row]) if np.isfinite(nearest[row]) else None)
            for row in wrong[:MOST_NAMED]
        ],
    )


def differences(past: Past, found: Answers, tie: float) -> Floats:
    """Between each stored answer and a found one; infinite where they are no alike answers.

    Two classes whose probabilities are `tie` apart or less are alike: rounding decides them.
    """
    refused = np.isnan(past.values)
    apart = _apart(past, found, tie)
    both = np.where(refused & found.refused, 0.0, np.inf)
    return np.where(refused | found.refused, both, apart)


def _apart(past: Past, found: Answers, tie: float) -> Floats:
    if past.probabilities is None or found.probabilities is None:
        scale = np.maximum(np.abs(past.values), 1.0)
        return np.abs(past.values - found.values) / scale
    if past.probabilities.shape != found.probabilities.shape:
        return np.full(past.values.size, np.inf)
    largest = np.abs(past.probabilities - found.probabilities).max(axis=1, initial=0.0)
    same = (past.values == found.values) | _tied(past, found, tie)
    return np.where(same, largest, np.inf)


def _tied(past: Past, found: Answers, tie: float) -> NDArray[np.bool_]:
    chances = found.probabilities
    if chances is None:
        return np.zeros(past.values.size, dtype=bool)
    rows = np.arange(past.values.size)
    mine, theirs = (
        chances[rows, np.nan_to_num(values).astype(np.intp)]
        for values in (found.values, past.values)
    )
    return np.abs(mine - theirs) <= tie
