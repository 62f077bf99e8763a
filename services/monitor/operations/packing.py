"""The counts behind a judgement, packed so that the audit trail can hold them."""

import base64
import zlib
from collections.abc import Mapping
from typing import Final

from services.monitor.domain.statistics.spectrum import STEPS

_LONGEST_STATE: Final = 48_000
"""Of the 64 KiB that evidence may take."""


def packed(state: Mapping[int, int]) -> str | None:
    """Base64 of zlib of varints, or None where that is too long to be kept.

    For each place, ascending: its distance from the one before (from -2^14 for the first), then its
    count.
    """
    written, before = bytearray(), -STEPS
    for place in sorted(state):
        written += _varint(place - before) + _varint(state[place])
        before = place
    found = base64.b64encode(zlib.compress(bytes(written), 9)).decode()
    return found if len(found) <= _LONGEST_STATE else None


def _varint(number: int) -> bytes:
    """LEB128: seven bits a byte, the lowest first; the high bit says that more follow."""
    found = bytearray()
    while number >= 0x80:
        found.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes((*found, number))
