"""What was main when and why, and what was done in a period."""

from typing import Annotated

from fastapi import APIRouter, Query

from services.registry.api.edge import PathName, Reader, Verbs
from services.registry.api.history_views import main_view, report_view
from understudy.contracts.history import AuditReport, MainAt
from understudy.contracts.moments import Moment

router = APIRouter(prefix="/v1")

_At = Annotated[Moment | None, Query()]


@router.get("/deployments/{deployment}/main")
def main_at(caller: Reader, verbs: Verbs, deployment: PathName, at: _At = None) -> MainAt:
    """Which version was main at a moment, now unless one is named, by whose decision and why."""
    return main_view(verbs.history.main_at(caller, deployment, at))


@router.get("/deployments/{deployment}/audit-report")
def audit_report(
    caller: Reader, verbs: Verbs, deployment: PathName, since: _At = None, until: _At = None
) -> AuditReport:
    """Releases, mains, decisions and keys of a period, and whether the trail is whole."""
    return report_view(verbs.history.report(caller, deployment, since, until))
