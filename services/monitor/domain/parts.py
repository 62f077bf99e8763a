"""Parts of the archive: which entries of a stream go into one file, and what it is called.

A part is closed by what the log holds, not by when somebody looks at it: it ends with the window of
time that its first entry is in, or earlier with the entry that makes it large enough. So whoever
writes the entries after one position again writes the same file again.
"""

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum
from typing import Final, NamedTuple, Self

_DAY_MILLISECONDS: Final = 86_400_000
_NAME: Final = re.compile(
    r"(?P<first>\d{1,15}-\d{1,20})_(?P<last>\d{1,15}-\d{1,20})_(?P<rows>\d{1,12})\.parquet",
    re.ASCII,
)


class Stream(StrEnum):
    """The streams of a deployment."""

    PREDICTIONS = "predictions"
    PAIRS = "pairs"
    LABELS = "labels"
    PROTECTED = "protected"


class EntryId(NamedTuple):
    """Of a stream entry: milliseconds since the epoch, and a number within the millisecond."""

    milliseconds: int
    number: int

    @classmethod
    def parse(cls, text: str) -> Self:
        """`1800000000000-3`."""
        milliseconds, _, number = text.partition("-")
        return cls(int(milliseconds), int(number or 0))

    def __str__(self) -> str:
        return f"{self.milliseconds}-{self.number}"

    @property
    def day(self) -> date:
        """UTC."""
        return datetime.fromtimestamp(self.milliseconds / 1_000, UTC).date()


START: Final = EntryId(0, 0)
"""Before every entry."""


@dataclass(frozen=True, slots=True)
class PartLimits:
    """When a part is closed."""

    window_milliseconds: int
    rows: int
    size: int
    """Bytes of the entries as they are in the log."""

    def window_end(self, first: EntryId) -> int:
        """Milliseconds since the epoch: entries from then on are in another part."""
        window, day = (
            (first.milliseconds // length + 1) * length
            for length in (self.window_milliseconds, _DAY_MILLISECONDS)
        )
        return min(window, day)

    def full(self, rows: int, size: int) -> bool:
        """Whether the part ends with the entry that brought it there."""
        return rows >= self.rows or size >= self.size


@dataclass(frozen=True, slots=True)
class PartId:
    """One file: all readable entries of a stream from the first to the last."""

    deployment: str
    stream: Stream
    first: EntryId
    last: EntryId
    rows: int

    @property
    def name(self) -> str:
        """What the file is called; also says how many rows it has, so that a listing tells it."""
        return f"{self.first}_{self.last}_{self.rows}.parquet"

    @property
    def day(self) -> date:
        """UTC; no part reaches over midnight."""
        return self.first.day


@dataclass(frozen=True, slots=True)
class StoredPart:
    """A file that is there."""

    part: PartId
    size_bytes: int


@dataclass(frozen=True, slots=True)
class Waiting:
    """Entries are there, but their part is not closed yet."""

    oldest: EntryId


def parse_part(deployment: str, stream: Stream, name: str) -> PartId | None:
    """None when no part is called so."""
    found = _NAME.fullmatch(name)
    if found is None:
        return None
    first, last = EntryId.parse(found["first"]), EntryId.parse(found["last"])
    return PartId(deployment, stream, first, last, int(found["rows"]))


def expired(day: date, now: float, days: float | None) -> bool:
    """Whether every entry of a day is older than so many days; never without a limit."""
    if days is None:
        return False
    ends = datetime(day.year, day.month, day.day, tzinfo=UTC) + timedelta(days=1 + days)
    return ends.timestamp() <= now
