"""Applies a deployment's guard rules to the answers of a call, request by request."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from services.serving.domain.errors import LowConfidenceError
from services.serving.domain.guards import ruling, unsure
from services.serving.operations.calls import Asked, Call
from understudy.inference.rows import joined
from understudy.inference.scored import Scored


def needs_ruling(call: Call) -> bool:
    """Whether there is anything to say beside the model's answers."""
    if call.live.policy.guards.low_confidence is not None:
        return True
    return any(asked.draft is not None for asked in call.asked)


def ruled(call: Call) -> tuple[Call, Sequence[tuple[Asked, LowConfidenceError]]]:
    """The call without the requests that a rule refuses, and those with the reason."""
    policy, unsure_rows = call.live.policy, unsure(call.live.policy, call.scored)
    kept: list[tuple[Asked, range]] = []
    refused: list[tuple[Asked, LowConfidenceError]] = []
    start = 0
    for asked in call.asked:
        rows = range(start, start + len(asked.cells))
        start = rows.stop
        try:
            asked.ruling = ruling(policy, unsure_rows, rows, asked.draft, asked.shape)
        except LowConfidenceError as refusal:
            refused.append((asked, refusal))
        else:
            kept.append((asked, rows))
    return (_only(call, kept) if refused else call), refused


def _only(call: Call, kept: Sequence[tuple[Asked, range]]) -> Call:
    """Some of the requests of a call, and their rows; none at times."""
    if not kept:
        return replace(call, asked=())
    ranges = [rows for _, rows in kept]
    chosen = np.concatenate([np.arange(rows.start, rows.stop) for rows in ranges])
    likely = call.scored.probabilities
    return replace(
        call,
        asked=[asked for asked, _ in kept],
        rows=joined([call.rows.part(rows.start, rows.stop) for rows in ranges]),
        scored=Scored(call.scored.values[chosen], None if likely is None else likely[chosen]),
    )
