"""Labels: the truth about earlier predictions, one or many; and corrections, one by one."""

from collections.abc import Mapping
from typing import Final

from pydantic import TypeAdapter

from services.serving.api.telling import Words, one_or_many
from services.serving.domain.errors import InvalidLabelsError
from services.serving.operations import Facts, LabelItem
from understudy.contracts.refusals import FieldError
from understudy.contracts.serving import (
    LabelCorrection,
    LabelRequest,
    LabelResult,
    LabelResults,
    LabelStatus,
)

_LABELS: Final = TypeAdapter(list[LabelRequest])
_CORRECTIONS: Final = TypeAdapter(list[LabelCorrection])
_WORDS: Final[Words] = {("label",): "must be a class (text, number, true or false) or a number"}

_LABEL: Final = (
    'A label is {"prediction_id": …, "label": …, "observed_at"?: …, "source"?: …}; '
    "send one, or a list."
)
_CORRECTION: Final = (
    'A correction is {"label": …, "observed_at"?: …, "source"?: …}; the path names the prediction.'
)


class Labels:
    """`POST /v1/deployments/{deployment}/labels`."""

    takes = _LABEL

    def __init__(self, facts: Facts) -> None:
        self._facts = facts
        self.check = facts.check

    async def take(self, path: Mapping[str, str], key: str | None, told: object) -> LabelResults:
        """A result for each label."""
        requests = one_or_many(_LABELS, told, _WORDS, _no_labels)
        items = [_item(label.prediction_id, label) for label in requests]
        problems = await self._facts.label(path["deployment"], items, key=key)
        return LabelResults(
            results=tuple(
                LabelResult(
                    prediction_id=label.prediction_id,
                    status=LabelStatus.REFUSED if why else LabelStatus.ACCEPTED,
                    message=why,
                )
                for label, why in zip(requests, problems, strict=True)
            )
        )


class Corrections:
    """`PUT /v1/deployments/{deployment}/labels/{prediction_id}`."""

    takes = _CORRECTION

    def __init__(self, facts: Facts) -> None:
        self._facts = facts
        self.check = facts.check

    async def take(self, path: Mapping[str, str], key: str | None, told: object) -> LabelResult:
        """The result; what can't be taken is refused as a whole."""
        if not isinstance(told, dict):
            raise _no_correction()
        (correction,) = one_or_many(_CORRECTIONS, told, _WORDS, _no_correction)
        name = path["prediction_id"]
        await self._facts.correct(path["deployment"], _item(name, correction), key=key)
        return LabelResult(prediction_id=name, status=LabelStatus.ACCEPTED)


def _item(name: str, told: LabelRequest | LabelCorrection) -> LabelItem:
    observed = None if told.observed_at is None else told.observed_at.timestamp()
    return LabelItem(name, told.label, observed, told.source)


def _no_labels(*errors: FieldError) -> InvalidLabelsError:
    return InvalidLabelsError(_LABEL, *errors)


def _no_correction(*errors: FieldError) -> InvalidLabelsError:
    return InvalidLabelsError(_CORRECTION, *errors)
