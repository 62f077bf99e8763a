"""How sure an answer is, for callers who ask: it costs nobody else anything."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from services.serving.domain.drafts import Notice
from understudy.contracts.vocabulary import WarningCode


@dataclass(frozen=True, slots=True)
class ClassConfidence:
    """Of a classifier: how likely it takes its answer to be, by its own probabilities."""

    probability: float
    """Of the predicted class."""
    margin: float
    """How much more likely than the likeliest other class; below 0 where that one is likelier."""


@dataclass(frozen=True, slots=True)
class IntervalConfidence:
    """Of a regression: where the truth lies for `level` of all rows; see `registry.conformal`."""

    level: float
    low: float
    high: float


Confidence = ClassConfidence | IntervalConfidence


@dataclass(frozen=True, slots=True)
class Interval:
    """What was measured of a version when it was registered."""

    level: float
    half_width: float

    def around(self, prediction: float) -> IntervalConfidence:
        """The interval of one answer."""
        low, high = prediction - self.half_width, prediction + self.half_width
        return IntervalConfidence(self.level, low, high)


def class_confidence(probabilities: Sequence[float], place: int) -> ClassConfidence:
    """Of the class at that place, which need not be the likeliest: a model may decide otherwise."""
    own = probabilities[place]
    others = [chance for index, chance in enumerate(probabilities) if index != place]
    return ClassConfidence(own, own - max(others, default=0.0))


NO_PROBABILITIES: Final = Notice(
    WarningCode.CONFIDENCE_NOT_AVAILABLE,
    None,
    "confidence was asked for, but the model gives no probabilities",
)
NO_INTERVAL: Final = Notice(
    WarningCode.CONFIDENCE_NOT_AVAILABLE,
    None,
    "confidence was asked for, but no interval was measured for this version: that takes an "
    "evaluation sample with labels when it is registered",
)
