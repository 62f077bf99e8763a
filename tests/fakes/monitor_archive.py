"""The archive's ports in memory."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date

from services.monitor.adapters.archive.reading import rows_of
from services.monitor.domain.parts import (
    START,
    EntryId,
    PartId,
    PartLimits,
    StoredPart,
    Stream,
    Waiting,
    expired,
)
from services.monitor.ports import Piece
from understudy.contracts.events import Entry, Fields, encode

Written = tuple[EntryId, Entry | None, int]
"""An entry, or None for one that can't be read, and its bytes."""


@dataclass
class MemoryBacklog:
    """`ports.Backlog`: entries get the ids that they are appended with."""

    limits: PartLimits
    now_milliseconds: int
    entries: dict[tuple[str, Stream], list[Written]] = field(default_factory=dict)
    positions: dict[str, dict[Stream, EntryId]] = field(default_factory=dict)
    failure: Exception | None = None

    def append(
        self, stream: Stream, name: EntryId, entry: Entry | None, *, deployment: str, size: int = 1
    ) -> None:
        self.entries.setdefault((deployment, stream), []).append((name, entry, size))

    async def begin(self, deployment: str) -> Mapping[Stream, EntryId]:
        return dict(self.positions.setdefault(deployment, dict.fromkeys(Stream, START)))

    async def next(self, deployment: str, stream: Stream, after: EntryId) -> Piece | Waiting | None:
        if self.failure is not None:
            raise self.failure
        left = [each for each in self.entries.get((deployment, stream), []) if each[0] > after]
        if not left:
            return None
        first = left[0][0]
        end = self.limits.window_end(first)
        if self.now_milliseconds < end:
            return Waiting(first)
        return self._piece(deployment, stream, [one for one in left if one[0].milliseconds < end])

    async def holds(self, deployment: str, stream: Stream, entry: EntryId) -> bool:
        return any(name == entry for name, _, _ in self.entries.get((deployment, stream), []))

    async def move(self, deployment: str, stream: Stream, before: EntryId, after: EntryId) -> bool:
        held = self.positions.get(deployment, {})
        if held.get(stream) != before:
            return False
        held[stream] = after
        return True

    async def forget(self, deployment: str) -> None:
        self.positions.pop(deployment, None)

    def _piece(self, deployment: str, stream: Stream, closed: list[Written]) -> Piece:
        read, rows, held, malformed = list[tuple[EntryId, Fields]](), 0, 0, 0
        last = closed[0][0]
        for last, entry, size in closed:
            if entry is None:
                malformed += 1
                continue
            read.append((last, encode(entry)))
            rows, held = rows + rows_of(entry), held + size
            if self.limits.full(rows, held):
                break
        return Piece(PartId(deployment, stream, closed[0][0], last, rows), read, malformed)


@dataclass
class MemoryArchive:
    """`ports.Archive`: keeps pieces; a file's bytes are its entries' names."""

    pieces: dict[PartId, Piece] = field(default_factory=dict)
    failure: Exception | None = None
    writes: int = 0

    async def write(self, piece: Piece) -> int:
        if self.failure is not None:
            raise self.failure
        self.writes += 1
        self.pieces[piece.part] = piece
        return len(self._bytes(piece.part))

    async def parts(
        self, deployment: str, stream: Stream, since: date, until: date
    ) -> tuple[StoredPart, ...]:
        found = [
            StoredPart(part, len(self._bytes(part)))
            for part in self.pieces
            if (part.deployment, part.stream) == (deployment, stream) and since <= part.day <= until
        ]
        return tuple(sorted(found, key=lambda stored: stored.part.first))

    async def read(self, part: PartId) -> bytes:
        if part not in self.pieces:
            raise FileNotFoundError(part.name)
        return self._bytes(part)

    async def expire(self, now: float, days: float | None, protected_days: float | None) -> int:
        gone = {
            part
            for part in self.pieces
            if expired(part.day, now, protected_days if part.stream is Stream.PROTECTED else days)
        }
        for part in gone:
            del self.pieces[part]
        return len({(part.deployment, part.stream, part.day) for part in gone})

    def _bytes(self, part: PartId) -> bytes:
        return b" ".join(str(name).encode() for name, _ in self.pieces[part].entries)
