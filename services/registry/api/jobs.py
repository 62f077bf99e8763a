"""Long work as a resource: `202`, `Location`, and how far it is."""

from collections.abc import Mapping
from typing import Annotated

from fastapi import APIRouter, Depends, Header, Path
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from services.registry.api.edge import Asked, Reader, Verbs, page_of
from services.registry.domain.jobs import Job
from understudy.contracts.refusals import Fault
from understudy.contracts.registry import JobView, Page
from understudy.runtime.http import STATUS

router = APIRouter(prefix="/v1/jobs")

_ASYNC = "respond-async"
PathJob = Annotated[str, Path(pattern="^[0-9a-f]{12}-[0-9a-f]{16}$")]


def _prefers_async(prefer: Annotated[str | None, Header()] = None) -> bool:
    """Whether `Prefer` asks not to wait (RFC 7240)."""
    wishes = (wish.partition(";")[0].strip().lower() for wish in (prefer or "").split(","))
    return _ASYNC in wishes


Async = Annotated[bool, Depends(_prefers_async)]


@router.get("")
def list_jobs(
    caller: Reader, verbs: Verbs, asked: Asked, request: Request, response: Response
) -> Page[JobView]:
    """Jobs, newest first: one's own, and those of projects within reach. Kept for a week."""
    return page_of(verbs.jobs.page(caller, asked), job_view, request, response)


@router.get("/{job}")
def show_job(caller: Reader, verbs: Verbs, job: PathJob, response: Response) -> JobView:
    """How far one is."""
    view = job_view(verbs.jobs.find(caller, job))
    if view.ended_at is None:
        response.headers["Retry-After"] = "1"
    return view


def accepted(job: Job) -> Response:
    """`202`: it is being worked on."""
    headers = {
        "Location": f"/v1/jobs/{job.id}",
        "Preference-Applied": _ASYNC,
        "Retry-After": "1",
    }
    return JSONResponse(job_view(job).model_dump(mode="json"), 202, headers)


def job_view(job: Job) -> JobView:
    """A job."""
    return JobView(
        id=job.id,
        kind=job.kind,
        project=job.project,
        owner=job.owner,
        state=job.state,
        step=job.step,
        progress=job.progress,
        result=None if job.result is None else dict(job.result),
        problem=None if job.problem is None else _problem(job.problem),
        created_at=job.created_at,
        ended_at=job.ended_at,
    )


def _problem(problem: Mapping[str, object]) -> dict[str, object]:
    """As a refusal would have been answered."""
    told = {name: value for name, value in problem.items() if name != "fault"}
    return {**told, "status": STATUS[Fault(str(problem["fault"]))]}
