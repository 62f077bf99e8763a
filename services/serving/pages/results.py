"""An answer as people read it: the class or number large, the probabilities as bars."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from services.serving.domain.drafts import INSTEAD
from services.serving.operations import Answer
from services.serving.pages.wording import (
    grouped,
    percent,
    readable,
    readable_apart,
    rounded,
    sentence,
    text_of,
)
from understudy.contracts.signature import Signature, Target
from understudy.contracts.vocabulary import Label, Task, WarningCode

MOST_BARS: Final = 8


@dataclass(frozen=True, slots=True)
class Bar:
    """The probability of one class."""

    label: str
    percent: str
    width: str
    """Of 100, as an SVG attribute: no style attribute is needed, which the policy forbids."""
    predicted: bool


@dataclass(frozen=True, slots=True)
class Warned:
    """One warning of an answer."""

    feature: str | None
    title: str | None
    """The feature's name for people."""
    text: str


@dataclass(frozen=True, slots=True)
class Result:
    """All that the template needs of an answer."""

    value: str
    unit: str | None
    bars: tuple[Bar, ...]
    hidden_bars: int
    prediction_id: str
    model: str
    version: int
    overridden: bool
    caution: str
    """What the warnings amount to."""
    warnings: tuple[Warned, ...]

    @property
    def notes(self) -> Mapping[str, str]:
        """What the warnings say of single features, to stand beside their fields."""
        found: dict[str, str] = {}
        for each in self.warnings:
            if each.feature is not None:
                before = found.get(each.feature)
                found[each.feature] = f"{before}. {each.text}" if before else each.text
        return found


def result_of(answer: Answer, signature: Signature) -> Result:
    """Turn an answer into what is shown of it."""
    target = signature.target
    names = _class_names(target)
    value = _value(answer.prediction, target, names)
    bars = _bars(answer.probabilities or {}, names, value)
    return Result(
        value=value,
        unit=target.unit if target.task is Task.REGRESSION else None,
        bars=bars[:MOST_BARS],
        hidden_bars=max(0, len(bars) - MOST_BARS),
        prediction_id=answer.prediction_id,
        model=answer.model,
        version=answer.version,
        overridden=answer.overridden,
        caution=_caution(answer),
        warnings=_warnings(answer, signature),
    )


def _caution(answer: Answer) -> str:
    if answer.overridden:
        return "A rule answered instead of the model"
    if all(notice.code is WarningCode.COERCED for notice in answer.notices):
        return "Read as it was meant"
    return "Take this answer with care"


def _warnings(answer: Answer, signature: Signature) -> tuple[Warned, ...]:
    titles = {each.name: each.label or readable(each.name) for each in signature.features}
    return tuple(
        Warned(
            feature=notice.feature,
            title=titles.get(notice.feature, notice.feature) if notice.feature else None,
            text=sentence(notice.message.removesuffix(INSTEAD)),
        )
        for notice in answer.notices
    )


def _class_names(target: Target) -> Mapping[str, str]:
    """By the text that stands for a class on the wire: true and false read as yes and no."""
    if all(isinstance(each, bool) for each in target.classes):
        return {"true": "Yes", "false": "No"}
    return readable_apart([text_of(each) for each in target.classes])


def _value(prediction: Label, target: Target, names: Mapping[str, str]) -> str:
    if target.task is Task.REGRESSION and isinstance(prediction, int | float):
        return grouped(rounded(prediction))
    return names.get(text_of(prediction), text_of(prediction))


def _bars(
    probabilities: Mapping[str, float], names: Mapping[str, str], value: str
) -> tuple[Bar, ...]:
    ordered = sorted(probabilities.items(), key=lambda item: -item[1])
    return tuple(
        Bar(
            label=names.get(name, name),
            percent=percent(probability),
            width=f"{100 * min(1.0, max(0.0, probability)):.2f}",
            predicted=names.get(name, name) == value,
        )
        for name, probability in ordered
    )
