"""The OpenAPI document of one deployment: every way to ask it, typed, with examples that work."""

import json
from typing import Any, Final

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from understudy.contracts.serving import (
    LabelCorrection,
    LabelRequest,
    LabelResult,
    LabelResults,
    ProtectedRequest,
    ProtectedResults,
)
from understudy.contracts.vocabulary import PREDICTION_ID_PATTERN, AccessLevel, Label, Task
from understudy.describing import dialects
from understudy.describing.described import Described
from understudy.describing.parts import (
    ANSWERED,
    JSON,
    answers_of,
    body_of,
    confidence,
    named,
    request_id,
    told_as,
)
from understudy.describing.schemas import (
    LARGEST,
    Schema,
    example_row,
    label_schema,
    many,
    moment_schema,
    prediction_schema,
    problem_schema,
    reference,
    row_schema,
    warning_schema,
)

_CSV: Final = "text/csv"
_TOLD: Final[tuple[type[BaseModel], ...]] = (
    LabelRequest,
    LabelCorrection,
    LabelResult,
    LabelResults,
    ProtectedRequest,
    ProtectedResults,
)
_KEYED: Final[list[dict[str, list[str]]]] = [{"bearer": []}, {"key": []}]
_EXAMPLE_ID: Final = "0190f3a1-7c5e-7d3a-9d55-2f4f2f6f9c11"


def document(card: Described, most_rows: int, server: str = "/") -> dict[str, Any]:
    """OpenAPI 3.1. Whoever may ask a public deployment without a key finds `security` optional."""
    return {
        "openapi": "3.1.0",
        "info": {
            "title": card.name,
            "version": str(card.version),
            "description": card.description or f"Predictions of {card.model}.",
        },
        "servers": [{"url": server}],
        "tags": [
            {"name": "predictions", "description": "Plain JSON and CSV."},
            {"name": "labels", "description": "What came of earlier predictions."},
            {"name": "dialects", "description": "The same, as clients of other protocols ask."},
        ],
        "paths": _Paths(card, most_rows).all(),
        "components": {
            "schemas": _components(card),
            "securitySchemes": {
                "bearer": {"type": "http", "scheme": "bearer"},
                "key": {"type": "apiKey", "in": "header", "name": "X-API-Key"},
            },
        },
    }


def _components(card: Described) -> Schema:
    _, told = models_json_schema(
        [(model, "validation") for model in _TOLD], ref_template="#/components/schemas/{model}"
    )
    found: Schema = dict(told["$defs"])
    for name in ("LabelRequest", "LabelCorrection"):
        moment = {"anyOf": [moment_schema(), {"type": "null"}]}
        found[name]["properties"]["observed_at"] = moment
    # Others are taken one by one: what is wrong with one of them, its result says.
    found["LabelCorrection"]["properties"]["label"] = _bounded(label_schema(card))
    classes = ", ".join(map(json.dumps, card.signature.target.classes))
    found["LabelRequest"]["properties"]["label"]["description"] = (
        f"{label_schema(card)['description']}: {f'one of {classes}' if classes else 'a number'}."
    )
    for name in ("LabelRequest", "ProtectedRequest"):
        named = found[name]["properties"]["prediction_id"]
        named["description"] = f"Matches {PREDICTION_ID_PATTERN}"
    return {
        **found,
        "Row": row_schema(card),
        "Prediction": prediction_schema(card),
        "Warning": warning_schema(),
        "Problem": problem_schema(),
    }


def _bounded(schema: Schema) -> Schema:
    if schema.get("type") != "number":
        return schema
    return {**schema, "minimum": -LARGEST, "maximum": LARGEST}


class _Paths:
    """The operations of one deployment."""

    def __init__(self, card: Described, most_rows: int) -> None:
        self._card = card
        self._most = most_rows
        self._own = f"/v1/deployments/{card.name}"
        public = card.access is AccessLevel.PUBLIC
        self._to_predict = [*_KEYED, {}] if public else _KEYED

    def all(self) -> Schema:
        """By path."""
        name, version = self._card.name, self._card.version
        return {
            f"{self._own}/predict": {"post": self._predict()},
            f"{self._own}/labels": {"post": self._labels()},
            f"{self._own}/labels/{{prediction_id}}": {"put": self._correct()},
            f"{self._own}/protected": {"post": self._protected()},
            f"{self._own}/signature": {"get": self._signature()},
            f"/v2/models/{name}/infer": {"post": self._infer("infer")},
            f"/v2/models/{name}/versions/{version}/infer": {"post": self._infer("infer_version")},
            f"/v2/models/{name}": {"get": self._about("metadata", "Inputs, outputs and versions.")},
            f"/v1/models/{name}:predict": {"post": self._v1()},
            f"/v1/models/{name}": {"get": self._about("v1_model", "Whether it is ready.")},
            f"/deployments/{name}/invocations": {"post": self._invocations()},
            f"/endpoints/{name}/invocations": {"post": self._sagemaker()},
        }

    def _predict(self) -> Schema:
        row, most = reference("Row"), self._most
        batch = {
            "type": "object",
            "properties": {"rows": many(row, most)},
            "required": ["rows"],
            "additionalProperties": False,
        }
        answer = reference("Prediction")
        answers = {
            "type": "object",
            "properties": {"predictions": {"type": "array", "items": answer}},
            "required": ["predictions"],
        }
        example = example_row(self._card)
        examples = {
            "one": {"summary": "One row", "value": example},
            "rows": {"summary": "Several rows", "value": {"rows": [example]}},
        }
        content = {
            JSON: {"schema": {"anyOf": [row, batch, many(row, most)]}, "examples": examples},
        }
        told = {
            JSON: {"schema": {"anyOf": [answer, answers]}},
            _CSV: {"schema": {"type": "string"}},
        }
        words = (
            f"One row as an object, or up to {most} as a list or below `rows`; CSV with a header "
            "is taken as `text/csv`, and given for `Accept: text/csv`. The answer is logged under "
            "its `prediction_id`, by which its label is told later."
        )
        return {
            **self._operation("predict", "Ask for predictions", words, "predictions"),
            "parameters": [confidence(), named(), request_id()],
            "requestBody": {"required": True, "content": content},
            "responses": answers_of(200, "The predictions.", told, ANSWERED),
        }

    def _labels(self) -> Schema:
        one = reference("LabelRequest")
        example: dict[str, object] = {"prediction_id": _EXAMPLE_ID, "label": _label(self._card)}
        schema = {"anyOf": [one, many(one, self._most, 0)]}
        words = (
            "One or many. Each has a result of its own: a wrong one does not hold up the others."
        )
        return {
            **self._operation("tell_labels", "Tell what came of predictions", words, "labels"),
            "requestBody": body_of(schema, example),
            "responses": answers_of(202, "A result for each.", told_as("LabelResults")),
            "security": _KEYED,
        }

    def _correct(self) -> Schema:
        schema, example = reference("LabelCorrection"), {"label": _label(self._card)}
        parameter = {
            "name": "prediction_id",
            "in": "path",
            "required": True,
            "schema": {"type": "string", "pattern": PREDICTION_ID_PATTERN},
            "example": _EXAMPLE_ID,
        }
        words = "The last word on a prediction is the one that counts."
        return {
            **self._operation("correct_label", "Correct a label", words, "labels"),
            "parameters": [parameter],
            "requestBody": body_of(schema, example),
            "responses": answers_of(202, "The result.", told_as("LabelResult")),
            "security": _KEYED,
        }

    def _protected(self) -> Schema:
        one = reference("ProtectedRequest")
        example = {"prediction_id": _EXAMPLE_ID, "attributes": {"group": "a"}}
        words = "For fairness alone: they never reach a model, and are never shown again."
        return {
            **self._operation("tell_protected", "Tell protected attributes", words, "labels"),
            "requestBody": body_of({"anyOf": [one, many(one, self._most, 0)]}, example),
            "responses": answers_of(202, "A result for each.", told_as("ProtectedResults")),
            "security": _KEYED,
        }

    def _signature(self) -> Schema:
        return {
            **self._operation("signature", "The signature", "What it takes.", "predictions"),
            "responses": answers_of(200, "The signature.", {JSON: {"schema": {"type": "object"}}}),
        }

    def _infer(self, name: str) -> Schema:
        words = (
            "Open Inference Protocol v2: a tensor for each feature (shown for one row), or one "
            "two-dimensional tensor; JSON, or the binary tensor extension."
        )
        schema, example = dialects.tensors(self._card), dialects.tensors_example(self._card)
        operation = self._operation(name, "Infer (OIP v2)", words, "dialects")
        return self._asked(operation, body_of(schema, example), dialects.tensors_answer())

    def _v1(self) -> Schema:
        words = "KServe's and TensorFlow Serving's v1 protocol."
        schema, example = dialects.v1(self._most), {"instances": [example_row(self._card)]}
        told = dialects.predictions(self._card)
        operation = self._operation("v1_predict", "Predict (v1)", words, "dialects")
        return self._asked(operation, body_of(schema, example), told)

    def _invocations(self) -> Schema:
        words = "MLflow's scoring protocol. CSV with a header is taken too."
        schema = dialects.mlflow(self._card, self._most)
        example = {"dataframe_records": [example_row(self._card)]}
        told = dialects.predictions(self._card)
        operation = self._operation("invocations", "Score (MLflow)", words, "dialects")
        return self._asked(operation, body_of(schema, example), told)

    def _sagemaker(self) -> Schema:
        words = "SageMaker's runtime protocol. CSV is taken too."
        schema = dialects.sagemaker(self._card, self._most)
        example = example_row(self._card)
        title = "Invoke (SageMaker)"
        operation = self._operation("sagemaker", title, words, "dialects")
        return self._asked(operation, body_of(schema, example), {"type": "object"})

    def _asked(self, operation: Schema, body: Schema, told: Schema) -> Schema:
        answers = answers_of(200, "The answer.", {JSON: {"schema": told}}, ANSWERED, JSON)
        return {**operation, "requestBody": body, "responses": answers}

    def _about(self, name: str, words: str) -> Schema:
        told = {JSON: {"schema": {"type": "object"}}}
        return {
            **self._operation(name, words.rstrip("."), words, "dialects"),
            "responses": answers_of(200, words, told, problem=JSON),
        }

    def _operation(self, name: str, title: str, words: str, tag: str) -> Schema:
        return {
            "operationId": name,
            "summary": title,
            "description": words,
            "tags": [tag],
            "security": self._to_predict,
        }


def _label(card: Described) -> Label:
    target = card.signature.target
    return 0.5 if target.task is Task.REGRESSION else target.classes[0]
