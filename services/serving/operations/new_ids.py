"""Ids for predictions whose callers bring none."""

import os
import time
from collections.abc import Iterator
from typing import Final

from services.serving.domain.ids import RANDOM_BITS, row_ids, uuid7

_BYTES: Final = 10
_AT_ONCE: Final = 256
"""Asking the system for few bytes takes longer than all else about an id."""


class NewIds:
    """One for each process: what is in store must not be used by two."""

    def __init__(self) -> None:
        self._randomness = _randomness()

    def made(self, rows: int) -> list[str]:
        """A UUID for one row; for several, one that all go by."""
        name = uuid7(time.time_ns() // 1_000_000, next(self._randomness))
        return [name] if rows == 1 else row_ids(name, rows)


def _randomness() -> Iterator[int]:
    spare = 8 * _BYTES - RANDOM_BITS
    while True:
        block = os.urandom(_BYTES * _AT_ONCE)
        for place in range(0, len(block), _BYTES):
            yield int.from_bytes(block[place : place + _BYTES]) >> spare
