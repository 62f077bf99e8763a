"""What a deployment takes and answers, as JSON Schema (draft 2020-12, as OpenAPI 3.1 has it)."""

import sys
from collections.abc import Mapping, Sequence
from typing import Any, Final

from understudy.contracts.policy import Policy
from understudy.contracts.signature import MOST_TEXT, Feature
from understudy.contracts.vocabulary import (
    PREDICTION_ID_PATTERN,
    FeatureKind,
    GuardAction,
    Label,
    Task,
    TypePolicy,
    class_name,
)
from understudy.describing.described import Described

Schema = dict[str, Any]

_DAY: Final = (
    r"((0[13578]|1[02])-(0[1-9]|[12][0-9]|3[01])|(0[469]|11)-(0[1-9]|[12][0-9]|30)"
    r"|02-(0[1-9]|1[0-9]|2[0-8]))"
)
_TIME: Final = r"([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](\.[0-9]{1,6})?"
_ZONE: Final = r"(Z|[+-](0[0-9]|1[0-3]):[0-5][0-9])"
_MOMENT: Final = f"^20[01][0-9]-{_DAY}T{_TIME}{_ZONE}$"
LARGEST: Final = sys.float_info.max
_TYPES: Final[Mapping[FeatureKind, str]] = {
    FeatureKind.NUMBER: "number",
    FeatureKind.INTEGER: "integer",
    FeatureKind.BOOLEAN: "boolean",
    FeatureKind.CATEGORY: "string",
}


def row_schema(card: Described) -> Schema:
    """One row: each feature by name."""
    features = card.signature.features
    return {
        "type": "object",
        "properties": {each.name: value_schema(each, card.policy) for each in features},
        "required": [each.name for each in features],
        # Other members are left out, and told, where types are read with good will.
        "additionalProperties": card.policy.types is TypePolicy.BEST_EFFORT,
        "examples": [example_row(card)],
    }


def value_schema(feature: Feature, policy: Policy) -> Schema:
    """What the feature takes, under the policy."""
    schema: Schema = {"type": _TYPES[feature.kind], **_range(feature, policy)}
    if feature.kind is FeatureKind.CATEGORY:
        schema |= _choices(feature, policy)
    if feature.nullable:
        schema["type"] = [schema["type"], "null"]
        if "enum" in schema:
            schema["enum"] = [*schema["enum"], None]
    if policy.types is TypePolicy.BEST_EFFORT and feature.kind is not FeatureKind.CATEGORY:
        schema = {"anyOf": [schema, {"type": "string", "description": "The same, as text."}]}
    return {**schema, **_words(feature), "examples": [example_of(feature)]}


def example_row(card: Described) -> dict[str, Label]:
    """A row that is answered."""
    return {each.name: example_of(each) for each in card.signature.features}


def example_of(feature: Feature) -> Label:
    """The signature's example, or else a value that is legal."""
    if feature.example is not None:
        return feature.example
    match feature.kind:
        case FeatureKind.BOOLEAN:
            return True
        case FeatureKind.CATEGORY:
            return feature.choices[0] if feature.choices else "text"
    low, high = feature.minimum, feature.maximum
    middle = (low + high) / 2 if low is not None and high is not None else low or high or 0.0
    if feature.kind is FeatureKind.NUMBER:
        return middle
    whole = int(middle)
    return whole if low is None or whole >= low else whole + 1


def label_schema(card: Described) -> Schema:
    """What the model answers: one of the classes, or a number."""
    target = card.signature.target
    if target.task is Task.REGRESSION:
        words = f"{target.label or target.name}" + (f" in {target.unit}" if target.unit else "")
        return {"type": "number", "description": words}
    return {"enum": [*target.classes], "description": target.label or target.name}


def prediction_schema(card: Described) -> Schema:
    """The answer to one row."""
    classes = [class_name(label) for label in card.signature.target.classes]
    share = {"type": "number", "minimum": 0, "maximum": 1}
    properties: Schema = {
        "prediction_id": {"type": "string", "pattern": PREDICTION_ID_PATTERN},
        "prediction": label_schema(card),
        "model": {
            "type": "object",
            "properties": {"name": {"type": "string"}, "version": {"type": "integer"}},
            "required": ["name", "version"],
        },
        "warnings": {"type": "array", "items": _ref("Warning")},
        "overridden": {"type": "boolean", "description": "A guard rule answered instead."},
        "confidence": {
            "type": ["object", "null"],
            "description": "With `?confidence=true`: how sure the answer is.",
        },
    }
    if classes:
        properties["probabilities"] = {
            "type": "object",
            "description": "By class; absent where the model gives none.",
            "properties": dict.fromkeys(classes, share),
        }
    required = ["prediction_id", "prediction", "model"]
    return {"type": "object", "properties": properties, "required": required}


def warning_schema() -> Schema:
    """Something about a row, or its answer, that its caller should know."""
    text = {"type": "string"}
    return {
        "type": "object",
        "properties": {"code": text, "message": text, "feature": text},
        "required": ["code", "message"],
    }


def problem_schema() -> Schema:
    """RFC 9457, with members of ours."""
    text = {"type": "string"}
    fields = {
        "type": "array",
        "items": {
            "type": "object",
            "properties": {"pointer": text, "message": text},
            "required": ["pointer", "message"],
        },
    }
    members = dict.fromkeys(("type", "title", "detail", "code", "instance"), text)
    return {
        "type": "object",
        "properties": {
            **members,
            "status": {"type": "integer"},
            "request_id": text,
            "errors": fields,
        },
        "required": ["type", "title", "status", "detail", "code"],
    }


def moment_schema() -> Schema:
    """When a truth was seen. That it lies between 1970 and now is more than a pattern can say."""
    return {
        "type": "string",
        "pattern": _MOMENT,
        "description": "RFC 3339 with a time zone, between 1970 and now.",
        "examples": ["2025-01-31T12:00:00Z"],
    }


def many(of: Schema, most: int, least: int = 1) -> Schema:
    """A list of up to so many."""
    return {"type": "array", "items": of, "minItems": least, "maxItems": most}


def reference(name: str) -> Schema:
    """A component by its name."""
    return _ref(name)


def _ref(name: str) -> Schema:
    return {"$ref": f"#/components/schemas/{name}"}


def _range(feature: Feature, policy: Policy) -> Schema:
    if feature.kind not in {FeatureKind.NUMBER, FeatureKind.INTEGER}:
        return {}
    refused = policy.guards.out_of_range.action is GuardAction.REFUSE
    low = feature.minimum if refused and feature.minimum is not None else -LARGEST
    high = feature.maximum if refused and feature.maximum is not None else LARGEST
    return {"minimum": _short(low), "maximum": _short(high)}


def _short(bound: float) -> float:
    whole = int(bound)
    return whole if whole == bound and abs(whole) < 2**53 else bound


def _choices(feature: Feature, policy: Policy) -> Schema:
    refused = policy.guards.unseen_category.action is GuardAction.REFUSE
    if feature.open_choices or not refused:
        return {"maxLength": MOST_TEXT}
    return {"enum": [*feature.choices]}


def _words(feature: Feature) -> Schema:
    said: Sequence[str | None] = (feature.description, feature.unit and f"In {feature.unit}.")
    words = " ".join(filter(None, said))
    return {"title": feature.title, **({"description": words} if words else {})}
