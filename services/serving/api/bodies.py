"""Bodies of requests: read within a bound, decoded whatever their Content-Type says."""

import asyncio
import codecs
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, TypeVar

import msgspec
from starlette.types import Receive, Scope

from services.serving.domain.errors import (
    BodyTooLargeError,
    InvalidProtectedError,
    MalformedBodyError,
)
from services.serving.domain.rows import Shape
from understudy.contracts.refusals import FieldError, json_pointer
from understudy.runtime.repeated_members import at_most_once, repeated_member

Row = Mapping[str, Any]

PROTECTED: Final = "protected"
"""Beside `rows`: protected attributes of each, for the log alone."""
_DECODER: Final = msgspec.json.Decoder()
LONG_BYTES: Final = 65_536
"""Longer ones take so long to decode that others would wait."""
_T = TypeVar("_T")
_TAKES: Final = 'Send one row as {"feature": value, …}, or many as {"rows": [{…}, …]}.'


class ClientGoneError(Exception):
    """The client closed the connection before its request was whole."""


async def read_body(scope: Scope, receive: Receive, limit: int) -> bytes:
    """The whole body. Raises BodyTooLargeError as soon as it is longer than `limit` bytes."""
    declared = header(scope, b"content-length")
    if declared.isdigit() and int(declared) > limit:
        raise too_large(limit)
    body = bytearray()
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientGoneError
        body += message.get("body", b"")
        # What was declared may be untrue, or absent from a chunked request.
        if len(body) > limit:
            raise too_large(limit)
        if not message.get("more_body", False):
            return bytes(body)


def header(scope: Scope, name: bytes) -> str:
    """A request header's value; empty when it is absent."""
    for key, value in scope["headers"]:
        if key == name:
            return str(value, "latin-1")
    return ""


async def aside(length: int, work: Callable[[], _T]) -> _T:
    """Decode a body of that length: at once, or in a thread where others would wait for it."""
    return work() if length <= LONG_BYTES else await asyncio.to_thread(work)


def decode_json(body: bytes, takes: str = _TAKES) -> object:
    """Raises MalformedBodyError, which names the position, or what to send in place of nothing."""
    if not body.strip():
        raise MalformedBodyError(f"The body is empty. {takes}")
    decoded = _decoded(body)
    if not at_most_once(body, decoded):
        require_single_members(body)
    return decoded


def require_single_members(body: bytes) -> None:
    """Raises MalformedBodyError, which names a member that stands twice in an object."""
    if (found := repeated_member(body)) is not None:
        raise MalformedBodyError(f"{found.pointer} {found.message}.", found)


def _decoded(body: bytes) -> object:
    try:
        return _DECODER.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        hint = ""
        if b"NaN" in body or b"Infinity" in body:
            hint = " NaN and Infinity are no JSON: send null where a value is missing."
        elif "out of range" in str(error):
            hint = " A number is larger than a float64 can be."
        elif body.startswith(codecs.BOM_UTF8):
            hint = " It begins with a byte order mark: send UTF-8 without one."
        raise MalformedBodyError(f"The body is not JSON: {error}.{hint}") from error
    except RecursionError as error:
        raise MalformedBodyError("The body is nested too deeply.") from error


def rows_of(decoded: object) -> tuple[Sequence[Row], Shape]:
    """The rows, and how they came.

    A feature may be called "rows": values of features are never lists, so a list under that name
    is always a batch.
    """
    match decoded:
        case {"rows": list(rows), **others} if not others.keys() - {PROTECTED}:
            return _checked(rows), Shape.ROWS
        case dict():
            return [decoded], Shape.ONE
        case list():
            return _checked(decoded), Shape.LIST
    raise MalformedBodyError(f"The body is neither an object nor a list. {_TAKES}")


def protected_of(decoded: object) -> Sequence[object] | None:
    """What a batch says of protected attributes; None when it does not. Raises a refusal."""
    match decoded:
        case {"rows": list(), **others} if PROTECTED in others:
            told = others[PROTECTED]
            if told is None or isinstance(told, list):
                return told
            words = "must be a list with an object of attributes for each row"
            raise InvalidProtectedError(
                f"{PROTECTED}: {words}", FieldError(json_pointer(PROTECTED), words)
            )
    return None


def _checked(rows: list[object]) -> list[Row]:
    checked: list[Row] = [row for row in rows if isinstance(row, dict)]
    if len(checked) != len(rows):
        wrong = next(index for index, row in enumerate(rows) if not isinstance(row, dict))
        raise MalformedBodyError(f"Row {wrong} is no object. {_TAKES}")
    return checked


def too_large(limit: int) -> BodyTooLargeError:
    """What to say of a body beyond the limit."""
    return BodyTooLargeError(f"The body is longer than {limit} bytes. Send fewer rows at once.")
