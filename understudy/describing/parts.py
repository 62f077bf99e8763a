"""Pieces that operations are described by."""

from typing import Final

from understudy.describing.schemas import Schema, reference

JSON: Final = "application/json"
PROBLEM: Final = "application/problem+json"

_LIMITS: Final[Schema] = {
    "RateLimit-Policy": {
        "schema": {"type": "string"},
        "description": "Of a key with limits: how much it may ask.",
    },
    "RateLimit": {
        "schema": {"type": "string"},
        "description": "Of a key with limits: how much is left, and seconds until there is more.",
    },
}
_LATER: Final[Schema] = {
    "Retry-After": {"schema": {"type": "integer"}, "description": "Seconds to wait."}
}
ANSWERED: Final[Schema] = {
    "X-Request-ID": {"schema": {"type": "string"}, "description": "Echoed, or made."},
    "X-Model-Version": {"schema": {"type": "string"}, "description": "Which version answered."},
    "X-Prediction-ID": {"schema": {"type": "string"}, "description": "Of a single prediction."},
    "Server-Timing": {"schema": {"type": "string"}},
    **_LIMITS,
}


def answers_of(
    status: int,
    words: str,
    content: Schema,
    headers: Schema | None = None,
    problem: str = PROBLEM,
) -> Schema:
    """What comes back, or why it does not."""
    told: Schema = {"description": words, "content": content}
    if headers is not None:
        told["headers"] = headers
    refused = {"content": {problem: {"schema": reference("Problem")}}}
    return {
        str(status): told,
        "4XX": {"description": "Refused: `detail` says why and what to do.", **refused},
        "429": {
            "description": "The key has asked as much as it may for now.",
            "headers": {**_LATER, **_LIMITS},
            **refused,
        },
        "503": {"description": "Not now: see `Retry-After`.", "headers": _LATER, **refused},
        "504": {"description": "It took too long.", **refused},
    }


def body_of(schema: Schema, example: object) -> Schema:
    """A required JSON body."""
    return {"required": True, "content": {JSON: {"schema": schema, "example": example}}}


def told_as(name: str) -> Schema:
    """JSON of a component."""
    return {JSON: {"schema": reference(name)}}


def confidence() -> Schema:
    """The option."""
    return {
        "name": "confidence",
        "in": "query",
        "description": "Say how sure each answer is.",
        "schema": {"type": "boolean", "default": False},
    }


def named() -> Schema:
    """What the caller calls it."""
    return {
        "name": "prediction_id",
        "in": "query",
        "description": "What to call the prediction; rows of a batch get `.0`, `.1` behind it.",
        "schema": {"type": "string", "pattern": r"^[A-Za-z0-9._:-]{0,100}$"},
    }


def request_id() -> Schema:
    """What the caller calls the request."""
    return {
        "name": "X-Request-ID",
        "in": "header",
        "description": "Names the prediction where `prediction_id` does not, if it is 1 to 100 "
        "letters, digits or `._:-`; else there is one of ours.",
        "schema": {"type": "string"},
    }
