"""Lists in pieces: how many items after which one."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from services.registry.domain.errors import InvalidCursorError
from understudy.contracts.refusals import FieldError

Item = TypeVar("Item")


@dataclass(frozen=True, slots=True)
class Paging:
    """Which piece is asked for. The cursor is the last item's place in the list's order."""

    limit: int = 100
    cursor: str | None = None

    def after_number(self) -> int | None:
        """The cursor of a list that is ordered by number. Raises InvalidCursorError."""
        if self.cursor is None:
            return None
        if not self.cursor.isdecimal() or len(self.cursor) > 18:
            detail = "Use the next_cursor of an earlier page of this list, or none."
            raise InvalidCursorError(detail, FieldError("/query/cursor", detail))
        return int(self.cursor)


@dataclass(frozen=True, slots=True)
class Slice(Generic[Item]):
    """One piece; without `next_cursor` it is the last."""

    items: tuple[Item, ...]
    next_cursor: str | None = None


def cut(found: Sequence[Item], limit: int, place: Callable[[Item], object]) -> Slice[Item]:
    """Make a piece of up to `limit` + 1 found items; the one too many says that there are more."""
    kept = tuple(found[:limit])
    return Slice(kept, str(place(kept[-1])) if len(found) > limit else None)
