"""What every dialect goes through: admit, read the body within bounds, predict, name the answer.

A dialect is two functions: from a body to a `Question`, and from the answers to a response. What it
refuses it raises; `api.spoken` says it in the dialect's form.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Final

from starlette.requests import Request
from starlette.responses import Response

from services.serving.api.bodies import Row, aside, read_body
from services.serving.api.limited import note_allowance
from services.serving.domain.ids import ids_by
from services.serving.domain.rows import Shape
from services.serving.metrics import Dialect
from services.serving.operations import Answer, Card, Serving
from services.serving.operations.answers import Welcome
from services.serving.operations.calls import PLAIN, Options
from services.serving.operations.cards import card_of
from services.serving.operations.models import Models
from understudy.contracts.refusals import FieldError, Refusal
from understudy.contracts.vocabulary import Scope
from understudy.runtime.http import server_timing
from understudy.runtime.keys import presented_key

_ANY: Final = 1 << 62
"""As long as what is packed may be."""


@dataclass(frozen=True, slots=True)
class Question:
    """Rows that a body asks about."""

    rows: Sequence[Row]
    shape: Shape = Shape.LIST
    name: str | None = None
    """What the caller calls the request, where the dialect has a place for it; names the
    predictions if it is well-formed."""
    pointing: Callable[[str], str] | None = None
    """Where a value stands in the body, by its pointer into a bare list of rows."""

    options: Options = PLAIN


@dataclass(frozen=True, slots=True)
class Answered:
    """A question, and what the main has answered."""

    question: Question
    answers: Sequence[Answer]
    card: Card
    began: float
    """By `time.perf_counter`."""


Read = Callable[[Request, bytes, Card], Question]
"""Raises Refusal subclasses."""
Write = Callable[[Question, Sequence[Answer], Card], Response]


class Asking:
    """Predictions by any dialect whose bodies are read as a whole."""

    def __init__(
        self,
        serving: Serving,
        body_limit: int,
        default_deployment: str | None = None,
        models: Models | None = None,
    ) -> None:
        self.serving = serving
        self.models = models or Models(serving)
        self.body_limit = body_limit
        self.default_deployment = default_deployment
        """Answers where a dialect has a path that names none."""

    def card(self, request: Request, deployment: str) -> Card:
        """What is told of a deployment to those who may read or predict.

        Raises Refusal subclasses, which are counted.
        """
        try:
            return self.serving.signature(deployment, key=presented_key(request.headers))
        except Refusal as refusal:
            self.serving.note_refusal(deployment, refusal)
            raise

    def reachable(self, request: Request, *scopes: Scope) -> list[str]:
        """Names of deployments for those who may use them with one of the scopes.

        Raises UnauthenticatedError, which is counted.
        """
        try:
            return self.serving.reachable(presented_key(request.headers), *scopes)
        except Refusal as refusal:
            self.serving.note_refusal(None, refusal)
            raise

    def counted(self, deployment: str, refusal: Refusal) -> Refusal:
        """A refusal of the dialect's own, to be raised outside of `answer`."""
        self.serving.note_refusal(deployment, refusal)
        return refusal

    def check_rows(self, rows: int) -> None:
        """Raises TooManyRowsError, before they are made."""
        self.serving.check_items("rows", rows)

    async def answer(
        self, request: Request, deployment: str, dialect: Dialect, read: Read, write: Write
    ) -> Response:
        """Answer one request for predictions. Raises Refusal subclasses, which are counted."""
        return self.written(await self.ask(request, deployment, dialect, read), write)

    async def ask(
        self, request: Request, deployment: str, dialect: Dialect, read: Read
    ) -> Answered:
        """Have the main answer. Raises ClientGoneError, and Refusal subclasses, counted."""
        began = time.perf_counter()
        try:
            key = presented_key(request.headers)
            # Whoever may not ask, or asks too much, is told before the body has come.
            welcome = await self.serving.enter(deployment, key, partial(note_allowance, request))
            card = card_of(welcome[0])
            body = await read_body(request.scope, request.receive, self.body_limit)
            length = _ANY if "content-encoding" in request.headers else len(body)
            question = await aside(length, partial(read, request, body, card))
            answers = await self._answers(request, welcome, question, dialect)
        except Refusal as refusal:
            self.serving.note_refusal(deployment, refusal)
            raise
        return Answered(question, answers, card, began)

    async def _answers(
        self, request: Request, welcome: Welcome, question: Question, dialect: Dialect
    ) -> Sequence[Answer]:
        name = question.name or request.headers.get("x-request-id")
        try:
            return await self.serving.predict_for(
                welcome,
                question.rows,
                ids=ids_by(name, len(question.rows)),
                shape=question.shape,
                dialect=dialect,
                options=question.options,
            )
        except Refusal as refusal:
            refusal.errors = _as_sent(refusal.errors, question.pointing)
            raise

    def written(self, answered: Answered, write: Write) -> Response:
        """The response, with the headers of every dialect."""
        answers = answered.answers
        response = write(answered.question, answers, answered.card)
        if len(answers) == 1:
            response.headers["X-Prediction-ID"] = answers[0].prediction_id
        response.headers["X-Model-Version"] = str(answers[0].version)
        response.headers["Server-Timing"] = server_timing(answered.began)
        return response


def _as_sent(
    errors: Sequence[FieldError], pointing: Callable[[str], str] | None
) -> tuple[FieldError, ...]:
    if pointing is None:
        return (*errors,)
    return tuple(FieldError(pointing(error.pointer), error.message) for error in errors)
