"""Prediction ids: which are well-formed, and how one is made when the caller brings none."""

import re
from collections.abc import Sequence
from typing import Final

from services.serving.domain.errors import InvalidPredictionIdError
from understudy.contracts.refusals import FieldError, json_pointer
from understudy.contracts.vocabulary import PREDICTION_ID_PATTERN

RANDOM_BITS: Final = 74
_PATTERN: Final = re.compile(PREDICTION_ID_PATTERN)
_VERSION: Final = 0x7 << 76
_VARIANT: Final = 0b10 << 62


def uuid7(milliseconds: int, randomness: int) -> str:
    """A UUID of version 7 (RFC 9562): 48 bits of Unix time, then `RANDOM_BITS` random ones."""
    high, low = randomness >> 62, randomness & ((1 << 62) - 1)
    text = f"{milliseconds << 80 | _VERSION | high << 64 | _VARIANT | low:032x}"
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"


def row_ids(name: str, rows: int) -> list[str]:
    """The ids of a batch that goes by one name: `name.0`, `name.1` and so on."""
    return [f"{name}.{index}" for index in range(rows)]


def ids_by(name: str | None, rows: int) -> list[str] | None:
    """The ids that a caller's name gives to rows; None when it is no name for them."""
    if name is None or not well_formed(name):
        return None
    ids = [name] if rows == 1 else row_ids(name, rows)
    return ids if not ids or well_formed(ids[-1]) else None


def well_formed(prediction_id: str) -> bool:
    """Whether it may name a prediction."""
    # fullmatch: `$` alone would let a line break through at the end.
    return _PATTERN.fullmatch(prediction_id) is not None


def check_ids(ids: Sequence[str], rows: int) -> None:
    """Raises InvalidPredictionIdError unless there is one well-formed, distinct id for each row."""
    if len(ids) != rows:
        raise InvalidPredictionIdError(f"{len(ids)} prediction ids for {rows} rows.")
    wrong = [
        FieldError(json_pointer("prediction_id"), f"must match {PREDICTION_ID_PATTERN}")
        for prediction_id in ids
        if not well_formed(prediction_id)
    ]
    if wrong:
        raise InvalidPredictionIdError(
            "A prediction id has 1 to 128 of the characters A-Z a-z 0-9 . _ : -", wrong[0]
        )
    if len(set(ids)) != len(ids):
        raise InvalidPredictionIdError("Prediction ids repeat within the request.")
