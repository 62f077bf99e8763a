"""What the challenger process and its children say to each other: framed msgpack.

Entries of the log pass as they are, and pairs come back as entries, so that rows are decoded once,
in the child.
"""

from typing import Final

import msgspec

from understudy.contracts.signature import Signature
from understudy.contracts.vocabulary import ArtifactFormat, CompiledKind

LENGTH_BYTES: Final = 4
MOST_BYTES: Final = 1 << 30
"""No frame is longer: what claims to be is no frame of ours."""

Fields = dict[bytes, bytes]
"""Of an entry of the log."""


class ModelFiles(msgspec.Struct, frozen=True, kw_only=True):
    """A version whose files are here, their bytes checked."""

    version: int
    signature: Signature
    artifact: str
    trusted: tuple[str, ...]
    compiled: str | None = None
    compiled_kind: CompiledKind | None = None
    format: ArtifactFormat = ArtifactFormat.SKOPS


class Begin(msgspec.Struct, frozen=True, kw_only=True, tag="begin"):
    """The first frame: limit yourself, load. Answered by Ready or Refused."""

    challenger: ModelFiles
    memory_bytes: int
    nice: int
    timed_ratio: float


class Beside(msgspec.Struct, frozen=True, tag="beside"):
    """Load the main version too, for timing. Answered by Ready or Refused."""

    main: ModelFiles


class Score(msgspec.Struct, frozen=True, kw_only=True, tag="score"):
    """Answer all rows of these entries in one call. Answered by Scored or Exhausted."""

    entries: list[Fields]
    timed: bool


class Ready(msgspec.Struct, frozen=True, tag="ready"):
    """Loaded. How long a call with one row took; nothing when it raised."""

    row_seconds: float | None


class Refused(msgspec.Struct, frozen=True, tag="refused"):
    """Not loaded."""

    error: str


class Group(msgspec.Struct, frozen=True, kw_only=True, array_like=True):
    """Pairs of some of the entries, as one entry of the pair stream."""

    entries: list[int]
    """Which of those that were asked."""
    rows: list[int]
    """Of each of them."""
    main: int
    pairs: Fields
    failed: int
    """Rows whose outcome is an error."""
    timed_main: list[float]
    timed_challenger: list[float]
    """Seconds of each timed row."""


class Scored(msgspec.Struct, frozen=True, kw_only=True, tag="scored"):
    """Each entry is in one group, or corrupt."""

    groups: list[Group]
    corrupt: list[int]
    seconds: float
    """How long the model's calls took, without timing."""


class Exhausted(msgspec.Struct, frozen=True, tag="exhausted"):
    """Memory ran out; the child ends after this."""


Ask = Begin | Beside | Score
Reply = Ready | Refused | Scored | Exhausted

ASKS: Final = msgspec.msgpack.Decoder(Ask)
REPLIES: Final = msgspec.msgpack.Decoder(Reply)
_ENCODER: Final = msgspec.msgpack.Encoder()


def frame(message: Ask | Reply) -> bytes:
    """Length, then msgpack."""
    body = _ENCODER.encode(message)
    return len(body).to_bytes(LENGTH_BYTES, "little") + body


def length_of(head: bytes) -> int:
    """How many bytes follow. Raises ValueError for what is no frame."""
    length = int.from_bytes(head, "little")
    if length > MOST_BYTES:
        raise ValueError(f"a frame of {length} bytes")
    return length
