"""Types that artifacts may hold, for administrators of the installation."""

from dataclasses import asdict
from typing import Annotated, Final

from fastapi import APIRouter, Path, Query
from starlette.requests import Request
from starlette.responses import Response

from services.registry.api.edge import Admin, Asked, Verbs, page_of
from services.registry.domain.trust import Asked as AskedType
from understudy.contracts.registry import Page
from understudy.contracts.trust import (
    TYPE_PATTERN,
    TrustDecision,
    TrustDecisionRequest,
    TrustView,
)
from understudy.contracts.vocabulary import TrustState

router = APIRouter(prefix="/v1/trust")

PathType = Annotated[str, Path(pattern=TYPE_PATTERN, max_length=300)]
State = Annotated[TrustState | None, Query(description="Only those that stand so.")]

_STATES: Final = {
    TrustDecision.TRUST: TrustState.TRUSTED,
    TrustDecision.DENY: TrustState.DENIED,
}


@router.get("")
def list_types(
    *,
    caller: Admin,
    verbs: Verbs,
    asked: Asked,
    request: Request,
    response: Response,
    state: State = None,
) -> Page[TrustView]:
    """Types that were asked for, by name."""
    return page_of(verbs.trust.page(caller, state, asked), trust_view, request, response)


@router.post("/{type}/decision")
def decide_type(
    caller: Admin,
    verbs: Verbs,
    type: PathType,  # noqa: A002 - the path's own word
    body: TrustDecisionRequest,
) -> TrustView:
    """Trust a type, or deny it. What was decided last holds for whatever is loaded from then on."""
    state = _STATES[body.decision]
    return trust_view(verbs.trust.decide(caller, type, state, body.reason))


def trust_view(asked: AskedType) -> TrustView:
    """A type as it is told."""
    return TrustView(**asdict(asked))
