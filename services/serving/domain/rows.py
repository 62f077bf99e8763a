"""Rows of a request → typed columns, or everything that is wrong with them.

A `Plan` is made once when a version is loaded; reading a row is then one call for each feature.
"""

import sys
from collections.abc import Callable, Mapping, Sequence
from enum import Enum
from typing import Final, NoReturn, TypeVar

import numpy as np

from services.serving.domain.errors import InvalidRowsError
from understudy.contracts.refusals import FieldError, json_pointer
from understudy.contracts.signature import Feature, Signature
from understudy.contracts.vocabulary import FeatureKind
from understudy.inference.rows import Rows

MOST_ERRORS: Final = 100
MOST_TEXT: Final = 1_000
"""Characters that a value of an open category may have."""
_LARGEST: Final = sys.float_info.max
_NAN: Final = float("nan")
_ABSENT: Final = object()
_SHOWN_CHOICES: Final = 12


class Shape(Enum):
    """How rows were sent: one object, a bare list, or a list under the member `rows`."""

    ONE = "one"
    LIST = "list"
    ROWS = "rows"

    def place(self, *index: int) -> tuple[str | int, ...]:
        """Where a row (or, without an index, the list) stands in the body that was sent."""
        match self:
            case Shape.ONE:
                return ()
            case Shape.LIST:
                return index
            case Shape.ROWS:
                return ("rows", *index)


class MisfitError(Exception):
    """A value that a feature does not take; the message says what it does take."""


Value = TypeVar("Value")
ReadNumber = Callable[[object], float]
ReadText = Callable[[object], str | None]


class Plan:
    """Reads rows against one signature."""

    def __init__(self, signature: Signature) -> None:
        self.numeric = tuple(feature.name for feature in signature.features if feature.numeric)
        self.categories = tuple(
            feature.name for feature in signature.features if not feature.numeric
        )
        self._names = frozenset(signature.names)
        self._numbers = [(f.name, _number_reader(f)) for f in signature.features if f.numeric]
        self._texts = [(f.name, _text_reader(f)) for f in signature.features if not f.numeric]

    def read(self, rows: Sequence[Mapping[str, object]], shape: Shape = Shape.ONE) -> Rows:
        """Typed columns. Raises InvalidRowsError with every error, up to `MOST_ERRORS`."""
        errors: list[FieldError] = []
        numbers: list[list[float]] = []
        texts: list[list[str | None]] = []
        for index, row in enumerate(rows):
            found: list[tuple[str, str]] = []
            numbers.append(_read(row, self._numbers, found))
            texts.append(_read(row, self._texts, found))
            if found or len(row) != len(self._names):
                self._explain(row, shape.place(index), found, errors)
            if len(errors) >= MOST_ERRORS:
                break
        if errors:
            raise InvalidRowsError(_summary(errors), *errors[:MOST_ERRORS])
        return Rows(
            np.array(numbers, dtype=np.float64).reshape(len(numbers), len(self._numbers)),
            tuple(list(column) for column in zip(*texts, strict=True)) if self._texts else (),
        )

    def _explain(
        self,
        row: Mapping[str, object],
        path: tuple[str | int, ...],
        found: list[tuple[str, str]],
        errors: list[FieldError],
    ) -> None:
        takes = ", ".join(sorted(self._names)[:_SHOWN_CHOICES])
        extra = [
            (name, f"is no feature of this deployment, which takes {takes}"[:500])
            for name in row
            if name not in self._names
        ]
        errors += [
            FieldError(json_pointer(*path, name), f"{name[:128]}: {message}")
            for name, message in found + extra
        ]


def _read(
    row: Mapping[str, object],
    readers: Sequence[tuple[str, Callable[[object], Value]]],
    found: list[tuple[str, str]],
) -> list[Value]:
    values: list[Value] = []
    for name, read in readers:
        try:
            values.append(read(row.get(name, _ABSENT)))
        except MisfitError as misfit:
            found.append((name, str(misfit)))
    return values


def _number_reader(feature: Feature) -> ReadNumber:
    if feature.kind is FeatureKind.BOOLEAN:
        return _boolean_reader(feature)
    low = -_LARGEST if feature.minimum is None else feature.minimum
    high = _LARGEST if feature.maximum is None else feature.maximum
    whole = feature.kind is FeatureKind.INTEGER

    def read(value: object) -> float:
        # The order of the tests is that of frequency; NaN fails the comparison.
        if (type(value) is float or type(value) is int) and low <= value <= high:
            number = float(value)
            if not whole or number.is_integer():
                return number
        elif value is None and feature.nullable:
            return _NAN
        _refuse(feature, value, _number_words(feature))

    return read


def _boolean_reader(feature: Feature) -> ReadNumber:
    def read(value: object) -> float:
        if value is True or value is False:
            return float(value)
        if value is None and feature.nullable:
            return _NAN
        _refuse(feature, value, "true or false")

    return read


def _text_reader(feature: Feature) -> ReadText:
    choices = frozenset(feature.choices)
    is_open = feature.open_choices

    def read(value: object) -> str | None:
        if type(value) is str:
            if value in choices or (is_open and len(value) <= MOST_TEXT):
                return value
            if is_open:
                raise MisfitError(f"must have at most {MOST_TEXT} characters; has {len(value)}")
        if value is None and feature.nullable:
            return None
        _refuse(feature, value, "a string" if is_open else f"one of {_choices(feature)}")

    return read


def _refuse(feature: Feature, value: object, words: str) -> NoReturn:
    nothing = " or null" if feature.nullable else ""
    if value is _ABSENT:
        raise MisfitError(f"is missing; must be {words}{nothing}")
    raise MisfitError(f"must be {words}{nothing}; got {_shown(value)}")


def _number_words(feature: Feature) -> str:
    what = "a whole number" if feature.kind is FeatureKind.INTEGER else "a number"
    low, high = feature.minimum, feature.maximum
    if low is not None and high is not None:
        return f"{what} between {_plain(low)} and {_plain(high)}"
    if low is not None:
        return f"{what} of at least {_plain(low)}"
    return what if high is None else f"{what} of at most {_plain(high)}"


def _plain(bound: float) -> str:
    """A bound without an exponent where people would not write one."""
    return repr(int(bound)) if bound == int(bound) and abs(bound) < 1e15 else repr(bound)


def _choices(feature: Feature) -> str:
    shown = ", ".join(repr(choice) for choice in feature.choices[:_SHOWN_CHOICES])
    return shown if len(feature.choices) <= _SHOWN_CHOICES else f"{shown}, …"


def _shown(value: object) -> str:
    """What came, as JSON would write it, shortened."""
    match value:
        case None | True | False:
            return {None: "null", True: "true", False: "false"}[value]
        case list():
            return "a list"
        case dict():
            return "an object"
        case int() if value.bit_length() > 256:
            return "a number with too many digits"
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:60]}…"


def _summary(errors: Sequence[FieldError]) -> str:
    more = f" (and {len(errors) - 1} more: see errors)" if len(errors) > 1 else ""
    return f"{errors[0].message}{more}"
