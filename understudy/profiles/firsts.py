"""The first row of each entity in each minute: what counts when rows of one entity are alike."""

import hashlib
from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from understudy.profiles.arrays import Floats
from understudy.profiles.columns import Column

Hashes = NDArray[np.uint64]
MOST_ENTITIES: Final = 20_000
"""That are told apart in one minute; rows of later ones are not looked at for drift."""


def first_of_minute(names: Sequence[str], at: Floats) -> NDArray[np.intp]:
    """Which rows, in their order, are the first of their name in their minute."""
    seen = set[tuple[str, float]]()
    found = list[int]()
    for row, name in enumerate(zip(names, np.floor_divide(at, 60).tolist(), strict=True)):
        if name not in seen:
            seen.add(name)
            found.append(row)
    return np.array(found, dtype=np.intp)


def entity_hashes(column: Column) -> Hashes:
    """64 bits for each value, the same in every process; a missing value is an entity, too."""
    if isinstance(column, np.ndarray):
        return np.ascontiguousarray(column, dtype="<f8").view("<u8")
    known = {value: _hash(value) for value in set(column)}
    return np.array([known[value] for value in column], dtype=np.uint64)


def newcomers(
    hashes: Hashes, known: Hashes, most: int = MOST_ENTITIES
) -> tuple[NDArray[np.intp], Hashes]:
    """The rows that come first, and everything known with them, ascending and bounded."""
    unique, first = np.unique(hashes, return_index=True)
    fresh = ~np.isin(unique, known)
    rows = np.sort(first[fresh])[: max(0, most - known.size)]
    return rows, np.union1d(known, hashes[rows])


def _hash(value: str | None) -> int:
    data = b"" if value is None else b"=" + value.encode()
    return int.from_bytes(hashlib.blake2b(data, digest_size=8).digest(), "little")
