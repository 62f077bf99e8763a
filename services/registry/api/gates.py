"""Gates of projects, and what they make of a version."""

from typing import Annotated, Any, Final

from fastapi import APIRouter, Query
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from services.registry.api.edge import (
    Admin,
    Asked,
    IfMatch,
    PathName,
    PathNumber,
    Reader,
    Verbs,
    etag,
    page_of,
)
from services.registry.domain.gate import Written
from services.registry.domain.gate_texts import LONGEST_TEXT, InvalidGateError
from understudy.contracts.gate import Assessment
from understudy.contracts.gate_views import GateView
from understudy.contracts.refusals import FieldError
from understudy.contracts.registry import Page, Text
from understudy.runtime.validation import MediaTypeError

router = APIRouter(prefix="/v1")

_KINDS: Final = ("application/yaml", "text/yaml", "application/x-yaml", "application/json")
_BODY: Final[dict[str, Any]] = {
    "requestBody": {
        "required": True,
        "description": "The policy; what its members mean is in docs/gate.md.",
        "content": {
            "application/yaml": {"schema": {"type": "string", "maxLength": LONGEST_TEXT}},
            "text/yaml": {"schema": {"type": "string", "maxLength": LONGEST_TEXT}},
            "application/json": {"schema": {"type": "object"}},
        },
    }
}


@router.get("/projects/{project}/gate")
def show_gate(caller: Reader, verbs: Verbs, project: PathName, response: Response) -> GateView:
    """The policy that holds; its `ETag` is its number."""
    found = verbs.gates.show(caller, project)
    response.headers["ETag"] = etag(found.number)
    return _view(found)


@router.put("/projects/{project}/gate", openapi_extra=_BODY)
async def put_gate(
    *,
    caller: Admin,
    verbs: Verbs,
    project: PathName,
    request: Request,
    if_match: IfMatch,
    response: Response,
    reason: Annotated[Text, Query()] = "",
) -> GateView:
    """Have another policy hold from now on, as YAML or JSON."""
    text = _text(request.headers.get("content-type", ""), await request.body())
    made = await run_in_threadpool(verbs.gates.put, caller, project, text, reason, if_match)
    response.headers["ETag"] = etag(made.number)
    return _view(made)


@router.get("/projects/{project}/gate/versions")
def list_gates(
    *,
    caller: Reader,
    verbs: Verbs,
    project: PathName,
    asked: Asked,
    request: Request,
    response: Response,
) -> Page[GateView]:
    """All policies that the project has set, newest first."""
    return page_of(verbs.gates.history(caller, project, asked), _view, request, response)


@router.get("/models/{model}/versions/{version}/gate")
def assess(caller: Reader, verbs: Verbs, model: PathName, version: PathNumber) -> Assessment:
    """What stands between the version and its deployment, should the caller decide."""
    return verbs.gate.assessment(caller, model, version)


def _text(kind: str, content: bytes) -> str:
    named = kind.partition(";")[0].strip().lower()
    if named and named not in _KINDS:
        raise MediaTypeError(f"Send the policy as {' or '.join(_KINDS[:2])}, or {_KINDS[-1]}.")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InvalidGateError(FieldError("", "the text is not UTF-8")) from error


def _view(written: Written) -> GateView:
    return GateView(
        project=written.project,
        number=written.number,
        policy=written.policy,
        text=written.text,
        set_at=written.at,
        set_by=written.by,
        reason=written.reason,
    )
