"""Entries of the log: what serving, challengers and the monitor exchange through Redis Streams.

One stream entry holds the rows of one flush. Columns travel as raw little-endian float64 or as
lists of strings, so that a reader decodes a batch, not rows. Every entry names its schema; the
golden files under `tests/contract/golden` must decode for ever. Needs the `service` extra.
"""

from collections.abc import Mapping, Sequence
from typing import Final

import msgspec
import numpy as np
from numpy.typing import NDArray

from understudy.contracts.vocabulary import Label

SCHEMA: Final = 1
FIELD_SCHEMA: Final = b"s"
FIELD_BODY: Final = b"b"

Floats = NDArray[np.float64]
Fields = Mapping[bytes, bytes]


class UnknownSchemaError(ValueError):
    """An entry was written by a newer Understudy than the one that reads it."""


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """What all entries share."""

    deployment: str


class NumberColumn(msgspec.Struct, frozen=True, tag="f8", tag_field="t"):
    """A numeric feature: raw float64, NaN where the value was missing."""

    name: str
    data: bytes


class CategoryColumn(msgspec.Struct, frozen=True, tag="str", tag_field="t"):
    """A categorical feature: None where the value was missing."""

    name: str
    data: list[str | None]


Column = NumberColumn | CategoryColumn


class Scores(msgspec.Struct, frozen=True, kw_only=True):
    """What one version answered to n rows.

    `values`: n float64; the predicted number, or the index of the predicted class in `classes`;
    NaN where scoring failed. `probabilities`: n × len(classes) float64, row-major, or empty.
    """

    values: bytes
    probabilities: bytes = b""
    classes: tuple[Label, ...] = ()


class PredictionBatch(Entry, frozen=True, kw_only=True):
    """Rows that the main version answered, with what it answered."""

    release: int
    main: int
    challengers: tuple[int, ...]
    """Versions that owe a pair for each of these rows."""
    ids: list[str]
    at: bytes
    """n float64: when each was answered, seconds since the epoch."""
    seconds: bytes
    """n float64: how long the main's scoring took (of the call that held the row)."""
    columns: list[Column]
    scores: Scores
    overrides: dict[str, Label] = {}
    """By prediction id: what the caller was told instead of the model's answer."""
    elsewhere: bool = False
    """Not served here but told to us; `seconds` are NaN where the teller did not know them."""


class PredictionHeading(msgspec.Struct, frozen=True, kw_only=True):
    """Of a `PredictionBatch`: what a reader needs in order to know whether it must read on."""

    release: int
    main: int
    challengers: tuple[int, ...]
    at: bytes

    @property
    def rows(self) -> int:
        """How many predictions the entry holds."""
        return len(self.at) // 8


class PairBatch(Entry, frozen=True, kw_only=True):
    """Rows with both responses: the main's, and one challenger's."""

    release: int
    main: int
    challenger: int
    ids: list[str]
    at: bytes
    main_scores: Scores
    main_seconds: bytes
    challenger_scores: Scores
    challenger_seconds: bytes
    """n float64: the row's share of the call that scored it."""
    outcomes: list[str]
    """n values of `Outcome`: how the challenger's scoring of the row ended."""
    error: str | None = None
    """The first failure's message, when there was one."""
    timed: list[int] = []
    """Indices of rows that main and challenger also answered alone, in turn, in one process."""
    timed_main_seconds: bytes = b""
    """One float64 for each timed row."""
    timed_challenger_seconds: bytes = b""


class LabelEvent(msgspec.Struct, frozen=True, kw_only=True):
    """The true outcome of one prediction."""

    prediction_id: str
    label: Label
    received_at: float
    observed_at: float | None = None
    source: str | None = None


class LabelBatch(Entry, frozen=True, kw_only=True):
    """Labels that came in one request."""

    items: list[LabelEvent]


class ProtectedEvent(msgspec.Struct, frozen=True, kw_only=True):
    """Protected attributes of whom a prediction concerns. They never reach a model."""

    prediction_id: str
    attributes: dict[str, str]
    received_at: float


class ProtectedBatch(Entry, frozen=True, kw_only=True):
    """Attributes that came in one request."""

    items: list[ProtectedEvent]


def predictions_key(deployment: str) -> str:
    """Stream of `PredictionBatch`, written by serving. Braces keep a deployment on one shard."""
    return f"understudy:{{{deployment}}}:predictions"


def pairs_key(deployment: str) -> str:
    """Stream of `PairBatch`; written by challengers."""
    return f"understudy:{{{deployment}}}:pairs"


def labels_key(deployment: str) -> str:
    """Stream of `LabelBatch`; written by serving."""
    return f"understudy:{{{deployment}}}:labels"


def protected_key(deployment: str) -> str:
    """Stream of `ProtectedBatch`; written by serving."""
    return f"understudy:{{{deployment}}}:protected"


def monitor_positions_key(deployment: str) -> str:
    """Hash: the last entry that the monitor accounted for, by stream. Trimming stays behind it."""
    return f"understudy:{{{deployment}}}:monitor:positions"


def archive_positions_key(deployment: str) -> str:
    """Hash: the last entry that is in the archive, by stream; absent while nothing is archived.

    Trimming stays behind it as well.
    """
    return f"understudy:{{{deployment}}}:archive:positions"


def challenger_group(version: int) -> str:
    """Consumer group, on the prediction stream, of one challenger version."""
    return f"challenger:{version}"


def challenger_position_key(deployment: str, version: int) -> str:
    """Where on the prediction stream a group of that version ended, once it was destroyed."""
    return f"understudy:{{{deployment}}}:challenger:{version}:position"


def encode(entry: Entry) -> dict[bytes, bytes]:
    """The fields of one stream entry."""
    return {FIELD_SCHEMA: b"%d" % SCHEMA, FIELD_BODY: _ENCODER.encode(entry)}


def decode_predictions(fields: Fields) -> PredictionBatch:
    """Read an entry of the prediction stream."""
    return _PREDICTIONS.decode(_body(fields))


def decode_heading(fields: Fields) -> PredictionHeading:
    """Read what an entry of the prediction stream is about, and pass over its rows."""
    return _HEADINGS.decode(_body(fields))


def decode_pairs(fields: Fields) -> PairBatch:
    """Read an entry of the pair stream."""
    return _PAIRS.decode(_body(fields))


def decode_labels(fields: Fields) -> LabelBatch:
    """Read an entry of the label stream."""
    return _LABELS.decode(_body(fields))


def decode_protected(fields: Fields) -> ProtectedBatch:
    """Read an entry of the stream of protected attributes."""
    return _PROTECTED.decode(_body(fields))


def pack(values: Sequence[float] | Floats) -> bytes:
    """N numbers → n × 8 bytes, little-endian."""
    return np.ascontiguousarray(values, dtype="<f8").tobytes()


def unpack(data: bytes, columns: int = 1) -> Floats:
    """The inverse of `pack`: shape (n,), or (n, columns) when there are several."""
    flat = np.frombuffer(data, dtype="<f8")
    return flat if columns == 1 else flat.reshape(-1, columns)


def _body(fields: Fields) -> bytes:
    schema = int(fields[FIELD_SCHEMA])
    if schema != SCHEMA:
        raise UnknownSchemaError(f"entry has schema {schema}; this reader knows {SCHEMA}")
    return fields[FIELD_BODY]


_ENCODER = msgspec.msgpack.Encoder()
_PREDICTIONS = msgspec.msgpack.Decoder(PredictionBatch)
_HEADINGS = msgspec.msgpack.Decoder(PredictionHeading)
_PAIRS = msgspec.msgpack.Decoder(PairBatch)
_LABELS = msgspec.msgpack.Decoder(LabelBatch)
_PROTECTED = msgspec.msgpack.Decoder(ProtectedBatch)
