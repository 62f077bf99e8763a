"""Rows that are legal by a signature: what a model is warmed and probed with."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from understudy.contracts.signature import Feature, Signature
from understudy.contracts.vocabulary import FeatureKind
from understudy.inference.rows import Rows

_FAR: Final = 1e300


def probe_rows(signature: Signature, rows: int, seed: int = 0) -> Rows:
    """The signature's examples first, then values spread over the legal ranges and choices."""
    random = np.random.default_rng(seed)
    numeric = [feature for feature in signature.features if feature.numeric]
    numbers = [_numbers(feature, rows, random) for feature in numeric]
    return Rows(
        np.column_stack(numbers) if numbers else np.empty((rows, 0)),
        tuple(
            _texts(feature, rows, random) for feature in signature.features if not feature.numeric
        ),
    )


def has_example(signature: Signature) -> bool:
    """Whether the first probe row is one that the model must be able to answer."""
    return all(
        feature.numeric or feature.choices or feature.example is not None
        for feature in signature.features
    )


def _numbers(feature: Feature, rows: int, random: np.random.Generator) -> NDArray[np.float64]:
    if feature.kind is FeatureKind.BOOLEAN:
        values = random.integers(0, 2, rows).astype(np.float64)
    else:
        low, high = _range(feature)
        values = random.uniform(low, high, rows)
    if feature.kind is FeatureKind.INTEGER:
        values = np.clip(np.rint(values), np.ceil(low), np.floor(high))
    if isinstance(feature.example, bool | int | float):
        values[0] = float(feature.example)
    return values


def _range(feature: Feature) -> tuple[float, float]:
    """The legal range, or a stretch of it near the example where it has no end."""
    example = feature.example if isinstance(feature.example, int | float) else 0.0
    reach = max(1.0, abs(example))
    low = example - reach if feature.minimum is None else feature.minimum
    high = example + reach if feature.maximum is None else feature.maximum
    low, high = sorted((max(low, -_FAR), min(high, _FAR)))
    return low, high


def _texts(feature: Feature, rows: int, random: np.random.Generator) -> list[str | None]:
    choices = feature.choices or ("example",)
    drawn: list[str | None] = [choices[index] for index in random.integers(0, len(choices), rows)]
    if isinstance(feature.example, str):
        drawn[0] = feature.example
    return drawn
