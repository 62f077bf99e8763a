"""Answers → JSON, in the shape of `contracts.serving.Prediction`."""

from collections.abc import Sequence
from typing import Final

import msgspec

from services.serving.domain.confidence import Confidence
from services.serving.domain.guards import NO_RULING
from services.serving.operations import Answer, Answers
from understudy.contracts.vocabulary import Label, WarningCode


class _Model(msgspec.Struct, gc=False):
    name: str
    version: int


class _Warning(msgspec.Struct, omit_defaults=True, gc=False):
    code: WarningCode
    message: str
    feature: str | None = None


class _Prediction(msgspec.Struct, omit_defaults=True, gc=False):
    prediction_id: str
    prediction: Label
    model: _Model
    probabilities: dict[str, float] | None = None
    warnings: list[_Warning] = []
    overridden: bool = False
    confidence: Confidence | msgspec.UnsetType | None = msgspec.UNSET


class _Predictions(msgspec.Struct, gc=False):
    predictions: list[_Prediction]


_ENCODER: Final = msgspec.json.Encoder()


def encoded(answers: Answers, *, batch: bool) -> bytes:
    """The body of an answer: an object for one row, a list under a member for a batch."""
    model = _Model(answers.model, answers.version)
    if not batch:
        return _ENCODER.encode(_prediction(answers, 0, model))
    rows = range(len(answers.ids))
    return _ENCODER.encode(_Predictions([_prediction(answers, row, model) for row in rows]))


def written(answers: Sequence[Answer], *, batch: bool, confident: bool = False) -> bytes:
    """The same body, of answers by row; `confident` where confidence was asked for."""
    predictions = [_told(answer) for answer in answers]
    if confident:
        for answer, prediction in zip(answers, predictions, strict=True):
            prediction.confidence = answer.confidence
    return _ENCODER.encode(_Predictions(predictions) if batch else predictions[0])


def _told(answer: Answer) -> _Prediction:
    prediction = _Prediction(
        answer.prediction_id, answer.prediction, _Model(answer.model, answer.version)
    )
    prediction.probabilities = None if answer.probabilities is None else {**answer.probabilities}
    _add_notes(prediction, answer)
    return prediction


def _prediction(answers: Answers, row: int, model: _Model) -> _Prediction:
    found = answers.probabilities
    likely = None if found is None else dict(zip(answers.classes, found[row], strict=True))
    prediction = _Prediction(answers.ids[row], answers.predictions[row], model, likely)
    if answers.confident or answers.ruling is not NO_RULING:
        answer = answers.row(row)
        _add_notes(prediction, answer)
        if answers.confident:
            prediction.confidence = answer.confidence
    return prediction


def _add_notes(prediction: _Prediction, answer: Answer) -> None:
    prediction.warnings = [
        _Warning(notice.code, notice.message, notice.feature) for notice in answer.notices
    ]
    if answer.overridden:
        prediction.prediction, prediction.probabilities = answer.prediction, None
        prediction.overridden = True
