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


def instances(most: int) -> Schema:
    """KServe v1, MLflow, SageMaker."""
    return {
        "type": "object",
        "properties": {"instances": many(reference("Row"), most)},
        "required": ["instances"],
        "additionalProperties": False,
    }


def records(most: int) -> Schema:
    """MLflow's `dataframe_records`."""
    return {
        "type": "object",
        "properties": {"dataframe_records": many(reference("Row"), most)},
        "required": ["dataframe_records"],
        "additionalProperties": False,
    }


def split(card: Described, most: int) -> Schema:
    """MLflow's `dataframe_split`."""
    features = card.signature.features
    row = {
        "type": "array",
        "prefixItems": [value_schema(each, card.policy) for each in features],
        "items": False,
        "minItems": len(features),
    }
    members = {"columns": {"const": [each.name for each in features]}, "data": many(row, most)}
    frame = {
        "type": "object",
        "properties": members,
        "required": ["columns", "data"],
        "additionalProperties": False,
    }
    return {
        "type": "object",
        "properties": {"dataframe_split": frame},
        "required": ["dataframe_split"],
        "additionalProperties": False,
    }


def tensors(card: Described) -> Schema:
    """OIP v2: a tensor for each feature. Written for one row; more rows are as many elements."""
    features = card.signature.features
    return {
        "type": "object",
        "properties": {
            "id": {"type": "string", "maxLength": 128},
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
                "datatype": _DATATYPES[each.kind],
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


def _tensor(feature: Feature, card: Described) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": {
            "name": {"const": feature.name},
            "datatype": {"const": _DATATYPES[feature.kind]},
            "shape": {"const": [1]},
            "data": {
                "type": "array",
                "items": value_schema(feature, card.policy),
                "minItems": 1,
                "maxItems": 1,
            },
        },
        "required": ["name", "datatype", "shape", "data"],
    }
