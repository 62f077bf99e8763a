"""What a deployment's guard rules make of answers, once the model has given them.

Rules on inputs were applied when the rows were read (`reading`); here the rule on confidence joins
them. Where several rules catch a row: refuse before override before flag, and of several overrides
the first feature's, then that on confidence.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final

import numpy as np

from services.serving.domain.drafts import INSTEAD, Draft, Hits, Notice
from services.serving.domain.errors import LowConfidenceError
from services.serving.domain.rows import Shape
from understudy.contracts.policy import ConfidenceRule, Policy
from understudy.contracts.refusals import FieldError, json_pointer
from understudy.contracts.vocabulary import GuardAction, GuardRuleName, Label, WarningCode
from understudy.inference.scored import Scored

_MOST_ERRORS: Final = 100
_SURE: Final[Mapping[int, float]] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Ruling:
    """What the caller of one request is told beside, or instead of, the model's answers.

    By the index of the row in the request; rows that are not mentioned are answered by the model.
    """

    notices: Mapping[int, Sequence[Notice]] = field(default_factory=dict)
    overrides: Mapping[int, Label] = field(default_factory=dict)
    hits: Hits = field(default_factory=dict)


NO_RULING: Final = Ruling(MappingProxyType({}), MappingProxyType({}), MappingProxyType({}))


def unsure(policy: Policy, scored: Scored) -> Mapping[int, float]:
    """The rows of a call that the rule on confidence catches, with their largest probability.

    Empty without such a rule, and where the model gives no probabilities: what is not known is not
    low. One pass over the array, whatever the number of requests in the call.
    """
    rule = policy.guards.low_confidence
    if rule is None or scored.probabilities is None:
        return _SURE
    largest = scored.probabilities.max(axis=1)
    caught = np.flatnonzero(largest < rule.below)
    return dict(zip(caught.tolist(), largest[caught].tolist(), strict=True))


def ruling(
    policy: Policy,
    unsure_rows: Mapping[int, float],
    rows: range,
    draft: Draft | None = None,
    shape: Shape = Shape.ONE,
) -> Ruling:
    """The ruling on one request, whose rows are `rows` of the call that `unsure` looked at.

    `draft`: what was said when the rows were read. Raises LowConfidenceError, which names the rows
    by their place in the body, when the rule on confidence refuses one of them.
    """
    rule = policy.guards.low_confidence
    if rule is None or not unsure_rows:
        return _of_draft(draft)
    own = {row - rows.start: unsure_rows[row] for row in rows if row in unsure_rows}
    if not own:
        return _of_draft(draft)
    if rule.rule.action is GuardAction.REFUSE:
        raise _refusal(rule, own, shape)
    return _with_unsure(_of_draft(draft), rule, own)


def _of_draft(draft: Draft | None) -> Ruling:
    return NO_RULING if draft is None else Ruling(draft.notices, draft.overrides, draft.hits)


def _with_unsure(said: Ruling, rule: ConfidenceRule, own: Mapping[int, float]) -> Ruling:
    action, answer = rule.rule.action, rule.rule.answer
    instead = "" if answer is None else INSTEAD
    notices = dict(said.notices)
    for row, confidence in own.items():
        message = f"{_reason(rule, confidence)}{instead}"
        notice = Notice(WarningCode.LOW_CONFIDENCE, None, message)
        notices[row] = (*said.notices.get(row, ()), notice)
    overrides = said.overrides
    if answer is not None:
        overrides = {**dict.fromkeys(own, answer), **said.overrides}
    hits = {**said.hits, (GuardRuleName.LOW_CONFIDENCE, action): len(own)}
    return Ruling(notices, overrides, hits)


def _refusal(rule: ConfidenceRule, own: Mapping[int, float], shape: Shape) -> LowConfidenceError:
    errors = [
        FieldError(json_pointer(*shape.place(row)), _reason(rule, confidence))
        for row, confidence in [*own.items()][:_MOST_ERRORS]
    ]
    many = f" (and {len(own) - 1} more: see errors)" if len(own) > 1 else ""
    first = "" if shape is Shape.ONE else f"Row {next(iter(own))}: "
    return LowConfidenceError(
        f"{first}{errors[0].message}{many}",
        *errors,
        hits={(GuardRuleName.LOW_CONFIDENCE, GuardAction.REFUSE): len(own)},
    )


def _reason(rule: ConfidenceRule, confidence: float) -> str:
    # Rounded down, so that it never reads as the threshold itself.
    shown = math.floor(confidence * 10_000) / 10_000
    return f"the model is not sure enough: its largest probability, {shown}, is below {rule.below}"
