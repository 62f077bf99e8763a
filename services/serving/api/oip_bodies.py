"""Bodies of the Open Inference Protocol: packed or not, JSON with binary tensors behind it or not.

Source: https://github.com/triton-inference-server/server/blob/main/docs/protocol, "Binary Tensor
Data Extension".
"""

import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Final

from starlette.datastructures import Headers

from services.serving.api.bodies import decode_json, too_large
from services.serving.domain.errors import BodyTooLargeError, MalformedBodyError
from understudy.contracts.refusals import Fault, FieldError, Refusal, json_pointer

HEADER_LENGTH: Final = "Inference-Header-Content-Length"
_BYTES: Final = "binary_data_size"
_TAKES: Final = (
    'Send {"inputs": [{"name": "…", "shape": [rows, …], "datatype": "FP64", "data": [...]}, …]}.'
)
_PLAIN: Final = ("", "identity")
_PACKED: Final = ("gzip", "deflate")
_FREE_BYTES: Final = 65_536
_RATIO: Final = 100
"""What is packed may be so many times its length, or `_FREE_BYTES`."""
_EITHER: Final = zlib.MAX_WBITS + 32
"""Finds out by itself whether it is gzip or zlib."""


class UnsupportedEncodingError(Refusal):
    """The body is packed in a way that is not understood."""

    fault: ClassVar = Fault.MEDIA_TYPE
    code: ClassVar = "unsupported_encoding"


@dataclass(frozen=True, slots=True)
class Parts:
    """A request's JSON, and what stands behind it."""

    said: Mapping[str, object]
    binary: memoryview


def parts_of(headers: Headers, body: bytes, limit: int) -> Parts:
    """Raises MalformedBodyError, BodyTooLargeError, UnsupportedEncodingError."""
    body = _unpacked(headers.get("content-encoding", "").strip().lower(), body, limit)
    length = _length(headers.get(HEADER_LENGTH), len(body))
    said = decode_json(body[:length], _TAKES)
    if not isinstance(said, dict):
        raise MalformedBodyError(f"The body is no object. {_TAKES}")
    return Parts(said, memoryview(body)[length:])


class Tail:
    """The binary tensors behind the JSON, taken one after the other."""

    def __init__(self, binary: memoryview) -> None:
        self._binary = binary
        self._taken = 0

    def take(self, index: int, size: object) -> memoryview:
        """The bytes of the next tensor. Raises MalformedBodyError when they are not there."""
        left = len(self._binary) - self._taken
        if type(size) is not int or size < 0:
            raise _malformed(index, "must be a whole number of bytes")
        if size > left:
            raise _malformed(index, f"is {size}, but {left} bytes of the body are left")
        start = self._taken
        self._taken += size
        return self._binary[start : self._taken]

    def end(self) -> None:
        """Raises MalformedBodyError when something is left."""
        if left := len(self._binary) - self._taken:
            raise MalformedBodyError(
                f"{left} bytes at the end of the body belong to no tensor: the {_BYTES} of all "
                f"inputs and {HEADER_LENGTH} add up to less than the body."
            )


def _malformed(index: int, words: str) -> MalformedBodyError:
    pointer = json_pointer("inputs", index, "parameters", _BYTES)
    return MalformedBodyError(f"{pointer} {words}.", FieldError(pointer, words))


def _length(told: str | None, whole: int) -> int:
    """How long the JSON is."""
    if told is None:
        return whole
    # isdecimal() takes digits of other scripts too.
    if not (told.isascii() and told.isdecimal()) or len(told) > 20:
        raise MalformedBodyError(f"{HEADER_LENGTH} must be a whole number of bytes.")
    length = int(told)
    if length > whole:
        raise MalformedBodyError(f"{HEADER_LENGTH} is {length}, but the body has {whole} bytes.")
    if not length:
        raise MalformedBodyError(f"{HEADER_LENGTH} is 0: requests without JSON are not taken.")
    return length


def _unpacked(encoding: str, body: bytes, limit: int) -> bytes:
    """The body as it was packed; never more than its bounds is held."""
    if encoding in _PLAIN:
        return body
    if encoding not in _PACKED:
        known = ", ".join(_PACKED)
        raise UnsupportedEncodingError(
            f"Content-Encoding {encoding[:40]!r} is not understood; send {known}, or none."
        )
    most = min(limit, max(_FREE_BYTES, _RATIO * len(body)))
    unpacking = zlib.decompressobj(_EITHER)
    try:
        found = unpacking.decompress(body, most + 1)
    except zlib.error as error:
        raise MalformedBodyError(f"The body is not {encoding}, or damaged.") from error
    if len(found) > limit:
        raise too_large(limit)
    if len(found) > most:
        raise BodyTooLargeError(
            f"The body unpacks to more than {_RATIO} times its {len(body)} bytes. Send it unpacked."
        )
    if not unpacking.eof or unpacking.unused_data:
        raise MalformedBodyError(f"The body is not one whole {encoding} stream.")
    return found
