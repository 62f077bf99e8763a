"""Versions of a model, and the end of their review."""

from datetime import UTC, datetime
from typing import Any

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
from services.registry.api.jobs import Async, accepted
from services.registry.api.views import version_view
from services.registry.domain.jobs import Step
from services.registry.domain.versions import Lineage, Version, VersionDraft
from understudy.contracts.registry import (
    DecisionRequest,
    JobView,
    Page,
    VersionRequest,
    VersionView,
)
from understudy.runtime.keys import Caller

router = APIRouter(prefix="/v1/models/{model}/versions")


@router.post(
    "",
    status_code=201,
    response_model=VersionView,
    responses={202: {"model": JobView, "description": "It is being worked on."}},
)
def register(
    *,
    caller: Registrar,
    verbs: Verbs,
    model: PathName,
    body: VersionRequest,
    later: Async,
    response: Response,
) -> Any:
    """Register a version whose files were uploaded before.

    It is inspected, measured and compiled, which takes seconds to minutes: with
    `Prefer: respond-async` the answer is `202` at once, with the place of a job.
    """
    draft = _draft(caller, model, body)
    if not later:
        made = verbs.registration.register(caller, draft)
        response.headers["Location"] = _place(made)
        return version_view(made)
    project = verbs.catalogue.model(caller, model).project

    def work(step: Step) -> dict[str, object]:
        made = verbs.registration.register(caller, draft, step)
        return {"location": _place(made), "version": made.number}

    return accepted(verbs.jobs.begin(caller, "version.register", project, work))


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
    """End a pending version's review, if its project's gate is open, or against it."""
    decided = verbs.gate.decide(
        caller, model, version, body.decision, body.reason, override=body.override
    )
    return version_view(decided)


def _place(version: Version) -> str:
    return f"/v1/models/{version.draft.model}/versions/{version.number}"


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
        protected=body.protected,
        attestation=body.attestation,
        lineage=Lineage(**body.lineage.model_dump()),
        description=body.description,
    )
