"""The form at `/{deployment}/form`: one address, a GET that shows it and a POST that answers it.

A deployment that is not public shows nothing before a key was given, and an unknown one looks just
the same. The key is then kept in a cookie that scripts can't read, that no other site can make the
browser send, and that only this page receives; it never stands in a page or an address. Neither
keys nor values are logged. A POST renders the page again, so everything works without script;
`static/form.js` sends the same POST and puts the answered parts in their places.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Final, Protocol

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from services.serving.metrics import Dialect
from services.serving.operations import Answer, Card
from services.serving.pages.documents import documents
from services.serving.pages.fields import NAME_PREFIX, fields_of, read_entries
from services.serving.pages.results import result_of
from services.serving.pages.submission import read_submission, texts_in
from services.serving.pages.wording import readable, sentence
from understudy.contracts.refusals import Fault, Refusal, json_pointer
from understudy.contracts.vocabulary import NAME_PATTERN, AccessLevel
from understudy.runtime.documents import Documents
from understudy.runtime.http import STATUS, when_to_come_again

COOKIE: Final = "understudy_key"

_OWN_SITE: Final = frozenset({"same-origin", "none"})
_NOT_SHOWN: Final = frozenset({Fault.UNAUTHENTICATED, Fault.FORBIDDEN, Fault.NOT_FOUND})


class Operations(Protocol):
    """What the pages ask of serving; `operations.Serving` has it."""

    def admit(self, deployment: str, key: str | None) -> Card:
        """Show the deployment to one who may ask it for predictions.

        Raises UnauthenticatedError, ForbiddenError, UnknownDeploymentError or NotLoadedError.
        """

    async def predict(
        self,
        deployment: str,
        rows: Sequence[Mapping[str, object]],
        *,
        key: str | None,
        dialect: Dialect,
    ) -> Sequence[Answer]:
        """Answer rows with the main version; raises Refusal subclasses."""


def routes(operations: Operations) -> list[BaseRoute]:
    """The pages and what they load."""
    rendered = documents()
    form = Form(operations, rendered)
    return [
        Route("/{deployment}/form", form.show, methods=["GET"]),
        Route("/{deployment}/form", form.answer, methods=["POST"]),
        Route("/static/{name}", rendered.asset, methods=["GET"]),
    ]


class Form:
    """Answers for every deployment's form."""

    def __init__(self, operations: Operations, documents: Documents) -> None:
        self._operations = operations
        self._documents = documents

    async def show(self, request: Request) -> Response:
        """`GET`: the form with its example values, or the question for a key."""
        deployment = request.path_params["deployment"]
        if not re.match(NAME_PATTERN, deployment):
            return self._notice(404, "There is no such page", "No deployment can have this name.")
        key = request.cookies.get(COOKIE)
        try:
            card = self._operations.admit(deployment, key)
        except Refusal as refusal:
            return self._turned_away(request, refusal, key)
        return self._form(card)

    async def answer(self, request: Request) -> Response:
        """`POST`: a key was entered or is to be forgotten, or a row is to be predicted."""
        if request.headers.get("sec-fetch-site", "none") not in _OWN_SITE:
            return self._notice(403, "Not from here", "Another site may not send this form.")
        try:
            sent = await read_submission(request)
        except Refusal as refusal:
            return self._notice(STATUS[refusal.fault], "That could not be read", refusal.detail)
        match sent.get("do"):
            case "enter":
                return self._enter(request, sent)
            case "leave":
                return _back_to_form(request, None)
            case _:
                return await self._predict(request, texts_in(sent))

    def _enter(self, request: Request, sent: Mapping[str, str]) -> Response:
        key, texts = sent.get("key", "").strip(), texts_in(sent)
        try:
            card = self._operations.admit(request.path_params["deployment"], key or None)
        except Refusal as refusal:
            return self._turned_away(request, refusal, key, texts, asked_again=True)
        kept = None if card.access is AccessLevel.PUBLIC else key
        if not texts:
            return _back_to_form(request, kept)
        response = self._form(card, texts)
        _keep(request, response, kept)
        return response

    async def _predict(self, request: Request, texts: Mapping[str, str]) -> Response:
        deployment, key = request.path_params["deployment"], request.cookies.get(COOKIE)
        try:
            card = self._operations.admit(deployment, key)
        except Refusal as refusal:
            return self._turned_away(request, refusal, key, texts)
        key = None if card.access is AccessLevel.PUBLIC else key
        entries = read_entries(card.signature, texts)
        row = {name: entry.value for name, entry in entries.items()}
        try:
            (answer,) = await self._operations.predict(
                deployment, [row], key=key, dialect=Dialect.FORM
            )
        except Refusal as refusal:
            if refusal.fault in _NOT_SHOWN:
                return self._turned_away(request, refusal, key, texts)
            unread = {name: entry.error for name, entry in entries.items() if entry.error}
            return self._refused(card, texts, refusal, unread)
        return self._form(card, texts, answer=answer)

    def _refused(
        self, card: Card, texts: Mapping[str, str], refusal: Refusal, unread: Mapping[str, str]
    ) -> Response:
        """The form again: each message beside its field, the others above."""
        names = {json_pointer(name): name for name in card.signature.names}
        found = {
            names[e.pointer]: _beside(names[e.pointer], e.message)
            for e in refusal.errors
            if e.pointer in names
        }
        others = [sentence(e.message) for e in refusal.errors if e.pointer not in names]
        errors = {**found, **unread}
        if not errors and not others:
            others = [refusal.detail]
        return self._form(
            card,
            texts,
            status=STATUS[refusal.fault],
            errors=errors,
            problems=others,
            headers=when_to_come_again(refusal),
        )

    def _form(
        self,
        card: Card,
        texts: Mapping[str, str] | None = None,
        *,
        status: int = 200,
        answer: Answer | None = None,
        errors: Mapping[str, str] | None = None,
        problems: Sequence[str] = (),
        headers: Mapping[str, str] | None = None,
    ) -> Response:
        result = result_of(answer, card.signature) if answer else None
        notes = result.notes if result else {}
        fields = fields_of(card.signature, card.policy, texts, errors or {}, notes)
        return self._documents.page(
            "form.html",
            status,
            headers,
            card=card,
            heading=readable(card.name),
            public=card.access is AccessLevel.PUBLIC,
            fields=fields,
            wrong=[field for field in fields if field.error],
            problems=problems,
            result=result,
            ids={field.feature.name: field.id for field in fields},
        )

    def _turned_away(
        self,
        request: Request,
        refusal: Refusal,
        key: str | None,
        texts: Mapping[str, str] | None = None,
        *,
        asked_again: bool = False,
    ) -> Response:
        """The question for a key; the same whether the deployment is closed or does not exist."""
        if refusal.fault not in _NOT_SHOWN:
            return self._notice(
                STATUS[refusal.fault], "Not ready", refusal.detail, when_to_come_again(refusal)
            )
        # Without a key, "not found" and "forbidden" must not be told from "closed".
        status = STATUS[refusal.fault] if key else 401
        unnamed = "Enter the key that you were given." if asked_again else None
        response = self._documents.page(
            "gate.html",
            status,
            {"WWW-Authenticate": "Bearer"} if status == 401 else None,
            deployment=request.path_params["deployment"],
            problem=refusal.detail if key else unnamed,
            carried={NAME_PREFIX + name: text for name, text in (texts or {}).items()},
        )
        if COOKIE in request.cookies:
            _keep(request, response, None)
        return response

    def _notice(
        self, status: int, title: str, detail: str, headers: Mapping[str, str] | None = None
    ) -> Response:
        return self._documents.page("notice.html", status, headers, title=title, detail=detail)


def _beside(name: str, message: str) -> str:
    """A message as it stands beside its field, which is named there already."""
    return sentence(message.removeprefix(f"{name}: "))


def _back_to_form(request: Request, key: str | None) -> Response:
    """Answer a POST by the GET of the same address, so that reloading sends no key again."""
    response = Response(status_code=303, headers={"Location": "form", "Cache-Control": "no-store"})
    _keep(request, response, key)
    return response


def _keep(request: Request, response: Response, key: str | None) -> None:
    """Have the browser keep the key for this page until it is closed, or forget it."""
    path = request.url.path
    if key is None:
        response.delete_cookie(COOKIE, path=path, httponly=True, samesite="strict")
        return
    # A proxy that ends TLS says so; whoever else claims it only keeps his own cookie from himself.
    scheme = request.headers.get("x-forwarded-proto", request.url.scheme).partition(",")[0].strip()
    response.set_cookie(
        COOKIE, key, path=path, httponly=True, samesite="strict", secure=scheme == "https"
    )
