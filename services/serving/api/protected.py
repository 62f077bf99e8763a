"""Protected attributes of whom earlier predictions concern, one or many."""

from collections.abc import Mapping
from typing import Final

from pydantic import TypeAdapter

from services.serving.api.telling import Words, one_or_many
from services.serving.domain.errors import InvalidProtectedError
from services.serving.operations import Facts, ProtectedItem
from understudy.contracts.refusals import FieldError
from understudy.contracts.serving import (
    LabelStatus,
    ProtectedRequest,
    ProtectedResult,
    ProtectedResults,
)

_PROTECTED: Final = TypeAdapter(list[ProtectedRequest])
_WORDS: Final[Words] = {("attributes",): "each attribute is text, a number, true or false"}

_TAKES: Final = (
    'Protected attributes are {"prediction_id": …, "attributes": {"name": "group", …}}; '
    "send one prediction's, or a list."
)


class Protected:
    """`POST /v1/deployments/{deployment}/protected`."""

    takes = _TAKES

    def __init__(self, facts: Facts) -> None:
        self._facts = facts
        self.check = facts.check

    async def take(
        self, path: Mapping[str, str], key: str | None, told: object
    ) -> ProtectedResults:
        """A result for each prediction."""
        requests = one_or_many(_PROTECTED, told, _WORDS, _nothing_protected)
        items = [ProtectedItem(one.prediction_id, one.attributes) for one in requests]
        problems = await self._facts.protect(path["deployment"], items, key=key)
        return ProtectedResults(
            results=tuple(
                ProtectedResult(
                    prediction_id=one.prediction_id,
                    status=LabelStatus.REFUSED if why else LabelStatus.ACCEPTED,
                    message=why,
                )
                for one, why in zip(requests, problems, strict=True)
            )
        )


def _nothing_protected(*errors: FieldError) -> InvalidProtectedError:
    return InvalidProtectedError(_TAKES, *errors)
