"""Names out of files that anybody wrote, as they are told of: short."""

from collections.abc import Sequence
from typing import Final

_LONGEST: Final = 80
_MOST: Final = 10


def quoted(name: object) -> str:
    """One name."""
    return repr(name)[:_LONGEST]


def named(names: Sequence[object]) -> str:
    """Some of them."""
    more = ", …" if len(names) > _MOST else ""
    return (", ".join(quoted(name) for name in names[:_MOST]) or "none") + more
