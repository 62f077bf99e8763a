"""Requests that tell something of predictions: one or many, and 202 with a result for each."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import partial
from typing import Final, Protocol, TypeVar

from pydantic import BaseModel, TypeAdapter, ValidationError
from starlette.requests import Request
from starlette.responses import Response

from services.serving.api.bodies import ClientGoneError, aside, decode_json, read_body
from services.serving.api.limited import note_allowance
from services.serving.operations import Serving
from services.serving.operations.limiting import counted
from understudy.contracts.refusals import FieldError, Refusal, json_pointer
from understudy.contracts.vocabulary import Scope
from understudy.runtime.keys import presented_key

Item = TypeVar("Item", bound=BaseModel)
Handler = Callable[[Request], Awaitable[Response]]
Place = tuple[str | int, ...]
Words = Mapping[tuple[str, ...], str]
"""What to say of a member that may have several types, or members of any name; by its path, without
the indices. What is wrong within it is told of the member as a whole."""

_MOST_ERRORS: Final = 100


class Verb(Protocol):
    """One thing that may be told."""

    takes: str
    """What to send, in a sentence."""

    def check(self, deployment: str, key: str | None, /) -> None:
        """Raises for whoever may not; nothing is read of their bodies."""

    async def take(self, path: Mapping[str, str], key: str | None, told: object) -> BaseModel:
        """What the body holds, decoded. Raises Refusal subclasses."""


def handler(verb: Verb, serving: Serving, body_limit: int) -> Handler:
    """Answers requests that tell this."""

    async def taken(request: Request) -> Response:
        key = presented_key(request.headers)
        deployment = request.path_params["deployment"]
        verb.check(deployment, key)
        allowance = serving.allowance(deployment, key, Scope.LABEL, Scope.PREDICT, public=False)
        if allowance is not None:
            note_allowance(request, allowance)
            await counted(allowance.ask())
        body = await read_body(request.scope, request.receive, body_limit)
        told = await aside(len(body), partial(decode_json, body, verb.takes))
        results = await verb.take(request.path_params, key, told)
        content = results.model_dump_json(exclude_none=True)
        return Response(content, 202, media_type="application/json")

    async def handle(request: Request) -> Response:
        try:
            return await taken(request)
        except ClientGoneError:
            raise
        except Exception as error:
            refusal = error if isinstance(error, Refusal) else None
            serving.note_refusal(request.path_params["deployment"], refusal)
            raise

    return handle


def one_or_many(
    kind: TypeAdapter[list[Item]],
    told: object,
    words: Words,
    refusal: Callable[..., Refusal],
) -> list[Item]:
    """The items of a body. Raises the refusal with every place that is wrong."""
    single = not isinstance(told, list)
    try:
        return kind.validate_python([told] if single else told)
    except ValidationError as invalid:
        errors = invalid.errors(include_input=False)[:_MOST_ERRORS]
        places = [(error["loc"][1:] if single else error["loc"], error["msg"]) for error in errors]
        raise refusal(*_field_errors(places, words)) from None


def _field_errors(places: Sequence[tuple[Place, str]], words: Words) -> list[FieldError]:
    """One for each member, whatever pydantic found within it."""
    found: dict[str, str] = {}
    for place, said in places:
        cut = _cut(place, words)
        found.setdefault(
            json_pointer(*cut), words.get(_members(cut), said) if cut != place else said
        )
    return [FieldError(pointer, said) for pointer, said in found.items()]


def _cut(place: Place, words: Words) -> Place:
    """The member that has words of its own, or the place as it is."""
    parts = (place[:stop] for stop in range(1, len(place)))
    return next((part for part in parts if _members(part) in words), place)


def _members(place: Place) -> tuple[str, ...]:
    return tuple(step for step in place if isinstance(step, str))
