"""What of a stream may go: what every reader is done with, as far as retention wants it gone."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

EntryId = tuple[int, int]
"""Milliseconds since the epoch, and a number among the entries of that millisecond."""

MONITOR: Final = "monitor"
ARCHIVE: Final = "archive"
NOTHING: Final[EntryId] = (0, 0)
_EVERYTHING: Final[EntryId] = (2**63, 0)
# A new reader begins so long before the release that named it, for clocks differ.
_MARGIN_MILLISECONDS: Final = 60_000


class Stream(StrEnum):
    """The streams of a deployment."""

    PREDICTIONS = "predictions"
    PAIRS = "pairs"
    LABELS = "labels"
    PROTECTED = "protected"


@dataclass(frozen=True, slots=True)
class Group:
    """A consumer group of a stream."""

    name: str
    delivered: EntryId
    """The last entry that was handed to it."""
    oldest_pending: EntryId | None = None
    """The oldest entry that it has in hand."""

    @property
    def needs(self) -> EntryId:
        """The first id that it is not done with."""
        return self.oldest_pending or _after(self.delivered)


@dataclass(frozen=True, slots=True)
class Contents:
    """A stream as it is."""

    entries: int
    size: int
    """About how many bytes of Redis's memory."""
    first: EntryId
    groups: Sequence[Group] = ()


@dataclass(frozen=True, slots=True)
class Owed:
    """A version that owes pairs, by the snapshot; its group may not have been made yet."""

    version: int
    group: str
    since: float
    """Seconds since the epoch."""
    challenges: bool
    """Whether the present release names it; else it finishes what it owes, and leaves."""


@dataclass(frozen=True, slots=True)
class Look:
    """All that is known of a deployment's streams."""

    streams: Mapping[Stream, Contents]
    monitor: Mapping[Stream, EntryId] | None = None
    """The last entries that the monitor has accounted for; None: it has not begun."""
    left: Mapping[int, EntryId] = field(default_factory=dict)
    """Where groups of versions ended that are gone."""
    archived: Mapping[Stream, EntryId] | None = None
    """The last entries that are in the archive; None: nobody archives, so nothing is held."""


@dataclass(frozen=True, slots=True)
class Retention:
    """What is kept for those who look back; a reader that is behind keeps more."""

    seconds: float
    entries: int
    size: int
    """About so many bytes of one stream."""
    monitored: bool = True
    """Whether there is a monitor, so that what it has not read must stay."""


@dataclass(frozen=True, slots=True)
class Cut:
    """What may go of a stream."""

    below: EntryId
    """Older entries are too old, and everybody is done with them."""
    surplus: int
    """So many of the oldest entries are too many; they may go as far as `behind`."""
    behind: EntryId
    """Everybody is done with older entries."""
    held_by: str | None
    """The reader that holds back what is too old or too many."""


def cut(stream: Stream, look: Look, owed: Sequence[Owed], retention: Retention, now: float) -> Cut:
    """What may go of one stream of a deployment."""
    contents = look.streams[stream]
    slowest, behind = min(
        _needs(stream, look, owed, retention),
        key=lambda reader: reader[1],
        default=("", _EVERYTHING),
    )
    old: EntryId = (max(0, int((now - retention.seconds) * 1_000)), 0)
    surplus = _surplus(contents, retention)
    wants = contents.entries > 0 and (contents.first < old or surplus > 0)
    held = wants and behind <= contents.first
    return Cut(min(old, behind), surplus, behind, slowest if held else None)


def _needs(
    stream: Stream, look: Look, owed: Sequence[Owed], retention: Retention
) -> Iterator[tuple[str, EntryId]]:
    """Readers, and the first id that each is not done with."""
    groups = look.streams[stream].groups
    yield from ((group.name, group.needs) for group in groups)
    if retention.monitored:
        yield MONITOR, _beyond(look.monitor or {}, stream)
    if look.archived is not None:
        yield ARCHIVE, _beyond(look.archived, stream)
    if stream is Stream.PREDICTIONS:
        there = {group.name for group in groups}
        yield from (
            (each.group, start)
            for each in owed
            if each.group not in there and (start := _start(each, look)) is not None
        )


def _beyond(positions: Mapping[Stream, EntryId], stream: Stream) -> EntryId:
    """The first id that a reader with those positions is not done with."""
    done = positions.get(stream, NOTHING)
    return NOTHING if done == NOTHING else _after(done)


def _start(owed: Owed, look: Look) -> EntryId | None:
    """Where a group that is not there will begin; None: it has been, and will not come again."""
    begin: EntryId = (max(0, int(owed.since * 1_000) - _MARGIN_MILLISECONDS), 0)
    left = look.left.get(owed.version)
    if left is None or left < begin:
        return begin
    return _after(left) if owed.challenges else None


def _surplus(contents: Contents, retention: Retention) -> int:
    kept = contents.entries
    if contents.size > retention.size:
        kept = math.floor(contents.entries * retention.size / contents.size)
    return contents.entries - min(kept, retention.entries)


def _after(entry: EntryId) -> EntryId:
    return entry[0], entry[1] + 1
