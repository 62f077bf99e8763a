"""Whether a zip archive is one that skops may have written, found out a piece at a time.

skops writes members side by side, without folders, each once, under names of its own. Everything
that archives can do beyond that is only of use to whoever wants to harm its reader.
"""

import io
import json
import re
import stat
import struct
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import IO, BinaryIO, Final
from zipfile import (
    ZIP_BZIP2,
    ZIP_DEFLATED,
    ZIP_LZMA,
    ZIP_STORED,
    BadZipFile,
    ZipFile,
    ZipInfo,
)

MOST_MEMBERS: Final = 100_000
_MOST_LISTED: Final = 32 << 20
"""Bytes of the list of members."""
_LARGEST_SCHEMA: Final = 64 << 20
_PIECE: Final = 1 << 20
_ENCRYPTED: Final = 0x41
_METHODS: Final = frozenset({ZIP_STORED, ZIP_DEFLATED, ZIP_BZIP2, ZIP_LZMA})
_NAME: Final = re.compile(r"schema\.json|[0-9A-Za-z_-]{1,100}\.(npy|npz|bin)", re.ASCII)
_INNER_NAME: Final = re.compile(r"[0-9A-Za-z_]{1,100}\.npy", re.ASCII)
_END: Final = struct.Struct("<4s4H2LH")
_END64: Final = struct.Struct("<4sQ2H2L4Q")
_LOCATOR: Final = struct.Struct("<4sLQL")
_LOCAL: Final = struct.Struct("<4s5H3L2H")
_CACHED: Final = "CachedNode"
"""skops' word for an object that was written before."""
_NUMPY: Final = b"\x93NUMPY"
_HEADER: Final = 4096
_OBJECTS: Final = re.compile(rb"['\"][|<>=]?O\d*['\"]")
"""A data type of Python objects: numpy keeps those as a pickle."""


class UnsafeArchiveError(Exception):
    """The message completes `The artifact is an archive that skops would not have written: …`."""


@dataclass(frozen=True, slots=True)
class _End:
    """Where an archive's list of members is, as its last bytes say."""

    members: int
    size: int
    offset: int


def require_listable(path: Path) -> None:
    """Refuse a list of members that is too long to be read. Raises UnsafeArchiveError."""
    with path.open("rb") as file:
        end = _end_of(file, path.stat().st_size)
    if end.members > MOST_MEMBERS or end.size > _MOST_LISTED:
        raise UnsafeArchiveError(f"it lists {end.members} members, more than {MOST_MEMBERS}")


def require_safe(path: Path, most_bytes: int) -> None:
    """Refuse what skops would not have written, or what unpacks to more than that.

    Reads every member once, and holds no more than a piece of it, but for the schema and for the
    archives within (sparse matrices). Raises UnsafeArchiveError.
    """
    require_listable(path)
    try:
        with path.open("rb") as file, ZipFile(file) as archive:
            members = archive.infolist()
            end = _end_of(file, path.stat().st_size)
            if len(members) != end.members:
                raise UnsafeArchiveError("its list holds another number of members than it says")
            _require_plain(members, _NAME)
            _require_apart(file, members, end.offset)
            _require_small(members, most_bytes)
            for member in members:
                _look_into(archive, member, most_bytes)
    except (BadZipFile, EOFError, NotImplementedError, OSError, struct.error, ValueError) as error:
        raise UnsafeArchiveError(
            f"it is damaged ({type(error).__name__}: {error})"[:300]
        ) from error
    except RuntimeError as error:  # zipfile's word for a member that needs a password
        raise UnsafeArchiveError(f"it can't be read ({error})"[:300]) from error


def _end_of(file: BinaryIO, size: int) -> _End:
    """From the very end: no comment follows, so that nobody finds another end than we."""
    if size < _END.size:
        raise UnsafeArchiveError("it is cut off")
    file.seek(size - _END.size)
    mark, _, _, _, members, listed, offset, comment = _END.unpack(file.read(_END.size))
    if mark != b"PK\x05\x06" or comment:
        raise UnsafeArchiveError("something follows its list of members")
    if members != 0xFFFF and 0xFFFFFFFF not in {listed, offset}:
        return _End(members, listed, offset)
    return _end64_of(file, size - _END.size)


def _end64_of(file: BinaryIO, before: int) -> _End:
    at = before - _LOCATOR.size - _END64.size
    if at < 0:
        raise UnsafeArchiveError("it is cut off")
    file.seek(at)
    mark, *_, members, listed, offset = _END64.unpack(file.read(_END64.size))
    locator, _, where, _ = _LOCATOR.unpack(file.read(_LOCATOR.size))
    if mark != b"PK\x06\x06" or locator != b"PK\x06\x07" or where != at:
        raise UnsafeArchiveError("its end is not where it says")
    return _End(members, listed, offset)


def _require_plain(members: Iterable[ZipInfo], names: re.Pattern[str]) -> None:
    seen = set[str]()
    for member in members:
        name = member.filename
        if not names.fullmatch(name) or member.orig_filename != name:
            raise UnsafeArchiveError(f"it holds {name[:100]!r}, a name that skops gives to nothing")
        if name in seen:
            raise UnsafeArchiveError(f"it holds {name!r} twice")
        seen.add(name)
        if member.flag_bits & _ENCRYPTED:
            raise UnsafeArchiveError(f"{name!r} is encrypted")
        if member.compress_type not in _METHODS:
            raise UnsafeArchiveError(f"{name!r} is compressed in a way that is not read here")
        kind = stat.S_IFMT(member.external_attr >> 16)
        if kind not in {0, stat.S_IFREG}:
            raise UnsafeArchiveError(f"{name!r} is no plain file")


def _require_apart(file: BinaryIO, members: Iterable[ZipInfo], end: int) -> None:
    """Each has bytes of its own: else a few bytes unpack to as much as one likes."""
    before = 0
    for member in sorted(members, key=lambda one: one.header_offset):
        if member.header_offset < before:
            raise UnsafeArchiveError(f"{member.filename!r} overlaps another member")
        file.seek(member.header_offset)
        mark, *_, name, extra = _LOCAL.unpack(file.read(_LOCAL.size))
        if mark != b"PK\x03\x04":
            raise UnsafeArchiveError(f"{member.filename!r} is not where it should be")
        if file.read(name) != member.filename.encode():
            raise UnsafeArchiveError(f"{member.filename!r} has two names")
        before = member.header_offset + _LOCAL.size + name + extra + member.compress_size
    if before > end:
        raise UnsafeArchiveError("its members overlap its list of them")


def _require_small(members: Iterable[ZipInfo], most_bytes: int) -> None:
    sizes = {member.filename: member.file_size for member in members}
    if sum(sizes.values()) > most_bytes:
        raise UnsafeArchiveError(
            f"it unpacks to {sum(sizes.values())} bytes, more than the {most_bytes} that may be"
        )
    if sizes.get("schema.json", 0) > _LARGEST_SCHEMA:
        raise UnsafeArchiveError(f"its schema has more than {_LARGEST_SCHEMA} bytes")


def _look_into(archive: ZipFile, member: ZipInfo, most_bytes: int) -> None:
    """Unpacks it once, which compares its size and checksum with what was declared."""
    with archive.open(member) as content:
        if member.filename == "schema.json":
            _require_schema(content.read())
        elif member.filename.endswith(".npz"):
            _look_into_arrays(member.filename, content.read(), most_bytes)
        else:
            if member.filename.endswith(".npy"):
                _require_values(member.filename, content.read(_HEADER))
            _pass_over(content)


def _pass_over(content: IO[bytes]) -> None:
    while content.read(_PIECE):
        pass


def _require_schema(content: bytes) -> None:
    try:
        schema = json.loads(content)
    except RecursionError as error:
        raise UnsafeArchiveError("its schema is nested too deeply") from error
    except ValueError as error:
        raise UnsafeArchiveError(f"its schema is no JSON ({error})"[:200]) from error
    if not isinstance(schema, dict):
        raise UnsafeArchiveError("its schema is no object")
    _require_tree(schema)


def _require_tree(schema: object) -> None:
    """No object is within itself: skops writes none, and would read it without end."""
    within, waiting = list[object](), [(schema, False)]
    while waiting:
        node, left = waiting.pop()
        if left:
            within.pop()
        elif isinstance(node, dict):
            known = node.get("__id__")
            if node.get("__loader__") == _CACHED:
                if known is not None and known in within:
                    raise UnsafeArchiveError("its schema holds an object that holds itself")
                continue
            within.append(known)
            waiting.append((node, True))
            waiting.extend((inner, False) for inner in node.values())
        elif isinstance(node, list):
            waiting.extend((inner, False) for inner in node)


def _look_into_arrays(name: str, content: bytes, most_bytes: int) -> None:
    """A sparse matrix: an archive of arrays."""
    file = io.BytesIO(content)
    end = _end_of(file, len(content))
    if end.members > 10:
        raise UnsafeArchiveError(f"{name!r} holds more than a matrix")
    with ZipFile(file) as archive:
        members = archive.infolist()
        _require_plain(members, _INNER_NAME)
        _require_apart(file, members, end.offset)
        _require_small(members, most_bytes)
        for member in members:
            with archive.open(member) as inner:
                _require_values(f"{name}/{member.filename}", inner.read(_HEADER))
                _pass_over(inner)


def _require_values(name: str, head: bytes) -> None:
    if not head.startswith(_NUMPY):
        raise UnsafeArchiveError(f"{name!r} is no numpy array")
    if _OBJECTS.search(head[: head.find(b"\n") + 1] or head):
        raise UnsafeArchiveError(f"{name!r} holds Python objects, which numpy keeps as a pickle")
