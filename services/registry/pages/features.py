"""The features of a deployment as a table says them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from services.registry.pages.literals import text
from understudy.contracts.policy import Policy
from understudy.contracts.signature import Feature, Signature
from understudy.contracts.vocabulary import FeatureKind, GuardAction, Label
from understudy.describing.schemas import example_of

_TYPES: Final[Mapping[FeatureKind, str]] = {
    FeatureKind.NUMBER: "number",
    FeatureKind.INTEGER: "integer",
    FeatureKind.BOOLEAN: "true or false",
    FeatureKind.CATEGORY: "text",
}
_BEYOND: Final[Mapping[GuardAction, str]] = {
    GuardAction.REFUSE: "",
    GuardAction.FLAG: "other values are answered with a warning",
    GuardAction.OVERRIDE: "for other values a rule answers",
}


@dataclass(frozen=True, slots=True)
class Described:
    """One row of the table."""

    name: str
    label: str
    description: str
    type: str
    bounds: str
    """The range of a number."""
    choices: tuple[str, ...]
    beyond: str
    """What comes of values that are out of range, or no choice, where they are not refused."""
    unit: str
    nullable: bool
    example: str


def features_of(signature: Signature, policy: Policy) -> Sequence[Described]:
    """In the signature's order."""
    return [_described(feature, policy) for feature in signature.features]


def _described(feature: Feature, policy: Policy) -> Described:
    bounds = _bounds(feature)
    closed = bool(feature.choices) and not feature.open_choices
    guards = policy.guards
    rule = guards.unseen_category if feature.choices else guards.out_of_range
    beyond = _BEYOND[rule.action] if bounds or closed else ""
    return Described(
        name=feature.name,
        label=feature.label or "",
        description=feature.description or "",
        type=_TYPES[feature.kind],
        bounds=bounds,
        choices=feature.choices,
        beyond="other values are taken" if feature.open_choices and feature.choices else beyond,
        unit=feature.unit or "",
        nullable=feature.nullable,
        example=_written(example_of(feature)),
    )


def _bounds(feature: Feature) -> str:
    low, high = feature.minimum, feature.maximum
    if feature.kind not in {FeatureKind.NUMBER, FeatureKind.INTEGER}:
        return ""
    if low is not None and high is not None:
        return f"{_number(low)} to {_number(high)}"
    if low is not None:
        return f"at least {_number(low)}"
    return "" if high is None else f"at most {_number(high)}"


def _number(value: float) -> str:
    return f"{int(value):,}" if value == int(value) and abs(value) < 10**15 else f"{value:g}"


def _written(value: Label) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return text(value) if isinstance(value, str) else repr(value)
