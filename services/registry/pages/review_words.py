"""What codes are called where people read them, and texts that others wrote made safe to show."""

import dataclasses
import unicodedata
from collections.abc import Mapping
from datetime import datetime
from enum import Enum
from typing import Any, Final, TypeVar

from understudy.contracts.vocabulary import (
    BaselineSample,
    Decision,
    FindingCode,
    ObstacleCode,
    ReviewState,
    Severity,
    VersionState,
)

Value = TypeVar("Value")

METRICS: Final[Mapping[str, str]] = {
    "roc_auc": "Area under the ROC curve",
    "pr_auc": "Average precision",
    "accuracy": "Accuracy",
    "balanced_accuracy": "Balanced accuracy",
    "precision": "Precision",
    "recall": "Recall",
    "f1": "F1",
    "brier": "Brier score",
    "log_loss": "Log loss",
    "ece": "Calibration error",
    "rmse": "Root mean squared error",
    "mae": "Mean absolute error",
    "r2": "R²",
    "bias": "Mean error",
    "pinball_90": "Pinball loss at 90 %",
}
GROUP_FIGURES: Final[Mapping[str, str]] = {
    "selection_rate": "Selected",
    "true_positive_rate": "True positives",
    "false_positive_rate": "False positives",
    "precision": "Precision",
    "accuracy": "Accuracy",
    "mean_score": "Mean score",
    "mean_answer": "Mean answer",
    "mean_error": "Mean error",
    "rmse": "Root mean squared error",
}
SEVERITIES: Final[Mapping[Severity, str]] = {
    Severity.BLOCK: "Blocks",
    Severity.WARN: "Warning",
    Severity.LOOK: "To look at",
}
SAMPLES: Final[Mapping[BaselineSample, str]] = {
    BaselineSample.REFERENCE: "Training (reference)",
    BaselineSample.EVALUATION: "Evaluation",
}
REVIEWS: Final[Mapping[ReviewState, tuple[str, str]]] = {
    ReviewState.MISSING: ("No review", "bad"),
    ReviewState.RUNNING: ("Being made", "care"),
    ReviewState.MADE: ("Made", "good"),
    ReviewState.FAILED: ("Failed", "bad"),
}
STATES: Final[Mapping[VersionState, tuple[str, str]]] = {
    VersionState.PENDING: ("Pending", "care"),
    VersionState.DEPLOYED: ("Deployed", "good"),
    VersionState.PERSISTED: ("Persisted", "good"),
    VersionState.IGNORED: ("Ignored", "off"),
}
"""Each with how it looks."""

SECTIONS: Final[Mapping[str, str]] = {
    "data": "Data",
    "results": "Results",
    "explanations": "Explanations",
    "fairness": "Fairness",
    "cost": "Cost",
    "monitor": "Monitoring",
    "left-out": "Left out",
    "provenance": "Provenance",
    "questionnaire": "Questionnaire",
    "decision": "Decision",
}
_SECTIONS_OF: Final[Mapping[str, frozenset[FindingCode]]] = {
    "explanations": frozenset(
        {
            FindingCode.SINGLE_FEATURE,
            FindingCode.IDENTIFIER_ON_TOP,
            FindingCode.IRRELEVANT_FEATURE,
            FindingCode.FRAGILE_TO_MISSING,
        }
    ),
    "fairness": frozenset({FindingCode.UNFAIR, FindingCode.SMALL_GROUP, FindingCode.PROXY}),
    "results": frozenset(
        {
            FindingCode.SUSPICIOUS_SCORE,
            FindingCode.NEAR_PERFECT_SCORE,
            FindingCode.TIME_SPLIT_DROP,
            FindingCode.NOT_BETTER_THAN_DUMMY,
            FindingCode.WORSE_THAN_MAIN,
            FindingCode.MISCALIBRATED,
            FindingCode.WEAK_SLICE,
        }
    ),
}
OBSTACLES: Final[Mapping[ObstacleCode, str]] = {
    ObstacleCode.NO_REVIEW: "There is no review",
    ObstacleCode.NOT_OPENED: "You have not opened the review",
    ObstacleCode.REVIEW_STALE: "The review is too old",
    ObstacleCode.TRAINING_STALE: "The training is too old",
    ObstacleCode.FINDING: "A finding blocks",
    ObstacleCode.METRIC: "A metric does not reach what is demanded",
    ObstacleCode.QUESTION: "A question is not answered",
    ObstacleCode.SAME_PERSON: "A second person must decide",
    ObstacleCode.UNSIGNED: "The artifact is not signed",
}
DECISIONS: Final[Mapping[Decision, tuple[str, str]]] = {
    Decision.DEPLOY: (
        "Deploy",
        "The version may be main or challenger of a deployment. Scheduled training goes on.",
    ),
    Decision.PERSIST: (
        "Deploy and persist",
        "The same, and the recipe is frozen: scheduled runs train no more, they only predict.",
    ),
    Decision.IGNORE: (
        "Ignore",
        "It is never deployed. Its review stays readable, later versions are not affected.",
    ),
}
_DIRECTIONS: Final = frozenset(
    "\u061c\u200e\u200f\u2028\u2029\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
)


def section_of(code: FindingCode) -> str:
    """Where the figures behind a finding are."""
    return next((name for name, codes in _SECTIONS_OF.items() if code in codes), "data")


def metric(name: str) -> str:
    """What a metric is called."""
    return METRICS.get(name, name)


def group_figure(name: str) -> str:
    """What a group's figure is called."""
    return GROUP_FIGURES.get(name, name)


def who(actor: str | None) -> str:
    """Whom the trail means."""
    if not actor:
        return "nobody"
    kind, _, name = actor.partition(":")
    return plain(name) if kind == "user" and name else f"key {plain(actor)}"


def moment(at: datetime | None) -> str:
    """A time, to the minute."""
    return "–" if at is None else f"{at:%Y-%m-%d %H:%M} UTC"


def day(at: datetime | None) -> str:
    """A day."""
    return "–" if at is None else f"{at:%Y-%m-%d}"


def plain(text: str) -> str:
    """Text in which nothing is hidden: control characters are drawn, directions can't turn."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(_visible(character) for character in text)


def _visible(character: str) -> str:
    if character in "\n\t":
        return character
    place = ord(character)
    if place < 0x20:
        return chr(0x2400 + place)
    if character in _DIRECTIONS or unicodedata.category(character) in {"Cc", "Cs"}:
        return "\N{REPLACEMENT CHARACTER}"
    return character


def legible(value: Value) -> Value:
    """A value with all of its texts as `plain` makes them."""
    made: Any = _legible(value)
    result: Value = made
    return result


def _legible(value: Any) -> Any:
    if isinstance(value, Enum | bool | int | float | datetime) or value is None:
        return value
    if isinstance(value, str):
        return plain(value)
    if isinstance(value, Mapping):
        return {_legible(key): _legible(one) for key, one in value.items()}
    if isinstance(value, tuple):
        return value if _numbers(value) else tuple(_legible(one) for one in value)
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        changed = {
            one.name: _legible(getattr(value, one.name)) for one in dataclasses.fields(value)
        }
        return dataclasses.replace(value, **changed)
    return value


def _numbers(value: tuple[Any, ...]) -> bool:
    return bool(value) and isinstance(value[0], float | int) and isinstance(value[-1], float | int)
