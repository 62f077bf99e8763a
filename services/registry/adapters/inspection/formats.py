"""What a file is, told by its bytes: whatever it is called, and before any library reads it.

Nothing here decides whether a file is safe. It says who is to look at it: skops' reader, an ONNX
reader, the sandbox that pickles are read in, or nobody.
"""

import bz2
import io
import lzma
import pickletools
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Any, BinaryIO, Final
from zipfile import BadZipFile, ZipFile

from services.registry.adapters.inspection.archives import UnsafeArchiveError, require_listable

SCHEMA: Final = "schema.json"
_HEAD: Final = 1 << 20
"""What pickles without a header are told by."""
_PEEKED: Final = 4096
_FEWEST_OPERATIONS, _MOST_OPERATIONS = 3, 10_000
_HIGHEST_PROTOCOL: Final = 6
"""There are five; one more for what is to come."""
_MOST_FIELDS: Final = 10_000
_ONNX_FIELDS: Final = frozenset({1, 2, 3, 4, 5, 6, 7, 8, 14, 20, 25, 26})
"""Of a `ModelProto` (onnx.proto)."""
_ONNX_GRAPH: Final = 7
_ONNX_VERSION: Final = 1
_LZ4: Final = b"\x04\x22\x4d\x18"
_OLD_JOBLIB: Final = b"ZF"


class Kind(Enum):
    """Who is to look at a file."""

    SKOPS = "skops"
    ONNX = "onnx"
    PICKLE = "pickle"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Told:
    """What a file is, in words that complete `it is …`."""

    kind: Kind
    what: str


def tell(path: Path) -> Told:
    """Raises OSError, or UnsafeArchiveError for an archive whose list of members can't be read."""
    with path.open("rb") as file:
        head = file.read(_HEAD)
        if head.startswith((b"PK\x03\x04", b"PK\x05\x06")):
            return _zip(path)
        if head.startswith(b"\x93NUMPY"):
            return Told(Kind.UNKNOWN, "a numpy array, no model")
        if _pickled(head):
            return Told(Kind.PICKLE, "a pickle")
        inner = _uncompressed(head)
        if inner is not None:
            return inner
        if _onnx(file):
            return Told(Kind.ONNX, "an ONNX model")
    return Told(Kind.UNKNOWN, "no zip archive, as skops writes them")


def _zip(path: Path) -> Told:
    require_listable(path)
    try:
        with ZipFile(path) as archive:
            names = archive.namelist()
    except (BadZipFile, ValueError, NotImplementedError, UnicodeDecodeError) as error:
        raise UnsafeArchiveError("its list of members is damaged") from error
    if SCHEMA in names:
        return Told(Kind.SKOPS, "a skops file")
    if any(name.rpartition("/")[2] in {"data.pkl", "constants.pkl"} for name in names):
        return Told(Kind.PICKLE, "an archive of pickles, as torch writes them")
    if names and all(name.endswith(".npy") for name in names):
        return Told(Kind.UNKNOWN, "an archive of numpy arrays, no model")
    return Told(Kind.UNKNOWN, f"a zip archive that has no {SCHEMA}")


def _pickled(head: bytes) -> bool:
    """Its first operations are a pickle's; they are read, and not carried out."""
    if len(head) > 1 and head[0] == 0x80 and 2 <= head[1] <= _HIGHEST_PROTOCOL:
        return True
    count = 0
    try:
        for operation, _, _ in pickletools.genops(io.BytesIO(head)):
            count += 1
            if operation.name == "STOP" or count > _MOST_OPERATIONS:
                return True
    except (ValueError, UnicodeDecodeError):
        # Cut off in the middle of what was read so far, or no pickle at all.
        return count >= _FEWEST_OPERATIONS and len(head) == _HEAD
    return False


def _uncompressed(head: bytes) -> Told | None:
    """A pickle that was compressed, as joblib does; None when nothing is compressed."""
    for magic, name, begin in _COMPRESSIONS:
        if not any(head.startswith(one) for one in magic):
            continue
        inside = _peeked(begin, head)
        if inside is None:
            continue
        if _pickled(inside):
            return Told(Kind.PICKLE, f"a pickle within {name}")
        return Told(Kind.UNKNOWN, f"{name} of something that is no pickle")
    if head.startswith((_LZ4, _OLD_JOBLIB)):
        return Told(Kind.PICKLE, "compressed as joblib compresses pickles")
    return None


def _peeked(begin: Callable[[], Any], head: bytes) -> bytes | None:
    try:
        found: bytes = begin().decompress(head, _PEEKED)
    except (OSError, EOFError, ValueError, zlib.error, lzma.LZMAError):
        return None
    return found


_COMPRESSIONS: Final[tuple[tuple[tuple[bytes, ...], str, Callable[[], Any]], ...]] = (
    ((b"\x1f\x8b",), "gzip", lambda: zlib.decompressobj(31)),
    ((b"x\x01", b"x\x5e", b"x\x9c", b"x\xda"), "zlib", zlib.decompressobj),
    ((b"BZh",), "bzip2", bz2.BZ2Decompressor),
    ((b"\xfd7zXZ\x00", b"\x5d\x00\x00"), "xz", lzma.LZMADecompressor),
)


def _onnx(file: BinaryIO) -> bool:
    """All of its top-level fields are a `ModelProto`'s, a version and a graph among them."""
    try:
        found = {*_fields(file)}
    except ValueError:
        return False
    return {_ONNX_GRAPH, _ONNX_VERSION} <= found <= _ONNX_FIELDS


def _fields(file: BinaryIO) -> Iterator[int]:
    """Numbers of the fields of a protobuf message; what they hold is passed over."""
    end = file.seek(0, io.SEEK_END)
    at, count = file.seek(0), 0
    while at < end:
        count += 1
        if count > _MOST_FIELDS:
            raise ValueError("more fields than a model has")
        tag = _varint(file)
        kind, length = tag & 7, 0
        if kind == 0:
            _varint(file)
        elif kind == 2:
            length = _varint(file)
        else:
            length = {1: 8, 5: 4}.get(kind, -1)
        at = file.tell() + length
        if length < 0 or at > end:
            raise ValueError("no message")
        file.seek(at)
        yield tag >> 3


def _varint(file: BinaryIO) -> int:
    value = 0
    for place in range(10):
        byte = file.read(1)
        if not byte:
            raise ValueError("cut off")
        value |= (byte[0] & 0x7F) << (7 * place)
        if byte[0] < 0x80:
            return value
    raise ValueError("no number")
