"""Reads what a form sent, bounded in bytes, fields and time."""

import asyncio
from collections.abc import Mapping
from typing import Final
from urllib.parse import parse_qsl

from starlette.requests import ClientDisconnect, Request

from services.serving.domain.errors import BodyTooLargeError, MalformedBodyError
from services.serving.pages.fields import NAME_PREFIX
from understudy.contracts.signature import MAX_FEATURES

MOST_BYTES: Final = 1_000_000
MOST_FIELDS: Final = MAX_FEATURES + 10
READ_SECONDS: Final = 15.0

_FORM_TYPE: Final = "application/x-www-form-urlencoded"


async def read_submission(request: Request) -> dict[str, str]:
    """The fields that were sent. Raises MalformedBodyError or BodyTooLargeError."""
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != _FORM_TYPE:
        raise MalformedBodyError(f"The form is sent as {_FORM_TYPE}.")
    try:
        async with asyncio.timeout(READ_SECONDS):
            body = await _bounded_body(request)
        pairs = parse_qsl(
            body.decode("ascii", "replace"), keep_blank_values=True, max_num_fields=MOST_FIELDS
        )
    except (TimeoutError, ValueError, ClientDisconnect) as error:
        raise MalformedBodyError("The form did not arrive whole. Send it again.") from error
    return dict(pairs)


def texts_in(sent: Mapping[str, str]) -> dict[str, str]:
    """What was entered, by feature name."""
    size = len(NAME_PREFIX)
    return {name[size:]: text for name, text in sent.items() if name.startswith(NAME_PREFIX)}


async def _bounded_body(request: Request) -> bytes:
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > MOST_BYTES:
            raise BodyTooLargeError(f"The form holds more than {MOST_BYTES} bytes.")
    return bytes(body)
