"""What followers live by: the snapshot, and their reports."""

from typing import Annotated

from fastapi import APIRouter, Query
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from services.registry.api.edge import Following, IfNoneMatch, Verbs, etag
from services.registry.operations.reach import require_whole
from understudy.contracts.registry import FollowerReport

router = APIRouter(prefix="/v1")


@router.get("/snapshot")
async def snapshot(
    caller: Following,
    verbs: Verbs,
    known: IfNoneMatch,
    wait: Annotated[float, Query(ge=0, allow_inf_nan=False)] = 0.0,
) -> Response:
    """The desired state, once it has another number than the caller knows; 304 until then."""
    newer = await verbs.snapshots.newer_than(caller, known, wait)
    if newer is None:
        return Response(status_code=304, headers={"ETag": etag(known or 0)})
    headers = {"ETag": etag(newer.sequence), "Cache-Control": "no-store"}
    return Response(newer.model_dump_json(), headers=headers, media_type="application/json")


@router.post("/followers", status_code=204)
async def report(caller: Following, verbs: Verbs, body: FollowerReport) -> None:
    """Take what a process has loaded. It is heard for 90 s, so processes repeat themselves."""
    require_whole(caller, "Reporting as a follower")
    await run_in_threadpool(verbs.followers.report, body)
