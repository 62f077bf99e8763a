"""Rows of one request that were read against a signature and are not scored yet."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from understudy.contracts.vocabulary import GuardAction, GuardRuleName, Label, WarningCode

Cells = tuple[Any, ...]
"""One row: its numeric features in the signature's order (numbers, None where null), then its
categories (strings, None where null)."""

Hits = Mapping[tuple[GuardRuleName, GuardAction], int]
"""How many rows each rule caught. A row that several rules caught counts for each."""

INSTEAD: Final = "; a rule answered instead"
"""Ends the message of a notice whose rule overrode the model."""


@dataclass(frozen=True, slots=True)
class Notice:
    """Something that the caller is told beside the answer."""

    code: WarningCode
    feature: str | None
    message: str


@dataclass(frozen=True, slots=True)
class Draft:
    """`notices` and `overrides` are by the index of the row, and empty for nearly all requests."""

    cells: Sequence[Cells]
    notices: Mapping[int, Sequence[Notice]] = field(default_factory=dict)
    overrides: Mapping[int, Label] = field(default_factory=dict)
    """What the caller is told instead of the model's answer."""
    hits: Hits = field(default_factory=dict)
    coercions: int = 0
    """Values that were read as another type, and members that were left out."""

    def __len__(self) -> int:
        return len(self.cells)
