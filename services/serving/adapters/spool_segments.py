"""Segment files of a spool: records that tell whether they are whole.

A record is a header (mark, length, rows, checksum of the payload, checksum of the header) and a
payload, a flush. A file may end in a torn record, and a disk may spoil one in the middle.
"""

import os
import struct
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Final

import msgspec

from services.serving.adapters.flushes import Flush

MARK: Final = b"\xf5US1"
_FIELDS: Final = struct.Struct("<4sIII")
_CHECK: Final = struct.Struct("<I")
HEADER_BYTES: Final = _FIELDS.size + _CHECK.size
SUFFIX: Final = ".spool"

_ENCODER: Final = msgspec.msgpack.Encoder()
_DECODER: Final = msgspec.msgpack.Decoder(Flush)


@dataclass(frozen=True, slots=True)
class Chunk:
    """Some records of a segment."""

    flushes: Sequence[Flush]
    end: int
    """Where the next record begins."""
    corrupt: int = 0
    """Spoilt records that were passed by."""
    torn: bool = False
    """Whether the rest is no record: the writer was killed, or the power failed."""


def framed(flush: Flush) -> bytes:
    """A flush as a record."""
    payload = _ENCODER.encode(flush)
    fields = _FIELDS.pack(MARK, len(payload), flush.rows, zlib.crc32(payload))
    return b"".join((fields, _CHECK.pack(zlib.crc32(fields)), payload))


def read_chunk(path: Path, start: int, stop: int, most_bytes: int) -> Chunk:
    """The records from `start` on, of about so many bytes, and one at least. Raises OSError."""
    try:
        with path.open("rb") as file:
            return _read_chunk(file, start, stop, max(most_bytes, HEADER_BYTES))
    except FileNotFoundError:
        return Chunk([], stop, torn=True)  # somebody took it away: nothing to wait for


def _read_chunk(file: BinaryIO, start: int, stop: int, most_bytes: int) -> Chunk:
    flushes: list[Flush] = []
    corrupt, at, wanted = 0, start, most_bytes
    while at < stop and at - start < most_bytes:
        file.seek(at)
        data = file.read(min(wanted, stop - at))
        used, found, spoilt = _parsed(data)
        flushes += found
        corrupt += spoilt
        at += used
        if used > 0:
            wanted = most_bytes
            continue
        needed = _needed(data)
        # Shorter than was asked for: the file has been cut.
        if needed is None or at + needed > stop or needed <= wanted:
            return _torn_or_spoilt(file, Chunk(flushes, at, corrupt), stop)
        wanted = needed
    return Chunk(flushes, at, corrupt)


def count_rows(path: Path, start: int, stop: int) -> int:
    """Rows of the records from `start` on, as far as their headers can be read."""
    rows, at = 0, start
    with path.open("rb") as file:
        while at + HEADER_BYTES <= stop:
            file.seek(at)
            header = _header(file.read(HEADER_BYTES))
            if header is None:
                break
            rows += header[1]
            at += HEADER_BYTES + header[0]
    return rows


def _header(data: bytes, at: int = 0) -> tuple[int, int, int] | None:
    """Length, rows and checksum of the record that begins there; None: none does."""
    if len(data) < at + HEADER_BYTES:
        return None
    mark, length, rows, checksum = _FIELDS.unpack_from(data, at)
    (check,) = _CHECK.unpack_from(data, at + _FIELDS.size)
    if mark != MARK or check != zlib.crc32(data[at : at + _FIELDS.size]):
        return None
    return length, rows, checksum


def _needed(data: bytes) -> int | None:
    header = _header(data)
    return None if header is None else HEADER_BYTES + header[0]


def _parsed(data: bytes) -> tuple[int, list[Flush], int]:
    """Bytes used, flushes, and how many whole records were spoilt."""
    flushes: list[Flush] = []
    at, corrupt = 0, 0
    for at_payload, length, checksum in _records(data):
        payload = data[at_payload : at_payload + length]
        at = at_payload + length
        try:
            if zlib.crc32(payload) != checksum:
                raise ValueError("checksum")  # noqa: TRY301 - one way out for both
            flushes.append(_DECODER.decode(payload))
        except (msgspec.MsgspecError, ValueError):
            corrupt += 1
    return at, flushes, corrupt


def _records(data: bytes) -> Iterator[tuple[int, int, int]]:
    at = 0
    while (header := _header(data, at)) is not None:
        length, _, checksum = header
        if at + HEADER_BYTES + length > len(data):
            return
        yield at + HEADER_BYTES, length, checksum
        at += HEADER_BYTES + length


def _torn_or_spoilt(file: BinaryIO, before: Chunk, stop: int) -> Chunk:
    """Where no record begins: go on at the next one that is whole, else the rest is torn."""
    file.seek(before.end)
    data = file.read(stop - before.end)
    at = data.find(MARK, 1)
    while at >= 0:
        header = _header(data, at)
        if header is not None and at + HEADER_BYTES + header[0] <= len(data):
            return Chunk(before.flushes, before.end + at, before.corrupt + 1)
        at = data.find(MARK, at + 1)
    return Chunk(before.flushes, stop, before.corrupt, torn=True)


class SegmentWriter:
    """Appends records to the newest segment of a folder. Blocks: it is called in a thread."""

    def __init__(self, folder: Path, segment_bytes: int) -> None:
        self._folder = folder
        self._segment_bytes = segment_bytes
        self._number = 0
        self._file: int | None = None
        self._size = 0

    def write(self, flushes: Sequence[Flush]) -> tuple[Path, int]:
        """Append and sync; the segment and its size. Raises OSError, and nothing is kept then."""
        if self._file is None or self._size >= self._segment_bytes:
            self._begin_segment()
        assert self._file is not None  # noqa: S101 - for the type checker
        data = b"".join(map(framed, flushes))
        try:
            _write_all(self._file, data)
            os.fdatasync(self._file)
        except OSError:
            self._give_up_segment()
            raise
        self._size += len(data)
        return self._path, self._size

    def close(self) -> None:
        """Let go of the newest segment; the next record begins another."""
        if self._file is not None:
            os.close(self._file)
            self._file = None

    @property
    def _path(self) -> Path:
        return self._folder / f"{self._number:08}{SUFFIX}"

    def _begin_segment(self) -> None:
        self.close()
        self._number += 1
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND
        self._file = os.open(self._path, flags, 0o600)
        self._size = 0
        sync_folder(self._folder)

    def _give_up_segment(self) -> None:
        """What a failed sync leaves on the disk is not known: never append behind it."""
        assert self._file is not None  # noqa: S101 - for the type checker
        try:
            os.ftruncate(self._file, self._size)
            if self._size == 0:
                self._path.unlink()
        except OSError:
            pass
        self.close()


def sync_folder(folder: Path) -> None:
    """Make the names in it survive a power failure."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _write_all(file: int, data: bytes) -> None:
    left = memoryview(data)
    while left:
        left = left[os.write(file, left) :]
