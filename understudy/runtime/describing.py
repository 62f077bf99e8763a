"""OpenAPI of services on FastAPI: as it is derived there, with refusals and keys as here."""

from collections.abc import Collection, Mapping
from typing import Any, Final

from fastapi import FastAPI
from pydantic import BaseModel

from understudy.contracts.problems import Problem
from understudy.runtime.http import PROBLEM_JSON

_KEYED: Final[list[dict[str, list[str]]]] = [{"bearer": []}, {"key": []}]
_SCHEMES: Final[Mapping[str, Any]] = {
    "bearer": {
        "type": "http",
        "scheme": "bearer",
        "description": "An API key, or an access token that was given for one.",
    },
    "key": {"type": "apiKey", "in": "header", "name": "X-API-Key"},
}
_REFUSED: Final[Mapping[str, str]] = {
    "4XX": "Refused: `detail` says why and what to do.",
    "503": "Not now: see `Retry-After`.",
}
_COMPONENT: Final = "#/components/schemas/{model}"
_UNTYPED: Final = frozenset({"HTTPValidationError", "ValidationError"})
"""What FastAPI says of requests that don't fit; here they are problems."""


def takes(kind: type[BaseModel]) -> dict[str, Any]:
    """`openapi_extra` of a route that reads its JSON body itself."""
    schema = kind.model_json_schema(ref_template=_COMPONENT)
    return {"requestBody": {"required": True, "content": {"application/json": {"schema": schema}}}}


def asks(kind: type[BaseModel]) -> dict[str, Any]:
    """`openapi_extra` of a route that reads its query itself."""
    schema = kind.model_json_schema(ref_template=_COMPONENT)
    required = schema.get("required", ())
    return {
        "parameters": [
            {"name": name, "in": "query", "required": name in required, "schema": told}
            for name, told in schema["properties"].items()
        ]
    }


def gives(media_type: str, words: str) -> dict[int | str, dict[str, Any]]:
    """`responses` of a route whose answer is no JSON."""
    return {200: {"description": words, "content": {media_type: {"schema": {"type": "string"}}}}}


def described(api: FastAPI, open_paths: Collection[str]) -> dict[str, Any]:
    """The document, made anew. Paths of `open_paths` need no key."""
    found: dict[str, Any] = {**api.openapi()}
    components = {**found.get("components", {})}
    schemas = components.get("schemas", {})
    kept = {name: schema for name, schema in schemas.items() if name not in _UNTYPED}
    components["schemas"] = {**kept, **_problem()}
    components["securitySchemes"] = dict(_SCHEMES)
    for told in (one for ways in found["paths"].values() for one in ways.values()):
        for content in told.get("requestBody", {}).get("content", {}).values():
            components["schemas"] |= content.get("schema", {}).pop("$defs", {})
    paths = {
        path: {
            method: _operation(told, keyed=path not in open_paths) for method, told in ways.items()
        }
        for path, ways in found["paths"].items()
    }
    return {**found, "components": components, "paths": paths}


def _operation(told: Mapping[str, Any], *, keyed: bool) -> dict[str, Any]:
    answers = {status: answer for status, answer in told["responses"].items() if status != "422"}
    content = {PROBLEM_JSON: {"schema": {"$ref": "#/components/schemas/Problem"}}}
    refusals = {
        status: {"description": words, "content": content} for status, words in _REFUSED.items()
    }
    security: dict[str, Any] = {"security": _KEYED if keyed else []}
    return {**told, "responses": {**refusals, **answers}, **security}


def _problem() -> dict[str, Any]:
    schema = Problem.model_json_schema(ref_template=_COMPONENT)
    return {**schema.pop("$defs", {}), "Problem": schema}
