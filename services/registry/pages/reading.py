"""An OpenAPI document as people read it: operations, fields and examples."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from understudy.describing.schemas import Schema

_ROW: Final = "Row"
_EXAMPLE_ID: Final = "0190f3a1-7c5e-7d3a-9d55-2f4f2f6f9c11"
_REFERENCE: Final = "#/components/schemas/"
_JSON: Final = "application/json"
_PLAIN: Final = {"integer": 0, "number": 0, "boolean": False}


@dataclass(frozen=True, slots=True)
class Member:
    """A parameter, or a member of a body."""

    name: str
    type: str
    required: bool
    description: str


@dataclass(frozen=True, slots=True)
class Body:
    """What is sent, or comes back."""

    words: str
    row: bool
    """Its members are the features."""
    members: tuple[Member, ...]
    example: str
    """JSON; nothing where there is none."""


@dataclass(frozen=True, slots=True)
class Answer:
    """One outcome."""

    status: str
    words: str


@dataclass(frozen=True, slots=True)
class Operation:
    """One way to ask."""

    id: str
    method: str
    path: str
    title: str
    words: str
    parameters: tuple[Member, ...]
    request: Body | None
    answer: Body | None
    answers: tuple[Answer, ...]


@dataclass(frozen=True, slots=True)
class Group:
    """Operations of one kind."""

    id: str
    words: str
    operations: tuple[Operation, ...]


def groups_of(document: Schema, known: Mapping[str, object]) -> Sequence[Group]:
    """By tag. `known` are examples by the names of members."""
    reader = _Reader(document["components"]["schemas"], known)
    operations = [
        (told["tags"][0], reader.operation(method, path, told))
        for path, ways in document["paths"].items()
        for method, told in ways.items()
    ]
    return [
        Group(
            tag["name"],
            tag.get("description", ""),
            tuple(one for name, one in operations if name == tag["name"]),
        )
        for tag in document["tags"]
    ]


class _Reader:
    """Follows references into the components."""

    def __init__(self, components: Schema, known: Mapping[str, object]) -> None:
        self._components = components
        self._known = known

    def operation(self, method: str, path: str, told: Schema) -> Operation:
        """One."""
        request = told.get("requestBody", {}).get("content", {}).get(_JSON)
        responses: Schema = told["responses"]
        success = next(told for status, told in responses.items() if status.startswith("2"))
        answer = success.get("content", {}).get(_JSON)
        return Operation(
            id=told["operationId"],
            method=method.upper(),
            path=path,
            title=told["summary"],
            words=told.get("description", ""),
            parameters=tuple(self._parameter(one) for one in told.get("parameters", ())),
            request=None if request is None else self._body(request),
            answer=None if answer is None else self._body(answer),
            answers=tuple(_answer(status, words) for status, words in responses.items()),
        )

    def _parameter(self, told: Schema) -> Member:
        kind = f"{told['in']}, {self._type(told['schema'])}"
        required = told.get("required", False)
        return Member(told["name"], kind, required, told.get("description", ""))

    def _body(self, content: Schema) -> Body:
        schema = content["schema"]
        example = content.get("example")
        if example is None and "examples" in content:
            example = next(iter(content["examples"].values()))["value"]
        if example is None:
            example = self._sample(schema)
        forms = schema.get("anyOf", [schema])
        first = self._resolved(forms[0])
        row = forms[0].get("$ref") == _REFERENCE + _ROW
        listed = next((form.get("maxItems") for form in forms if form.get("type") == "array"), None)
        return Body(
            words=f"One, or a list of up to {listed:,}." if listed and len(forms) > 1 else "",
            row=row,
            members=() if row else tuple(self._members(first)),
            example=json.dumps(example, indent=2, ensure_ascii=False) if example else "",
        )

    def _members(self, schema: Schema) -> Iterator[Member]:
        required = schema.get("required", ())
        for name, stated in schema.get("properties", {}).items():
            if stated is False:  # never sent
                continue
            told: Schema = {} if stated is True else stated
            yield Member(name, self._type(told), name in required, told.get("description", ""))

    def _type(self, schema: Schema) -> str:
        if "$ref" in schema:
            return self._type(self._resolved(schema))
        if "anyOf" in schema:
            return " or ".join(dict.fromkeys(self._type(each) for each in schema["anyOf"]))
        if "const" in schema:
            return json.dumps(schema["const"], ensure_ascii=False)
        if "enum" in schema:
            return " or ".join(json.dumps(each, ensure_ascii=False) for each in schema["enum"])
        kinds = schema.get("type", "anything")
        kinds = [kinds] if isinstance(kinds, str) else kinds
        return " or ".join(self._kind(kind, schema) for kind in kinds)

    def _kind(self, kind: str, schema: Schema) -> str:
        if kind == "array":
            inside = schema.get("items") or None
            return "list" if inside is None else f"list of {self._type(inside)}"
        names = {"string": "text", "boolean": "true or false"}
        return "time" if schema.get("format") == "date-time" else names.get(kind, kind)

    def _resolved(self, schema: Schema) -> Schema:
        found = schema
        while "$ref" in found:
            found = self._components[found["$ref"].removeprefix(_REFERENCE)]
        return found

    def _sample(self, schema: Schema) -> Any:
        schema = self._resolved(schema)
        if "anyOf" in schema:
            return self._sample(schema["anyOf"][0])
        if "const" in schema or "enum" in schema:
            return schema.get("const", schema.get("enum", [None])[0])
        match schema.get("type"):
            case "object":
                return self._object(schema)
            case "array":
                return [self._sample(schema["items"])] if schema.get("items") else []
            case other:
                return _PLAIN.get(str(other), "text")

    def _object(self, schema: Schema) -> Schema:
        required = schema.get("required", ())
        return {
            name: self._known[name] if name in self._known else self._sample(told)
            for name, told in schema.get("properties", {}).items()
            if name in required or name in self._known
        }


def known_of(name: str, model: str, version: int, label: object, shares: Schema) -> Schema:
    """Members whose examples no type tells."""
    output = {
        "name": "prediction",
        "datatype": _datatype(label),
        "shape": [1],
        "data": [label],
    }
    return {
        "prediction_id": _EXAMPLE_ID,
        "prediction": label,
        "model": {"name": model, "version": version},
        "model_name": name,
        "model_version": str(version),
        "probabilities": shares,
        "predictions": [label],
        "outputs": [output],
    }


def _datatype(label: object) -> str:
    if isinstance(label, bool):
        return "BOOL"
    if isinstance(label, int):
        return "INT64"
    return "FP64" if isinstance(label, float) else "BYTES"


def _answer(status: str, told: Schema) -> Answer:
    return Answer(status, told.get("description", ""))
