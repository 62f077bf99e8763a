"""Requests that don't fit their body's type, told field by field."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, ClassVar, Final

from fastapi.exceptions import RequestValidationError
from starlette.requests import Request
from starlette.responses import Response

from understudy.contracts.refusals import Fault, FieldError, Refusal, json_pointer
from understudy.runtime.http import EXCEPTION_HANDLERS, on_refusal

_MOST_ERRORS: Final = 50
_NOT_JSON: Final = frozenset({"model_attributes_type", "dict_type"})


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
        return MalformedError(f"The body is not JSON: {reason} at character {position}.")
    if not json and first["loc"] == ("body",) and first["type"] in _NOT_JSON:
        return MediaTypeError("Send JSON, with the header 'Content-Type: application/json'.")
    found = [FieldError(_pointer(one["loc"]), _message(one)) for one in errors[:_MOST_ERRORS]]
    detail = "; ".join(f"{one.pointer or 'body'}: {one.message}" for one in found[:5])
    return InvalidError(f"The request does not fit: {detail}.", *found)


def _pointer(place: tuple[str | int, ...]) -> str:
    """`("body", "a", 0)` → `/a/0`; other parts of a request keep their name: `/query/limit`."""
    return json_pointer(*(place[1:] if place[0] == "body" else place))


def _message(error: Any) -> str:
    return str(error["msg"]).removeprefix("Value error, ")


HANDLERS: Final[Mapping[Any, Callable[[Request, Exception], Awaitable[Response]]]] = {
    **EXCEPTION_HANDLERS,
    RequestValidationError: on_validation_error,
}
