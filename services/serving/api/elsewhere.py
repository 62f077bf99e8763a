"""Predictions that were made elsewhere, one or many."""

from collections.abc import Mapping
from typing import Final

from pydantic import TypeAdapter

from services.serving.api.telling import Words, one_or_many
from services.serving.domain.errors import InvalidPredictionsError
from services.serving.operations import Elsewhere
from understudy.contracts.elsewhere import ToldPrediction, ToldResult, ToldResults
from understudy.contracts.refusals import FieldError
from understudy.contracts.serving import LabelStatus

_TOLD: Final = TypeAdapter(list[ToldPrediction])
_PREDICTION: Final = "must be a class or a number, or null where the version failed"
_PROBABILITIES: Final = "must be a number from 0 to 1 for each class"
_WORDS: Final[Words] = {
    ("main", "prediction"): _PREDICTION,
    ("main", "probabilities"): _PROBABILITIES,
    ("challengers", "prediction"): _PREDICTION,
    ("challengers", "probabilities"): _PROBABILITIES,
}

_TAKES: Final = (
    'A prediction made elsewhere is {"row": {…}, "main": {"prediction": …}, …}; '
    "send one, or a list."
)


class Predictions:
    """`POST /v1/deployments/{deployment}/predictions`."""

    takes = _TAKES

    def __init__(self, elsewhere: Elsewhere) -> None:
        self._elsewhere = elsewhere
        self.check = elsewhere.check

    async def take(self, path: Mapping[str, str], key: str | None, told: object) -> ToldResults:
        """A result for each row."""
        items = one_or_many(_TOLD, told, _WORDS, _no_predictions)
        outcomes = await self._elsewhere.tell(path["deployment"], items, key=key)
        return ToldResults(
            results=tuple(
                ToldResult(
                    prediction_id=outcome.prediction_id,
                    status=LabelStatus.REFUSED if outcome.problem else LabelStatus.ACCEPTED,
                    message=outcome.problem,
                )
                for outcome in outcomes
            )
        )


def _no_predictions(*errors: FieldError) -> InvalidPredictionsError:
    return InvalidPredictionsError(_TAKES, *errors)
