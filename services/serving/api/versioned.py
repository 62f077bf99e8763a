"""Predictions by a named version: the main, or a challenger for those who may read its answers."""

from collections.abc import Sequence
from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import Response

from services.serving.api.asking import Asking, Question, Read, Write
from services.serving.domain.errors import UnsupportedError
from services.serving.metrics import Dialect
from services.serving.operations import Answer, Card
from services.serving.operations.models import Model
from understudy.contracts.refusals import Refusal
from understudy.runtime.keys import presented_key


@dataclass(frozen=True, slots=True)
class Versioned:
    """One request of a dialect whose clients may name a version."""

    asking: Asking
    request: Request
    deployment: str
    dialect: Dialect

    async def answer(self, version: str | None, read: Read, write: Write) -> Response:
        """`Asking.answer` by that version, or by the main. Raises Refusal subclasses, counted."""
        if version is not None:
            model = self._find(version)
            if model.challenger:
                return await self._by_challenger(model, read, write)
        return await self._by_main(read, write)

    async def _by_main(self, read: Read, write: Write) -> Response:
        return await self.asking.answer(self.request, self.deployment, self.dialect, read, write)

    async def _by_challenger(self, model: Model, read: Read, write: Write) -> Response:
        """The main is asked as by anybody; told is what the challenger makes of the same rows."""
        name, challenged = self.deployment, self.asking.models.challenged
        if challenged is None:
            why = UnsupportedError("What challengers answer can't be read by this server.")
            raise self.asking.counted(name, why)
        asked: list[tuple[Question, Sequence[Answer], Card]] = []

        def keep(question: Question, answers: Sequence[Answer], card: Card) -> Response:
            asked.append((question, answers, card))
            return write(question, answers, card)

        try:
            mark = await challenged.mark(name)
        except Refusal as refusal:
            raise self.asking.counted(name, refusal) from None
        response = await self._by_main(read, keep)
        if not asked:  # the client is gone
            return response
        question, by_main, card = asked[0]
        try:
            answers = await challenged.answers(name, mark, model.version, by_main)
        except Refusal as refusal:
            raise self.asking.counted(name, refusal) from None
        found = write(question, answers, card)
        found.headers["X-Model-Version"] = str(model.version)
        if "X-Prediction-ID" in response.headers:
            found.headers["X-Prediction-ID"] = response.headers["X-Prediction-ID"]
        return found

    def _find(self, version: str) -> Model:
        key = presented_key(self.request.headers)
        try:
            return self.asking.models.find(self.deployment, key, version)
        except Refusal as refusal:
            raise self.asking.counted(self.deployment, refusal) from None
