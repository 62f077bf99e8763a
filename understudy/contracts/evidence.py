"""What a decision rests on, as JSON: bounded, so that the audit trail can keep it as it is."""

import json
import math
from collections.abc import Mapping
from typing import Final

MAX_BYTES: Final = 65_536
MAX_DEPTH: Final = 32


def require_bounded(evidence: dict[str, object]) -> dict[str, object]:
    """Raises ValueError for what is too long or too deep, or what JSON can't say."""
    _require_plain(evidence)
    try:
        size = len(json.dumps(evidence, ensure_ascii=False, separators=(",", ":")).encode())
    except UnicodeEncodeError as error:
        raise ValueError("holds half of a character; send whole Unicode characters") from error
    if size > MAX_BYTES:
        raise ValueError(f"is {size} bytes of JSON; at most {MAX_BYTES} are kept")
    return evidence


def _require_plain(evidence: object) -> None:
    """Level by level, since what is too deep must not be walked by recursion."""
    level, depth = [evidence], 0
    while level:
        depth += 1
        if depth > MAX_DEPTH:
            raise ValueError(f"is nested deeper than {MAX_DEPTH} levels")
        if any(isinstance(value, float) and not math.isfinite(value) for value in level):
            raise ValueError("holds a number that is not finite; leave it out, or send null")
        level = [inner for value in level for inner in _inside(value)]


def _inside(value: object) -> list[object]:
    if isinstance(value, Mapping):
        return list(value.values())
    return list(value) if isinstance(value, list | tuple) else []
