"""The bodies of each dialect, typed for one deployment."""

from collections.abc import Mapping
from typing import Any, Final

from understudy.contracts.signature import Feature
from understudy.contracts.vocabulary import FeatureKind
from understudy.describing.described import Described
from understudy.describing.schemas import (
    Schema,
    example_row,
    label_schema,
    many,
    reference,
    value_schema,
)

_DATATYPES: Final[Mapping[FeatureKind, str]] = {
    FeatureKind.NUMBER: "FP64",
    FeatureKind.INTEGER: "INT64",
    FeatureKind.BOOLEAN: "BOOL",
    FeatureKind.CATEGORY: "BYTES",
}


def tensor_type(feature: Feature) -> str:
    """The datatype of a feature's tensor. Of the numbers only floats have one for null."""
    if feature.nullable and feature.kind is not FeatureKind.CATEGORY:
        return "FP64"
    return _DATATYPES[feature.kind]


def v1(most: int) -> Schema:
    """KServe v1. The columnar form is taken too, but not described."""
    schema = _only("instances", many(reference("Row"), most), "inputs")
    schema["properties"]["signature_name"] = {"enum": [None, "", "serving_default"]}
    return schema


def sagemaker(card: Described, most: int) -> Schema:
    """SageMaker: a row, or several."""
    row = reference("Row")
    forms = [row, many(row, most)]
    if "instances" not in card.signature.names:
        forms.append(_only("instances", many(row, most)))
    return {"anyOf": forms}


def mlflow(card: Described, most: int) -> Schema:
    """MLflow: exactly one of its forms, and no parameters."""
    rows = many(reference("Row"), most)
    forms = {
        "dataframe_records": rows,
        "dataframe_split": _split(card, most),
        "instances": rows,
        "inputs": False,
    }
    found = [
        _only(name, schema, *(other for other in forms if other != name))
        for name, schema in forms.items()
        if schema
    ]
    for form in found:
        form["properties"]["params"] = {"enum": [None, {}]}
    return {"anyOf": found}


def _only(name: str, schema: object, *others: str) -> Schema:
    """An object with that member and without the others; what nobody knows is left out."""
    return {
        "type": "object",
        "properties": {name: schema, **dict.fromkeys(others, False)},
        "required": [name],
    }


def _split(card: Described, most: int) -> Schema:
    features = card.signature.features
    row = {
        "type": "array",
        "prefixItems": [value_schema(each, card.policy) for each in features],
        "items": False,
        "minItems": len(features),
    }
    members = {"columns": {"const": [each.name for each in features]}, "data": many(row, most)}
    return {"type": "object", "properties": members, "required": ["data"]}


def tensors(card: Described) -> Schema:
    """OIP v2: a tensor for each feature. Written for one row; more rows are as many elements."""
    features = card.signature.features
    return {
        "type": "object",
        "properties": {
            "id": {"type": ["string", "null"]},
            "inputs": {
                "type": "array",
                "prefixItems": [_tensor(each, card) for each in features],
                "items": False,
                "minItems": len(features),
            },
        },
        "required": ["inputs"],
    }


def tensors_example(card: Described) -> Schema:
    """A request of one row."""
    row = example_row(card)
    return {
        "inputs": [
            {
                "name": each.name,
                "datatype": tensor_type(each),
                "shape": [1],
                "data": [row[each.name]],
            }
            for each in card.signature.features
        ]
    }


def tensors_answer() -> Schema:
    """What comes back."""
    text: Schema = {"type": "string"}
    tensor: Schema = {
        "type": "object",
        "properties": {
            "name": text,
            "datatype": text,
            "shape": {"type": "array", "items": {"type": "integer"}},
            "data": {"type": "array"},
        },
        "required": ["name", "datatype", "shape", "data"],
    }
    return {
        "type": "object",
        "properties": {
            "model_name": text,
            "model_version": text,
            "id": text,
            "outputs": {"type": "array", "items": tensor},
        },
        "required": ["model_name", "outputs"],
    }


def predictions(card: Described) -> Schema:
    """KServe v1 and MLflow."""
    return {
        "type": "object",
        "properties": {"predictions": {"type": "array", "items": label_schema(card)}},
        "required": ["predictions"],
    }


def _element(feature: Feature, card: Described) -> Schema:
    schema = value_schema(feature, card.policy)
    if tensor_type(feature) == "BOOL":
        # Some clients have numbers for what is true.
        return {**schema, "type": ["boolean", "integer"], "minimum": 0, "maximum": 1}
    return schema


def _tensor(feature: Feature, card: Described) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": {
            "name": {"const": feature.name},
            "datatype": {"const": tensor_type(feature)},
            "shape": {"const": [1]},
            "data": {
                "type": "array",
                "items": _element(feature, card),
                "minItems": 1,
                "maxItems": 1,
            },
        },
        "required": ["name", "datatype", "shape", "data"],
    }
