"""Bodies of plain JSON → cells, in one typed pass of the decoder.

A `TypedReader` is made once for a plan. It takes a body only when nothing needs to be said
about it: every member known, typed and legal. Whatever it refuses is read again by
`domain.rows.Plan`, which explains; both agree on what is legal.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Annotated, Any, Final, Literal

import msgspec
from msgspec.structs import astuple

from services.serving.api.bodies import require_single_members
from services.serving.domain.columns import Column
from services.serving.domain.drafts import Cells
from services.serving.domain.rows import Shape
from understudy.contracts.signature import MOST_TEXT
from understudy.contracts.vocabulary import FeatureKind, Label
from understudy.runtime.repeated_members import counts_as

_ROWS_MEMBER: Final = "rows"
_ROWS_BODY: Final = b'{"rows"'
_WHOLE: Final = 2**53
"""Whole numbers up to here are exact in a float64; larger ones take the other way."""

Read = tuple[Sequence[Cells], Shape, Sequence[object] | None]
"""The rows, how they came, and what is told of protected attributes."""


class TypedReader:
    """Reads bodies for the columns of one plan."""

    def __init__(self, columns: Sequence[Column]) -> None:
        row = _struct("Row", [(column.name, _type(column)) for column in columns])
        self._one: msgspec.json.Decoder[Any] = msgspec.json.Decoder(row)
        self._list: msgspec.json.Decoder[Any] = msgspec.json.Decoder(list[row])  # type: ignore[valid-type]
        batch = msgspec.defstruct(
            "Batch",
            [("rows", list[row]), ("protected", list[dict[str, Label]] | None, None)],  # type: ignore[valid-type]
            forbid_unknown_fields=True,
            gc=False,
        )
        self._batch: msgspec.json.Decoder[Any] = msgspec.json.Decoder(batch)
        self._width = len(columns)
        self._takes_batches = all(column.name != _ROWS_MEMBER for column in columns)

    def read(self, body: bytes) -> Read | None:
        """None when the body needs a closer look.

        Raises MalformedBodyError where a member stands twice: of those the decoder takes the last.
        """
        try:
            if body.startswith(b"["):
                members, found = self._read_list(body)
            elif self._takes_batches and body.startswith(_ROWS_BODY):
                members, found = self._read_batch(body)
            else:
                found = (astuple(self._one.decode(body)),), Shape.ONE, None
                members = self._width
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return None
        if not counts_as(body, members):
            require_single_members(body)
        return found

    def _read_list(self, body: bytes) -> tuple[int, Read]:
        rows = self._list.decode(body)
        return len(rows) * self._width, ([*map(astuple, rows)], Shape.LIST, None)

    def _read_batch(self, body: bytes) -> tuple[int, Read]:
        batch = self._batch.decode(body)
        rows, told = batch.rows, batch.protected
        around = 1 if told is None else 2 + sum(map(len, told))
        return len(rows) * self._width + around, ([*map(astuple, rows)], Shape.ROWS, told)


def _struct(name: str, members: Sequence[tuple[str, Any]]) -> type[msgspec.Struct]:
    """A struct whose JSON members may have any name."""
    return msgspec.defstruct(
        name,
        [(f"f{index}", kind) for index, (_, kind) in enumerate(members)],
        rename={f"f{index}": member for index, (member, _) in enumerate(members)},
        forbid_unknown_fields=True,
        gc=False,
    )


def _type(column: Column) -> Any:
    kind = _TYPES[column.kind](column)
    return kind | None if column.nullable else kind


def _number(column: Column) -> Any:
    return Annotated[float, msgspec.Meta(ge=column.low, le=column.high)]


def _integer(column: Column) -> Any:
    low, high = max(column.low, -_WHOLE), min(column.high, _WHOLE)
    return Annotated[int, msgspec.Meta(ge=math.ceil(low), le=math.floor(high))]


def _boolean(_column: Column) -> Any:
    return bool


def _category(column: Column) -> Any:
    if column.open:
        return Annotated[str, msgspec.Meta(max_length=MOST_TEXT)]
    return Literal[tuple(column.choices)]


_TYPES: Final[Mapping[FeatureKind, Callable[[Column], Any]]] = {
    FeatureKind.NUMBER: _number,
    FeatureKind.INTEGER: _integer,
    FeatureKind.BOOLEAN: _boolean,
    FeatureKind.CATEGORY: _category,
}
