"""Which labels can be the truth of a prediction."""

import math

from services.serving.domain.ids import well_formed
from understudy.contracts.signature import Target
from understudy.contracts.vocabulary import PREDICTION_ID_PATTERN, Label, Task


def label_problem(target: Target, prediction_id: str, label: Label) -> str | None:
    """Why the label can't be taken; None when it can."""
    if not well_formed(prediction_id):
        return f"prediction_id: must match {PREDICTION_ID_PATTERN}"
    if target.task is Task.REGRESSION:
        if isinstance(label, int | float) and not isinstance(label, bool) and math.isfinite(label):
            return None
        return "label: must be a finite number"
    # 1 == True, but they are different labels.
    if any(label == known and type(label) is type(known) for known in target.classes):
        return None
    return f"label: must be one of {', '.join(map(repr, target.classes[:20]))}"
