"""What one feature takes: the rule that the quick and the explaining readers of rows share."""

import math
import sys
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from types import MappingProxyType
from typing import Final

from services.serving.domain.wording import listed, shown, written
from understudy.contracts.signature import MOST_TEXT, Feature
from understudy.contracts.vocabulary import FeatureKind, GuardRuleName

_LARGEST: Final = sys.float_info.max
_TRUE_OR_FALSE: Final = "true or false"


class Outside(Enum):
    """What a cell can't hold."""

    MISFIT = "misfit"
    """The value does not fit the feature."""
    ABSENT = "absent"
    """The row has no such member."""


MISFIT: Final = Outside.MISFIT
ABSENT: Final = Outside.ABSENT

Cell = float | str | None


@dataclass(frozen=True, slots=True)
class Catch:
    """A value that a guard rule may let through."""

    rule: GuardRuleName
    cell: float | str
    message: str


@dataclass(frozen=True, slots=True)
class Column:
    """A feature as plain data, and which values are legal.

    - Null, where the column is `nullable`.
    - For a number: a JSON number (never true or false) that as a float64 is within `low` and
      `high`, both included.
    - For an integer: the same, and whole (`3.0` is).
    - For a boolean: true or false (never 0 or 1), whatever `low` and `high` are.
    - For a category: a string among `choices`; when `open`, any of at most `MOST_TEXT` characters.

    A row is legal when it has each of the columns with a legal value, and no other member.
    """

    name: str
    position: int
    """Of the feature in the signature; the plan has its numeric columns first."""
    kind: FeatureKind
    low: float
    """The least legal number; that of float64 where the signature has none, so always finite."""
    high: float
    nullable: bool
    choices: frozenset[str]
    open: bool
    takes: str
    """What the feature takes, in words."""
    folded: Mapping[str, str]
    """Choices by their text without case and surrounding spaces, where it is that of one alone."""

    @property
    def numeric(self) -> bool:
        """Whether cells are floats (booleans are 1.0 and 0.0) and not texts."""
        return self.kind is not FeatureKind.CATEGORY

    def legal(self, value: object) -> Cell | Outside:
        """The cell of a legal value: a float, a string, or None; else MISFIT."""
        # What comes nearly always; NaN fails the comparison.
        if type(value) is float and self.kind is FeatureKind.NUMBER:
            return value if self.low <= value <= self.high else MISFIT
        if value is None:
            return None if self.nullable else MISFIT
        if self.kind is FeatureKind.CATEGORY:
            return self._legal_text(value)
        if self.kind is FeatureKind.BOOLEAN:
            return float(value) if isinstance(value, bool) else MISFIT
        number = self._number(value)
        return MISFIT if number is None or not self.low <= number <= self.high else number

    def caught(self, value: object) -> Catch | None:
        """The guard rule that such a value meets; None when it is legal, or never let through."""
        if not isinstance(self.legal(value), Outside):
            return None
        if self.kind is FeatureKind.CATEGORY:
            return self._unseen(value)
        number = None if self.kind is FeatureKind.BOOLEAN else self._number(value)
        if number is None:
            return None
        side, bound = ("below", self.low) if number < self.low else ("above", self.high)
        limit = "minimum" if number < self.low else "maximum"
        message = f"{written(number)} is {side} the legal {limit} of {written(bound)}"
        return Catch(GuardRuleName.OUT_OF_RANGE, number, message)

    def complaint(self, value: object) -> str:
        """What to say of a value that is not legal."""
        if isinstance(value, str) and self.open and len(value) > MOST_TEXT:
            return f"must have at most {MOST_TEXT} characters; has {len(value)}"
        nothing = " or null" if self.nullable else ""
        if value is ABSENT:
            return f"is missing; must be {self.takes}{nothing}"
        return f"must be {self.takes}{nothing}; got {shown(value)}"

    def _legal_text(self, value: object) -> str | Outside:
        if type(value) is str and (
            value in self.choices or (self.open and len(value) <= MOST_TEXT)
        ):
            return value
        return MISFIT

    def _unseen(self, value: object) -> Catch | None:
        if type(value) is not str or self.open or len(value) > MOST_TEXT:
            return None
        message = f"{shown(value)} is not {self.takes}"
        return Catch(GuardRuleName.UNSEEN_CATEGORY, value, message)

    def _number(self, value: object) -> float | None:
        """The value as a finite float64, whole where that is asked; None when it is none."""
        if type(value) is not float and type(value) is not int:
            return None
        try:
            number = float(value)
        except OverflowError:
            return None
        whole = self.kind is FeatureKind.INTEGER
        return number if math.isfinite(number) and (not whole or number.is_integer()) else None


def column_of(feature: Feature, position: int) -> Column:
    """The column of a feature of any kind."""
    return Column(
        name=feature.name,
        position=position,
        kind=feature.kind,
        low=-_LARGEST if feature.minimum is None else feature.minimum,
        high=_LARGEST if feature.maximum is None else feature.maximum,
        nullable=feature.nullable,
        choices=frozenset(feature.choices),
        open=feature.open_choices,
        takes=_takes(feature),
        folded=_folded(feature),
    )


def fold(text: str) -> str:
    """A text without what people and programs write differently: case and surrounding spaces."""
    return text.strip().casefold()


def _folded(feature: Feature) -> Mapping[str, str]:
    sharing = Counter(map(fold, feature.choices))
    return MappingProxyType(
        {fold(choice): choice for choice in feature.choices if sharing[fold(choice)] == 1}
    )


def _takes(feature: Feature) -> str:
    match feature.kind:
        case FeatureKind.CATEGORY:
            return "a string" if feature.open_choices else f"one of {listed(feature.choices)}"
        case FeatureKind.BOOLEAN:
            return _TRUE_OR_FALSE
    what = "a whole number" if feature.kind is FeatureKind.INTEGER else "a number"
    low, high = feature.minimum, feature.maximum
    if low is not None and high is not None:
        return f"{what} between {written(low)} and {written(high)}"
    if low is not None:
        return f"{what} of at least {written(low)}"
    return what if high is None else f"{what} of at most {written(high)}"
