"""Facts: what was answered, by whom, and what came true, in the terms of the signature.

Answers and labels of whatever version are numbers here: the index of a class in the signature's
order, or the predicted number.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from services.monitor.domain.arrays import Floats
from services.monitor.domain.deciding.terms import Terms
from services.monitor.domain.rows import LabelRows, PairRows, PredictionRows, ProtectedRows
from understudy.contracts.signature import Target

Flags = NDArray[np.bool_]


@dataclass(frozen=True, slots=True, eq=False)
class Incoming:
    """What one look at the log brought."""

    deployment: str
    target: Target
    terms: Terms
    """Of the present release. A row keeps the terms under which it was first taken up."""
    predictions: Sequence[PredictionRows] = ()
    pairs: Sequence[PairRows] = ()
    labels: Sequence[LabelRows] = ()
    protected: Sequence[ProtectedRows] = ()


@dataclass(frozen=True, slots=True, eq=False)
class Answers:
    """What one version said to n rows: NaN where it failed, or was not asked."""

    values: Floats
    probabilities: Floats | None
    """(n, k) in the signature's order; NaN rows where there are none."""
    asked: Flags


@dataclass(frozen=True, slots=True, eq=False)
class JoinedRows:
    """Rows of one main and one set of terms, with whatever is known of each."""

    main: int
    terms: Terms
    ids: Sequence[str]
    at: Floats
    answers: Mapping[int, Answers]
    """By version: the main, and challengers that were asked any of the rows."""
    labels: Floats
    """NaN where there is none."""
    received_at: Floats
    protected: Sequence[Mapping[str, str] | None]


@dataclass(frozen=True, slots=True)
class Standing:
    """What is known of labels beside tallies."""

    parked: int
    """Labels without a prediction, so far."""
    corrected: int
    duplicates: int


@dataclass(frozen=True, slots=True, eq=False)
class Losses:
    """Losses of labelled rows in the order of prediction; on [0, 1] (see `Terms.span`)."""

    at: Floats
    losses: Floats
