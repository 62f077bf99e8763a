"""Parts of the archive: a list of them, and each as a Parquet file."""

from datetime import UTC, datetime
from enum import StrEnum
from typing import Annotated, Final

from fastapi import APIRouter, Depends, Query, Response
from pydantic import AwareDatetime

from services.monitor.api.door import Readable
from services.monitor.domain.parts import EntryId, StoredPart, Stream
from services.monitor.operations import Watch
from services.monitor.operations.history import History
from understudy.contracts.registry import Page
from understudy.contracts.replays import ArchivePart

_PARQUET: Final = "application/vnd.apache.parquet"


class HandedOut(StrEnum):
    """Streams whose parts may be had."""

    PREDICTIONS = "predictions"
    PAIRS = "pairs"
    LABELS = "labels"


def archive_routes(readable: Readable, history: History) -> APIRouter:
    """`GET …/archive` and `GET …/archive/{stream}/{part}`."""
    router = APIRouter()

    @router.get("/v1/deployments/{deployment}/archive")
    async def parts(
        *,
        watch: Annotated[Watch, Depends(readable)],
        stream: HandedOut = HandedOut.PREDICTIONS,
        since: AwareDatetime | None = None,
        until: AwareDatetime | None = None,
        limit: Annotated[int, Query(ge=1, le=1_000)] = 100,
        cursor: str | None = None,
    ) -> Page[ArchivePart]:
        found = await history.parts(watch.deployment.name, Stream(stream), since, until)
        left = [each for each in found if cursor is None or each.part.name > cursor]
        shown = [_view(each) for each in sorted(left, key=_name)[:limit]]
        more = shown[-1].name if len(left) > limit else None
        return Page(items=tuple(shown), next_cursor=more)

    @router.get("/v1/deployments/{deployment}/archive/{stream}/{part}")
    async def part(
        watch: Annotated[Watch, Depends(readable)], stream: HandedOut, part: str
    ) -> Response:
        content = await history.read(watch.deployment.name, Stream(stream), part)
        headers = {"Cache-Control": "private, no-store"}
        return Response(content, media_type=_PARQUET, headers=headers)

    return router


def _name(stored: StoredPart) -> str:
    return stored.part.name


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
