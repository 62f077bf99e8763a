"""Values of the wrong JSON type whose meaning is plain: what `best_effort` reads them as.

Nothing is rounded, guessed or filled in. The table for callers is in docs/policies.md.
"""

import math
import re
from collections.abc import Mapping
from typing import Final

from services.serving.domain.columns import Column, fold
from understudy.contracts.vocabulary import FeatureKind

_NUMBER: Final = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d{1,3})?", re.ASCII)
_LONGEST: Final = 100
"""Characters; nobody writes a number, or a word for one, that is longer."""
_EXACT: Final = 1e15
"""Whole numbers below it are written out in full."""
_NOTHING: Final = frozenset({"", "null", "nan", "none"})
_WORDS: Final[Mapping[str, bool]] = {"true": True, "yes": True, "false": False, "no": False}


def coerced(column: Column, value: object) -> object:
    """The value of the column's own type that is plainly meant; `value` itself when none is.

    Only for values that are not legal. Whether what is meant is legal is for the column to say: a
    number may be out of range, for an integer also broken.

    - Numbers and integers: decimal texts (`"12"`, `" 12.5 "`, `"1e3"`); true and false as 1 and 0.
    - Booleans: `"true"`, `"false"`, `"yes"`, `"no"` in any case; 0 and 1, also as texts.
    - These three, where nullable: blank texts, `"null"`, `"NaN"` and `"none"` in any case as null.
    - Categories: numbers, true and false, when their text is a choice; texts that differ from
      exactly one choice, and only in case and surrounding spaces; blank texts as null where
      nullable.
    """
    if column.nullable and _is_nothing(column, value):
        return None
    match column.kind:
        case FeatureKind.CATEGORY:
            return _as_choice(column, value)
        case FeatureKind.BOOLEAN:
            return _as_boolean(value)
    return _as_number(value)


def _is_nothing(column: Column, value: object) -> bool:
    if not isinstance(value, str) or len(value) > _LONGEST:
        return False
    if column.numeric:
        return fold(value) in _NOTHING
    # Of a category "none" may be a value like any other, and a blank may be a choice.
    return not value.strip() and all(choice.strip() for choice in column.choices)


def _as_number(value: object) -> object:
    if isinstance(value, bool):
        return float(value)
    if not isinstance(value, str) or len(value) > _LONGEST:
        return value
    text = value.strip()
    number = float(text) if _NUMBER.fullmatch(text) else math.inf
    return number if math.isfinite(number) else value


def _as_boolean(value: object) -> object:
    if isinstance(value, str) and len(value) <= _LONGEST and fold(value) in _WORDS:
        return _WORDS[fold(value)]
    number = _as_number(value)
    if isinstance(number, int | float) and number in {0, 1}:
        return bool(number)
    return value


def _as_choice(column: Column, value: object) -> object:
    found = {column.folded[text] for text in _texts(value) if text in column.folded}
    return found.pop() if len(found) == 1 else value


def _texts(value: object) -> set[str]:
    """What a value is called as a text. A whole number may have been written with a point."""
    if isinstance(value, str | bool):
        return {fold(str(value))}
    if isinstance(value, int | float) and abs(value) < _EXACT:
        whole = {str(int(value)), f"{int(value)}.0"} if value == int(value) else set[str]()
        return {str(value), *whole}
    return set()
