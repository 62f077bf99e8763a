"""Requests that don't fit their type, told field by field: manners of services on FastAPI."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from http import HTTPStatus
from typing import Any, ClassVar, Final

from fastapi.exceptions import RequestValidationError
from fastapi.routing import iter_route_contexts
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Match

from understudy.contracts.refusals import Fault, FieldError, Refusal, json_pointer
from understudy.contracts.vocabulary import DIGEST_PATTERN, FINGERPRINT_PATTERN, NAME_PATTERN
from understudy.runtime.http import (
    EXCEPTION_HANDLERS,
    on_client_gone,
    on_http_exception,
    on_refusal,
)
from understudy.runtime.repeated_members import repeated_member

_MOST_ERRORS: Final = 50
_NOT_JSON: Final = frozenset({"model_attributes_type", "dict_type"})
_PATTERNS: Final = {
    NAME_PATTERN: "must be lower-case letters, digits and hyphens, at most 63, beginning and "
    "ending with a letter or digit",
    DIGEST_PATTERN: "must be a SHA-256: 64 digits 0-9 and letters a-f",
    FINGERPRINT_PATTERN: "must be 1 to 64 letters of a-z, A-Z and digits",
}
_WORDS: Final = {
    "bool_type": "must be true or false",
    "date_from_datetime_parsing": "must be a date",
    "datetime_from_date_parsing": "must be a time like 2026-01-31T12:00:00Z",
    "datetime_parsing": "must be a time like 2026-01-31T12:00:00Z",
    "datetime_type": "must be a time like 2026-01-31T12:00:00Z",
    "dict_type": "must be a JSON object",
    "dataclass_type": "must be a JSON object",
    "enum": "must be one of {expected}",
    "extra_forbidden": "is not known here; remove it",
    "finite_number": "must be a finite number",
    "float_parsing": "must be a number",
    "float_type": "must be a number",
    "greater_than": "must be more than {gt}",
    "greater_than_equal": "must be at least {ge}",
    "int_from_float": "must be a whole number",
    "int_parsing": "must be a whole number",
    "int_parsing_size": "must be a smaller whole number",
    "int_type": "must be a whole number",
    "less_than": "must be less than {lt}",
    "less_than_equal": "must be at most {le}",
    "list_type": "must be a JSON list",
    "missing": "is required; add it",
    "model_attributes_type": "must be a JSON object",
    "model_type": "must be a JSON object",
    "string_too_long": "must have at most {max_length} characters",
    "string_too_short": "must have at least {min_length} characters",
    "string_type": "must be text",
    "string_unicode": "must be text of whole Unicode characters",
    "timezone_aware": "must have a time zone, like 2026-01-31T12:00:00Z",
    "too_long": "must hold at most {max_length}",
    "too_short": "must hold at least {min_length}",
    "tuple_type": "must be a JSON list",
    "unexpected_keyword_argument": "is not known here; remove it",
}
"""What to do, by pydantic's type of an error; the rest is said in its own words."""


class MalformedError(Refusal):
    """The body is not JSON."""

    fault: ClassVar = Fault.MALFORMED
    code: ClassVar = "malformed_request"


class MediaTypeError(Refusal):
    """The body does not say that it is JSON."""

    fault: ClassVar = Fault.MEDIA_TYPE
    code: ClassVar = "media_type"


class InvalidError(Refusal):
    """The request does not fit; each error says where."""


def require_single_members(content: bytes) -> None:
    """Raises MalformedError, which names a member that stands twice in an object."""
    if (found := repeated_member(content)) is not None:
        raise MalformedError(f"{found.pointer} {found.message}.", found)


async def on_validation_error(request: Request, error: Exception) -> Response:
    """Starlette exception handler for FastAPI's RequestValidationError."""
    assert isinstance(error, RequestValidationError)  # noqa: S101 - registered for it only
    json = "json" in request.headers.get("content-type", "")
    return await on_refusal(request, refusal_of(error.errors(), json=json))


def refusal_of(errors: Any, *, json: bool) -> Refusal:
    """One refusal for all that pydantic found."""
    first = errors[0]
    if first["type"] == "json_invalid":
        position, reason = first["loc"][-1], first["ctx"]["error"]
        # Read from bytes, the reason says itself at which line and column.
        at = f" at character {position}" if isinstance(position, int) else ""
        return MalformedError(f"The body is not JSON: {reason}{at}.")
    if not json and first["loc"] == ("body",) and first["type"] in _NOT_JSON:
        return MediaTypeError("Send JSON, with the header 'Content-Type: application/json'.")
    found = [FieldError(_pointer(one["loc"]), _message(one)) for one in errors[:_MOST_ERRORS]]
    detail = "; ".join(f"{one.pointer}: {one.message}".removeprefix(": ") for one in found[:5])
    return InvalidError(f"The request does not fit: {detail}.", *found)


def _pointer(place: tuple[str | int, ...]) -> str:
    """`("body", "a", 0)` → `/a/0`; other parts of a request keep their name: `/query/limit`."""
    return json_pointer(*(place[1:] if place[0] == "body" else place))


def _message(error: Any) -> str:
    kind, context = error["type"], error.get("ctx", {})
    if error["loc"] == ("body",) and kind == "missing":
        return "the body is empty; send a JSON object"
    if kind == "string_pattern_mismatch" and context["pattern"] in _PATTERNS:
        return _PATTERNS[context["pattern"]]
    if kind == "too_short" and context["min_length"] == 1:
        return "must hold at least one"
    if kind in _WORDS:
        words = _WORDS[kind].format(**context)
        return words if error["loc"] != ("body",) else f"the body {words}"
    said = str(error["msg"]).removeprefix("Value error, ")
    return said.replace("Input should", "must", 1)


async def on_undecodable(request: Request, error: Exception) -> Response:
    """FastAPI has no better words than status 400 for whatever ends the reading of a body."""
    assert isinstance(error, HTTPException)  # noqa: S101 - registered for HTTPException only
    if isinstance(error.__cause__, Refusal):
        return await on_refusal(request, error.__cause__)
    if isinstance(error.__cause__, ClientDisconnect):
        return await on_client_gone(request, error.__cause__)
    if error.status_code == HTTPStatus.METHOD_NOT_ALLOWED:
        error.headers = {**(error.headers or {}), "Allow": ", ".join(_methods_at(request))}
    if error.status_code != HTTPStatus.BAD_REQUEST:
        return await on_http_exception(request, error)
    return await on_refusal(request, MalformedError("The body is not JSON: send it as UTF-8."))


def _methods_at(request: Request) -> Sequence[str]:
    """Of all routes with the path, however deep: the router says only what the first one takes."""
    led = [
        route
        for route in iter_route_contexts(request.app.routes)
        if route.methods and route.matches(request.scope)[0] is Match.PARTIAL
    ]
    # A hidden route that takes whatever comes does not speak for those that it stands behind.
    told = [route for route in led if route.include_in_schema] or led
    return sorted({method for route in told for method in route.methods or ()})


HANDLERS: Final[Mapping[Any, Callable[[Request, Exception], Awaitable[Response]]]] = {
    **EXCEPTION_HANDLERS,
    HTTPException: on_undecodable,
    RequestValidationError: on_validation_error,
}
