"""The audit trail, and whether its chain is whole."""

from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import StringConstraints
from starlette.requests import Request
from starlette.responses import Response

from services.registry.api.edge import Admin, Asked, Verbs, page_of
from services.registry.api.history_views import verification_view
from services.registry.api.views import audit_view
from services.registry.domain.chain import Head
from services.registry.domain.verifying import Noted
from understudy.contracts.history import Verification
from understudy.contracts.registry import AuditView, Page, Sha256

router = APIRouter(prefix="/v1")

_Expected = Annotated[str, StringConstraints(pattern=r"^\d{1,18}:[0-9a-f]{64}$")]


@router.get("/audit")
def trail(
    caller: Admin, verbs: Verbs, asked: Asked, request: Request, response: Response
) -> Page[AuditView]:
    """The trail, newest first."""
    return page_of(verbs.trail.page(caller, asked), audit_view, request, response)


@router.get("/audit/verification")
def verification(
    caller: Admin,
    verbs: Verbs,
    head: Annotated[Sha256 | None, Query()] = None,
    expect: Annotated[_Expected | None, Query()] = None,
) -> Verification:
    """Whether the chain is whole, and holds what was noted elsewhere.

    `head` is a hash that some entry must have; `expect` is `SEQUENCE:HASH`, that of one entry.
    """
    sequence, _, digest = (expect or "").partition(":")
    noted = Noted(head, Head(int(sequence), digest) if expect else None)
    return verification_view(verbs.trail.verified(caller, noted))
