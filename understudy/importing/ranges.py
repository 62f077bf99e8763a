"""Which values of a feature are proposed as legal, when nobody has said.

What is legal is not what is usual (docs/adr/0006): a proposal must let the world drift, and still
refuse a caller's mistakes of unit or sign. So what training data spans is widened by ten times its
width to both sides, and rounded outwards; whole numbers of which none is negative stay at 0 or
above, for counts, ages and amounts below 0 are somebody's code for "unknown".
"""

import math
from collections.abc import Mapping
from dataclasses import replace
from typing import Final

import numpy as np

from understudy.contracts.signature import Feature, Signature
from understudy.contracts.vocabulary import FeatureKind
from understudy.importing.errors import ImportingError
from understudy.inference.scored import Floats

Range = tuple[float | None, float | None]
Ranges = Mapping[str, Range]

_WIDER: Final = 10.0


def proposed(feature: Feature, values: Floats) -> Feature:
    """With a range about the values that are finite; a feature of another kind as it is."""
    known = values[np.isfinite(values)]
    if feature.kind not in {FeatureKind.INTEGER, FeatureKind.NUMBER} or not known.size:
        return feature
    least, most = float(known.min()), float(known.max())
    reach = _WIDER * max(most - least, abs(most), 1.0)
    counts = feature.kind is FeatureKind.INTEGER and least >= 0
    low, high = 0.0 if counts else _outwards(least - reach), _outwards(most + reach)
    if not (math.isfinite(low) and math.isfinite(high)):
        return feature
    return replace(feature, minimum=low, maximum=high)


def stated(signature: Signature, ranges: Ranges | None) -> Signature:
    """With the ranges that somebody gave. Raises ImportingError."""
    if not ranges:
        return signature
    numeric = {one.name for one in signature.features if one.numeric}
    if unknown := [name for name in ranges if name not in numeric]:
        raise ImportingError("ranges", f"'{unknown[0]}' is no feature that holds numbers")
    return replace(signature, features=tuple(_within(one, ranges) for one in signature.features))


def _within(feature: Feature, ranges: Ranges) -> Feature:
    if feature.name not in ranges:
        return feature
    try:
        least, most = ranges[feature.name]
        return replace(feature, minimum=least, maximum=most)
    except (TypeError, ValueError) as error:
        raise ImportingError(
            "ranges", f"'{feature.name}' needs (minimum, maximum), each a number or None: {error}"
        ) from error


def _outwards(value: float) -> float:
    """Away from 0 to one significant digit."""
    if value == 0.0 or not math.isfinite(value):
        return value
    unit = 10.0 ** math.floor(math.log10(abs(value)))
    return math.copysign(math.ceil(abs(value) / unit) * unit, value)
