"""Columns of a sample, and what the signature says of their values."""

from collections import Counter
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pyarrow import types

from services.registry.adapters.inspection.sample import numbers_in
from services.registry.adapters.reviewing.subject import Sampled
from understudy.contracts.signature import Feature
from understudy.contracts.vocabulary import FeatureKind
from understudy.inference.scored import Floats


@dataclass(frozen=True, slots=True, eq=False)
class Texts:
    """A column of categories."""

    counts: Counter[str]
    rows: int

    @property
    def missing(self) -> int:
        """Rows without a value."""
        return self.rows - self.counts.total()


Values = Floats | Texts


def values_of(sampled: Sampled, features: tuple[Feature, ...]) -> list[Values]:
    """Of each feature, as serving hands them over."""
    numbers, texts = iter(sampled.rows.numbers.T), iter(sampled.rows.texts)
    return [next(numbers) if feature.numeric else counted(next(texts)) for feature in features]


def counted(texts: list[str | None] | tuple[str | None, ...]) -> Texts:
    """Of texts, None where there is none."""
    return Texts(Counter(text for text in texts if text is not None), len(texts))


def beyond(values: Floats, feature: Feature) -> NDArray[np.bool_]:
    """Numbers that are there and that the signature's limits leave out, or that are not finite."""
    low = -np.inf if feature.minimum is None else feature.minimum
    high = np.inf if feature.maximum is None else feature.maximum
    inside = np.isfinite(values) & (values >= low) & (values <= high)
    return np.asarray(~np.isnan(values) & ~inside)


def unkind(values: Floats, feature: Feature) -> NDArray[np.bool_]:
    """Finite numbers that are none of the feature's kind: integers are whole, booleans 0 or 1."""
    finite = np.isfinite(values)
    if feature.kind is FeatureKind.INTEGER:
        return np.asarray(finite & (values != np.floor(values)))
    if feature.kind is FeatureKind.BOOLEAN:
        return np.asarray(finite & (values != 0.0) & (values != 1.0))
    return np.zeros(values.size, dtype=bool)


def unknown(values: Texts, feature: Feature) -> int:
    """Rows with a text that is none of the choices."""
    if feature.open_choices:
        return 0
    choices = {*feature.choices}
    return sum(count for text, count in values.counts.items() if text not in choices)


def is_number(kind: Any) -> bool:
    """Whether a stored type (pyarrow) is of numbers; truth values are none here."""
    return any(test(kind) for test in (types.is_integer, types.is_floating, types.is_decimal))


def numbers_in_column(sampled: Sampled, name: str) -> Floats:
    """Of a column of numbers, by name; NaN where missing. It may be of texts in one sample."""
    column = sampled.table[name].combine_chunks()
    if is_number(column.type) or types.is_boolean(column.type):
        return numbers_in(column)
    return np.full(len(column), np.nan)
