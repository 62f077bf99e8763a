"""`/deployments/{deployment}`: how it is asked, in words and programs, and its keys."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from services.registry.domain.access import Key
from services.registry.domain.deployments import Deployment
from services.registry.domain.paging import Paging
from services.registry.operations import Operations, Usage
from services.registry.operations.reach import not_found
from services.registry.pages.dialect_snippets import dialect_snippets
from services.registry.pages.features import features_of
from services.registry.pages.home import ACCESS, standing_of
from services.registry.pages.key_form import KeyForm, choices, entered, wish
from services.registry.pages.people import InvalidFormError
from services.registry.pages.reading import groups_of, known_of
from services.registry.pages.snippets import KEY, KEY_ID, Asked, snippets
from services.registry.pages.visits import Form, Visit, form_of, see, shown, visit_of
from understudy.contracts.refusals import Refusal
from understudy.contracts.vocabulary import (
    NAME_PATTERN,
    AccessLevel,
    Label,
    Scope,
    Task,
    class_name,
)
from understudy.describing import Described
from understudy.runtime.documents import Documents
from understudy.runtime.keys import Caller, ForbiddenError

_MOST_KEYS: Final = 200
_NAME: Final = re.compile(NAME_PATTERN)
_KEY_ID: Final = re.compile(r"[a-z0-9]{8,16}")


@dataclass(frozen=True, slots=True)
class Made:
    """A key at the one moment when it can be shown."""

    key: Key
    plaintext: str


@dataclass(frozen=True, slots=True)
class Keys:
    """What the reader may see and do of keys here."""

    held: frozenset[Scope] = frozenset()
    """What may be handed out; nothing for who hands out no keys."""
    valid: Sequence[Key] = ()
    ended: Sequence[Key] = ()
    more: bool = False


class Usages:
    """One page for each deployment."""

    def __init__(self, documents: Documents, operations: Operations) -> None:
        self._documents = documents
        self._operations = operations

    async def show(self, request: Request) -> Response:
        """`GET /deployments/{deployment}`."""
        revoked = request.query_params.get("done") == "revoked"
        done = "The key is revoked; nobody gets in with it any more." if revoked else None
        return await run_in_threadpool(self._page, visit_of(request), _name(request), done=done)

    async def change(self, request: Request) -> Response:
        """`POST /deployments/{deployment}`: make a key, or revoke one."""
        visit, name, form = visit_of(request), _name(request), await form_of(request)
        return await run_in_threadpool(self._change, visit, name, form)

    def _change(self, visit: Visit, name: str, form: Form) -> Response:
        keeper, filled = visit.caller.wanting(Scope.ADMIN, Scope.DEPLOY), KeyForm()
        try:
            found = self._usage(visit, name).deployment
            if not keeper.able(name, found.project):
                raise ForbiddenError("Keys are made and revoked by who may deploy here.")
            match form.text("do"):
                case "issue":
                    filled = entered(form)
                    made = Made(*self._operations.keys.issue(keeper, wish(filled, name)))
                    return self._page(visit, name, made=made)
                case "revoke":
                    self._operations.keys.revoke(keeper, _key_id(form.text("key")))
                    return see(f"/deployments/{name}?done=revoked")
                case _:
                    raise InvalidFormError("The form says nothing to do.")
        except Refusal as refusal:
            return self._page(visit, name, refusal=refusal, form=filled)

    def _usage(self, visit: Visit, name: str) -> Usage:
        """Raises NotFoundError, in the same words for who may not read it."""
        if not _NAME.fullmatch(name):
            raise not_found("deployment", name)
        try:
            return self._operations.descriptions.usage(visit.caller.wanting(Scope.READ), name)
        except ForbiddenError as forbidden:
            raise not_found("deployment", name) from forbidden

    def _page(
        self,
        visit: Visit,
        name: str,
        *,
        refusal: Refusal | None = None,
        done: str | None = None,
        form: KeyForm | None = None,
        made: Made | None = None,
    ) -> Response:
        try:
            usage = self._usage(visit, name)
            keys = self._keys(visit.caller, usage.deployment)
        except Refusal as missing:
            return shown(self._documents, "missing.html", visit, refusal=missing)
        filled, described, found = form or KeyForm(), usage.described, usage.deployment
        reached = self._operations.descriptions.reached
        asked = Asked(described, reached)
        if made is not None:
            asked = Asked(described, reached, made.plaintext, made.key.id)
        state, mark = standing_of(self._operations.followers.heard(), found)
        return shown(
            self._documents,
            "usage.html",
            visit,
            refusal=refusal,
            done=done,
            bad={error.pointer.removeprefix("/") for error in refusal.errors} if refusal else set(),
            found=found,
            described=described,
            access=ACCESS[found.access],
            public=found.access is AccessLevel.PUBLIC,
            state=state,
            mark=mark,
            serving=reached.serving,
            snippets=snippets(asked),
            dialects=dialect_snippets(asked),
            blanks=sorted((asked.key_id, asked.key), key=len, reverse=True),
            waits=made is None and asked.keyed,
            features=features_of(described.signature, described.policy),
            target=described.signature.target,
            groups=groups_of(usage.document, _known(described)),
            keys=keys,
            scopes=choices(filled, keys.held),
            form=filled,
            made=made,
            today=datetime.now(UTC).date().isoformat(),
            placeholders=(KEY, KEY_ID),
        )

    def _keys(self, caller: Caller, found: Deployment) -> Keys:
        keeper = caller.wanting(Scope.ADMIN, Scope.DEPLOY)
        if not keeper.able(found.name, found.project):
            return Keys()
        page = self._operations.keys.opening(keeper, found, Paging(_MOST_KEYS))
        newest = sorted(page.items, key=lambda key: key.created_at, reverse=True)
        now = datetime.now(UTC)
        return Keys(
            held=caller.scopes_at(found.name, found.project),
            valid=[key for key in newest if key.valid(now)],
            ended=[key for key in newest if not key.valid(now)],
            more=page.next_cursor is not None,
        )


def _name(request: Request) -> str:
    name: str = request.path_params["deployment"]
    return name


def _key_id(text: str) -> str:
    if not _KEY_ID.fullmatch(text):
        raise not_found("key", text[:20])
    return text


def _known(described: Described) -> dict[str, object]:
    target = described.signature.target
    if target.task is Task.REGRESSION:
        return known_of(described.name, described.model, described.version, 0.5, {})
    label: Label = target.classes[0]
    names = [class_name(each) for each in target.classes]
    rest = round(0.1 / max(1, len(names) - 1), 3)
    shares: dict[str, object] = dict.fromkeys(names, rest)
    shares[names[0]] = 0.9
    return known_of(described.name, described.model, described.version, label, shares)
