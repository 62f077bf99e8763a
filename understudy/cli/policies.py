"""How a deployment answers, as the command line takes it and tells it."""

import json
import math
from dataclasses import replace
from typing import Annotated, Final

import typer

from understudy.cli.judging import described_judging
from understudy.contracts.policy import ConfidenceRule, GuardRule, Policy
from understudy.contracts.vocabulary import Durability, GuardAction, Label, TypePolicy

_OFF: Final = "off"
_USUAL: Final = "as usual"
_RULE: Final = "flag|refuse|override=ANSWER"


def _types(typed: str) -> TypePolicy:
    """Spelled as options are, or as bodies and answers are."""
    try:
        return TypePolicy(typed.replace("-", "_"))
    except ValueError as error:
        raise typer.BadParameter(f"{typed!r} is neither strict nor best-effort") from error


DurabilityOption = Annotated[
    Durability | None,
    typer.Option(
        "--durability",
        show_default=False,
        help="Answer once the log holds the row (strict), or at once (relaxed).",
    ),
]
TypesOption = Annotated[
    TypePolicy | None,
    typer.Option(
        "--types",
        parser=_types,
        metavar="<strict|best-effort>",
        show_default=False,
        help="Refuse values of a wrong JSON type, or read them where the meaning is plain.",
    ),
]
OutOfRangeOption = Annotated[
    str | None,
    typer.Option(
        "--out-of-range",
        metavar=_RULE,
        show_default=False,
        help="What becomes of numbers outside a legal range.",
    ),
]
UnseenCategoryOption = Annotated[
    str | None,
    typer.Option(
        "--unseen-category",
        metavar=_RULE,
        show_default=False,
        help="What becomes of texts that are none of a category's choices.",
    ),
]
LowConfidenceOption = Annotated[
    str | None,
    typer.Option(
        "--low-confidence",
        metavar=f"BELOW:{_RULE} | {_OFF}",
        show_default=False,
        help="What becomes of answers whose largest probability is below a number.",
    ),
]


def amended(  # one parameter for each option
    policy: Policy,
    *,
    durability: Durability | None,
    types: TypePolicy | None,
    out_of_range: str | None,
    unseen_category: str | None,
    low_confidence: str | None,
) -> Policy:
    """The policy with what the options name changed. Raises typer.BadParameter."""
    guards = policy.guards
    if out_of_range is not None:
        guards = replace(guards, out_of_range=_rule("--out-of-range", out_of_range))
    if unseen_category is not None:
        guards = replace(guards, unseen_category=_rule("--unseen-category", unseen_category))
    if low_confidence is not None:
        guards = replace(guards, low_confidence=_confidence(low_confidence))
    return replace(
        policy,
        durability=durability or policy.durability,
        types=types or policy.types,
        guards=guards,
    )


def _rule(option: str, typed: str) -> GuardRule:
    action, _, answer = typed.partition("=")
    try:
        return GuardRule(GuardAction(action), _scalar(answer) if answer else None)
    except ValueError as error:
        reset = "; refuse is what holds unless stated" if typed == _OFF else ""
        raise typer.BadParameter(f"{option} takes {_RULE}, not {typed!r}{reset}") from error


def _confidence(typed: str) -> ConfidenceRule | None:
    if typed == _OFF:
        return None
    below, colon, rule = typed.partition(":")
    made = _rule("--low-confidence after its number", rule) if colon else None
    try:
        number = float(below)
        if made is not None:
            return ConfidenceRule(number, made)
    except ValueError:
        pass  # told below
    raise typer.BadParameter(
        "--low-confidence takes a number above 0 and up to 1 and an action, as 0.6:flag, "
        f"or {_OFF}, not {typed!r}"
    )


def _scalar(text: str) -> Label:
    """`1`, `true` and `"1"` as JSON means them, everything else as text."""
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return text
    if isinstance(value, float) and not math.isfinite(value):  # Python's, not JSON's
        return text
    return value if isinstance(value, bool | int | float | str) else text


def described(policy: Policy) -> str:
    """What is not as it would be unless stated; nothing when all is."""
    return ", ".join(f"{name} {told}" for name, told in _parts(policy).items())


def _parts(policy: Policy) -> dict[str, str]:
    unless, guards = Policy(), policy.guards
    parts = dict[str, str]()
    if policy.durability is not unless.durability:
        parts["durability"] = policy.durability
    if policy.types is not unless.types:
        parts["types"] = policy.types.replace("_", "-")
    if guards.out_of_range != unless.guards.out_of_range:
        parts["out of range:"] = _told(guards.out_of_range)
    if guards.unseen_category != unless.guards.unseen_category:
        parts["unseen category:"] = _told(guards.unseen_category)
    if (low := guards.low_confidence) is not None:
        parts["confidence below"] = f"{low.below:g}: {_told(low.rule)}"
    return parts | dict(described_judging(policy.judging))


def changes(former: Policy, policy: Policy) -> list[str]:
    """What differs between both, old → new, in the words of the options."""
    before, after = _parts(former), _parts(policy)
    return [
        f"{name} {before.get(name, _USUAL)} → {after.get(name, _USUAL)}"
        for name in dict.fromkeys((*before, *after))
        if before.get(name) != after.get(name)
    ]


def _told(rule: GuardRule) -> str:
    if rule.action is not GuardAction.OVERRIDE:
        return rule.action.value
    return f"answer {json.dumps(rule.answer, ensure_ascii=False)}"
