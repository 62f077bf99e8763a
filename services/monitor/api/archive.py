"""Parts of the archive: a list of them, and each as a Parquet file."""

from datetime import UTC, datetime
from typing import Annotated, Final, Literal

from fastapi import APIRouter, Depends, Request, Response
from pydantic import AwareDatetime, Field

from services.monitor.api.bodies import query_of
from services.monitor.api.door import Readable
from services.monitor.domain.errors import UnknownPartError
from services.monitor.domain.parts import EntryId, StoredPart, Stream
from services.monitor.operations import Watch
from services.monitor.operations.history import HANDED_OUT, History
from understudy.contracts.registry import Body, Page
from understudy.contracts.replays import ArchivePart
from understudy.runtime.describing import asks, gives

_PARQUET: Final = "application/vnd.apache.parquet"


class ArchiveQuery(Body):
    """Which parts."""

    stream: Literal["predictions", "pairs", "labels"] = "predictions"
    since: AwareDatetime | None = None
    until: AwareDatetime | None = None
    limit: Annotated[int, Field(ge=1, le=1_000)] = 100
    cursor: str | None = None


def archive_routes(readable: Readable, history: History) -> APIRouter:
    """`GET …/archive` and `GET …/archive/{stream}/{part}`."""
    router = APIRouter()

    @router.get("/v1/deployments/{deployment}/archive", openapi_extra=asks(ArchiveQuery))
    async def parts(
        watch: Annotated[Watch, Depends(readable)], request: Request
    ) -> Page[ArchivePart]:
        asked = query_of(request, ArchiveQuery)
        name, stream = watch.deployment.name, Stream(asked.stream)
        found = await history.parts(name, stream, asked.since, asked.until)
        views = [_view(each) for each in found]
        # Milliseconds since the epoch have 13 digits until 2286: names sort by time.
        left = [view for view in views if asked.cursor is None or view.name > asked.cursor]
        more = left[asked.limit - 1].name if len(left) > asked.limit else None
        return Page(items=tuple(left[: asked.limit]), next_cursor=more)

    @router.get(
        "/v1/deployments/{deployment}/archive/{stream}/{part}",
        response_class=Response,
        responses=gives(_PARQUET, "The part."),
    )
    async def part(watch: Annotated[Watch, Depends(readable)], stream: str, part: str) -> Response:
        if stream not in HANDED_OUT:
            raise UnknownPartError(f"The archive hands out {', '.join(sorted(HANDED_OUT))}.")
        content = await history.read(watch.deployment.name, Stream(stream), part)
        headers = {"Cache-Control": "private, no-store"}
        return Response(content, media_type=_PARQUET, headers=headers)

    return router


def _view(stored: StoredPart) -> ArchivePart:
    part = stored.part
    return ArchivePart(
        name=part.name,
        stream=part.stream,
        rows=part.rows,
        size_bytes=stored.size_bytes,
        begins=_moment(part.first),
        ends=_moment(part.last),
    )


def _moment(entry: EntryId) -> datetime:
    return datetime.fromtimestamp(entry.milliseconds / 1_000, UTC)
