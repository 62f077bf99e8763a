"""Whether a policy makes sense for what a deployment takes and answers. Pure."""

import math
from collections.abc import Iterator
from typing import Final

from services.registry.domain.errors import InvalidPolicyError
from services.registry.domain.judging import misjudged
from understudy.contracts.policy import ConfidenceRule, GuardRule, Guards, Policy
from understudy.contracts.refusals import FieldError
from understudy.contracts.signature import Signature, Target
from understudy.contracts.vocabulary import Label, Task

_GUARDS: Final = "/policy/guards"
_MOST_NAMED: Final = 20


def require_applicable(policy: Policy, signature: Signature, *, timed: bool = True) -> None:
    """Refuse rules that could never apply, and overrides that the model could never answer.

    `signature` is that of the deployment's first main: every later main takes at least what it
    takes, and answers the same classes. `timed`: strata may be asked for. Raises
    InvalidPolicyError, which names each such member.
    """
    found = [
        *_misplaced(policy.guards, signature),
        *_foreign_answers(policy.guards, signature),
        *misjudged(policy.judging, signature, timed=timed),
    ]
    if found:
        raise InvalidPolicyError(
            f"The policy does not fit: {'; '.join(error.message for error in found)}.", *found
        )


def _misplaced(guards: Guards, signature: Signature) -> Iterator[FieldError]:
    unless_named = Guards()
    ranged = any(f.minimum is not None or f.maximum is not None for f in signature.features)
    if not ranged and guards.out_of_range != unless_named.out_of_range:
        yield _never("out_of_range", "no feature has a minimum or maximum")
    closed = any(feature.choices and not feature.open_choices for feature in signature.features)
    if not closed and guards.unseen_category != unless_named.unseen_category:
        yield _never("unseen_category", "no feature is a category with closed choices")
    if guards.low_confidence is not None:
        yield from _misplaced_confidence(guards.low_confidence, signature.target)


def _misplaced_confidence(rule: ConfidenceRule, target: Target) -> Iterator[FieldError]:
    if target.task is Task.REGRESSION:
        yield _never("low_confidence", "the model answers numbers, not classes with probabilities")
    elif rule.below <= (least := 1 / len(target.classes)):
        yield _never(
            "low_confidence/below",
            f"the largest of {len(target.classes)} probabilities is never below {least:.6g}; "
            "name a larger one",
        )


def _never(member: str, reason: str) -> FieldError:
    name = member.replace("_", " ").partition("/")[0]
    return FieldError(f"{_GUARDS}/{member}", f"the rule for {name} can never apply: {reason}")


def _foreign_answers(guards: Guards, signature: Signature) -> Iterator[FieldError]:
    rules: dict[str, GuardRule] = {
        "out_of_range": guards.out_of_range,
        "unseen_category": guards.unseen_category,
    }
    if guards.low_confidence is not None:
        rules["low_confidence/rule"] = guards.low_confidence.rule
    for member, rule in rules.items():
        if rule.answer is not None and not _may_answer(signature.target, rule.answer):
            expected = _expected(signature.target)
            message = f"an override can't answer {rule.answer!r:.80}; it must be {expected}"
            yield FieldError(f"{_GUARDS}/{member}/answer", message)


def _may_answer(target: Target, answer: Label) -> bool:
    if target.task is Task.CLASSIFICATION:
        # By type too: True == 1 == 1.0, but they are three classes to those who read the answer.
        return (type(answer), answer) in [(type(label), label) for label in target.classes]
    return not isinstance(answer, bool | str) and math.isfinite(answer)


def _expected(target: Target) -> str:
    if target.task is Task.REGRESSION:
        return "a finite number"
    named = ", ".join(repr(label)[:80] for label in target.classes[:_MOST_NAMED])
    more = ", …" if len(target.classes) > _MOST_NAMED else ""
    return f"one of the signature's classes: {named}{more}"
