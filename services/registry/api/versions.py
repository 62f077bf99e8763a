"""Versions of a model, and the end of their review."""

from datetime import UTC, datetime

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from services.registry.api.edge import (
    Asked,
    PathName,
    PathNumber,
    Reader,
    Registrar,
    Reviewer,
    Verbs,
    page_of,
)
from services.registry.api.views import version_view
from services.registry.domain.versions import Lineage, VersionDraft
from understudy.contracts.registry import DecisionRequest, Page, VersionRequest, VersionView
from understudy.runtime.keys import Caller

router = APIRouter(prefix="/v1/models/{model}/versions")


@router.post("", status_code=201)
def register(caller: Registrar, verbs: Verbs, model: PathName, body: VersionRequest) -> VersionView:
    """Register a version whose files were uploaded before."""
    return version_view(verbs.catalogue.register(caller, _draft(caller, model, body)))


@router.get("")
def list_versions(
    *,
    caller: Reader,
    verbs: Verbs,
    model: PathName,
    asked: Asked,
    request: Request,
    response: Response,
) -> Page[VersionView]:
    """Versions, newest first."""
    found = verbs.catalogue.versions(caller, model, asked)
    return page_of(found, version_view, request, response)


@router.get("/{version}")
def show_version(caller: Reader, verbs: Verbs, model: PathName, version: PathNumber) -> VersionView:
    """One version."""
    return version_view(verbs.catalogue.version(caller, model, version))


@router.post("/{version}/decision")
def decide(
    caller: Reviewer, verbs: Verbs, model: PathName, version: PathNumber, body: DecisionRequest
) -> VersionView:
    """End a pending version's review."""
    decided = verbs.catalogue.decide(caller, model, version, body.decision, body.reason)
    return version_view(decided)


def _draft(caller: Caller, model: str, body: VersionRequest) -> VersionDraft:
    return VersionDraft(
        model=model,
        artifact=body.artifact,
        reference=body.reference,
        signature=body.signature,
        created_at=datetime.now(UTC),
        created_by=caller.actor,
        metrics=body.metrics,
        evaluation=body.evaluation,
        time_column=body.time_column,
        lineage=Lineage(**body.lineage.model_dump()),
        description=body.description,
    )
