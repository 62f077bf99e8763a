"""What callers send, read once they are known and may: bounded, checked, refused by field."""

from typing import Final, TypeVar

from fastapi import Request
from pydantic import BaseModel, ValidationError

from services.monitor.domain.errors import TooLargeRequestError
from understudy.contracts.refusals import Refusal
from understudy.runtime.validation import refusal_of, require_single_members

Model = TypeVar("Model", bound=BaseModel)

MOST_BYTES: Final = 16 * 1024**2


async def body_of(request: Request, kind: type[Model]) -> Model:
    """The JSON body. Raises MalformedError, InvalidError, TooLargeRequestError."""
    return read(await content_of(request, MOST_BYTES), kind)


async def content_of(request: Request, most_bytes: int) -> bytes:
    """As it was sent. Raises TooLargeRequestError."""
    content = bytearray()
    async for chunk in request.stream():
        content += chunk
        if len(content) > most_bytes:
            raise TooLargeRequestError(f"The body is longer than {most_bytes} bytes; send less.")
    return bytes(content)


def read(content: bytes, kind: type[Model]) -> Model:
    """As JSON. Raises MalformedError, InvalidError."""
    try:
        found = kind.model_validate_json(content)
    except ValidationError as error:
        raise _refusal("body", error) from None
    require_single_members(content)
    return found


def query_of(request: Request, kind: type[Model]) -> Model:
    """The parameters after the question mark. Raises InvalidError."""
    try:
        return kind.model_validate_strings(dict(request.query_params))
    except ValidationError as error:
        raise _refusal("query", error) from None


def _refusal(part: str, error: ValidationError) -> Refusal:
    """As if FastAPI had read it; a body that is no JSON says at its end where."""
    found = error.errors(include_url=False, include_input=False)
    placed = [{**one, "loc": (part, *one["loc"])} for one in found]
    return refusal_of(placed, json=True)
