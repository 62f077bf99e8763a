"""What callers send, read once they are known and may: bounded, checked, refused by field."""

from typing import Final, TypeVar

from fastapi import Request
from pydantic import BaseModel, ValidationError

from services.monitor.domain.errors import InvalidRequestError, TooLargeRequestError
from understudy.contracts.refusals import FieldError, json_pointer

Model = TypeVar("Model", bound=BaseModel)

MOST_BYTES: Final = 16 * 1024**2


async def body_of(request: Request, kind: type[Model]) -> Model:
    """The JSON body. Raises InvalidRequestError, TooLargeRequestError."""
    content = bytearray()
    async for chunk in request.stream():
        content += chunk
        if len(content) > MOST_BYTES:
            raise TooLargeRequestError(f"The body is longer than {MOST_BYTES} bytes; send less.")
    try:
        return kind.model_validate_json(bytes(content))
    except ValidationError as error:
        raise _refusal("body", error) from error


def query_of(request: Request, kind: type[Model]) -> Model:
    """The parameters after the question mark. Raises InvalidRequestError."""
    try:
        return kind.model_validate_strings(dict(request.query_params))
    except ValidationError as error:
        raise _refusal("query", error) from error


def _refusal(what: str, error: ValidationError) -> InvalidRequestError:
    found = error.errors(include_url=False, include_input=False, include_context=False)
    fields = [
        FieldError(json_pointer(*each["loc"]), each["msg"].removeprefix("Value error, "))
        for each in found[:20]
    ]
    return InvalidRequestError(f"The {what} does not fit; see `errors`.", *fields)
