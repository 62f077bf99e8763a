"""Keys."""

from typing import Annotated

from fastapi import APIRouter, Path
from starlette.requests import Request
from starlette.responses import Response

from services.registry.api.edge import Asked, KeyKeeper, Verbs, page_of
from services.registry.api.views import key_view
from services.registry.domain.access import Reach
from services.registry.operations.keys import Wish
from understudy.contracts.registry import KeyIssued, KeyRequest, KeyView, Page

router = APIRouter(prefix="/v1")

PathKey = Annotated[str, Path(pattern="^[a-z0-9]{8,16}$")]


@router.post("/keys", status_code=201)
def issue(caller: KeyKeeper, verbs: Verbs, body: KeyRequest, response: Response) -> KeyIssued:
    """Issue a key. This answer alone carries it."""
    wish = Wish(
        body.name, body.scopes, Reach(body.deployment, body.project), body.expires_at, body.limits
    )
    key, plaintext = verbs.keys.issue(caller, wish)
    response.headers["Cache-Control"] = "no-store"
    return KeyIssued(**key_view(key).model_dump(), key=plaintext)


@router.get("/keys")
def list_keys(
    caller: KeyKeeper, verbs: Verbs, asked: Asked, request: Request, response: Response
) -> Page[KeyView]:
    """Keys, revoked ones too, without their secrets."""
    return page_of(verbs.keys.page(caller, asked), key_view, request, response)


@router.delete("/keys/{key_id}", status_code=204)
def revoke(caller: KeyKeeper, verbs: Verbs, key_id: PathKey) -> None:
    """Revoke a key, at once."""
    verbs.keys.revoke(caller, key_id)
