"""Predictions by a named version: the main, or a challenger for those who may read its answers."""

from dataclasses import dataclass, replace

from starlette.requests import Request
from starlette.responses import Response

from services.serving.api.asking import Asking, Read, Write
from services.serving.domain.errors import UnsupportedError
from services.serving.metrics import Dialect
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
        return await self.asking.answer(self.request, self.deployment, self.dialect, read, write)

    async def _by_challenger(self, model: Model, read: Read, write: Write) -> Response:
        """The main is asked as by anybody; told is what the challenger makes of the same rows."""
        name, challenged = self.deployment, self.asking.models.challenged
        if challenged is None:
            why = UnsupportedError("What challengers answer can't be read by this server.")
            raise self.asking.counted(name, why)
        try:
            mark = await challenged.mark(name)
        except Refusal as refusal:
            raise self.asking.counted(name, refusal) from None
        by_main = await self.asking.ask(self.request, name, self.dialect, read)
        try:
            answers = await challenged.answers(name, mark, model.version, by_main.answers)
        except Refusal as refusal:
            raise self.asking.counted(name, refusal) from None
        return self.asking.written(replace(by_main, answers=answers), write)

    def _find(self, version: str) -> Model:
        key = presented_key(self.request.headers)
        try:
            return self.asking.models.find(self.deployment, key, version)
        except Refusal as refusal:
            raise self.asking.counted(self.deployment, refusal) from None
