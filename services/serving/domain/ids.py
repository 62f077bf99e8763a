"""Prediction ids: which are well-formed, and how one is made when the caller brings none."""

import re
from collections.abc import Sequence
from typing import Final

from services.serving.domain.errors import InvalidPredictionIdError
from understudy.contracts.refusals import FieldError, json_pointer
from understudy.contracts.vocabulary import PREDICTION_ID_PATTERN

RANDOM_BITS: Final = 74
_PATTERN: Final = re.compile(PREDICTION_ID_PATTERN)
_VARIANT: Final = 0x8000


def uuid7(milliseconds: int, randomness: int) -> str:
    """A UUID of version 7 (RFC 9562): 48 bits of Unix time, then `RANDOM_BITS` random ones."""
    # One is made for nearly each request; this is the quickest way to write it out.
    return "%08x-%04x-7%03x-%04x-%012x" % (  # noqa: UP031
        milliseconds >> 16,
        milliseconds & 0xFFFF,
        randomness >> 62,
        _VARIANT | (randomness >> 48) & 0x3FFF,
        randomness & 0xFFFF_FFFF_FFFF,
    )


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
