"""Predictions of a window of time: from the log in Redis, and from the archive where it is gone."""

import asyncio
import io
from collections.abc import AsyncIterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, Final

import numpy as np
import pyarrow.parquet as pq
import structlog
from redis.asyncio import Redis

from services.monitor.adapters.archive.tables import FEATURE
from services.monitor.adapters.event_log import read_predictions
from services.monitor.domain.parts import START, EntryId, PartId, Stream
from services.monitor.domain.reports import Span
from services.monitor.domain.rows import PredictionRows, Responses
from services.monitor.domain.sampling import EvenSample
from services.monitor.ports import Archive, PastRows
from understudy.contracts import events
from understudy.inference.row_times import times_of
from understudy.profiles.columns import Column
from understudy.profiles.reading import column_of

_PAGE_ENTRIES: Final = 200
_MOST_ENTRIES: Final = 50_000
_LATE_SECONDS: Final = 3_600.0
"""How much later than it was answered a row may be logged; clocks may differ the other way."""
_CLOCK_SECONDS: Final = 60.0
_DAY: Final = 86_400.0


class RedisPast:
    """Implements `ports.Past` as far back as the stream reaches."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis

    async def between(
        self, deployment: str, span: Span, most_rows: int, main: int | None = None
    ) -> PastRows:
        """By entry id, which is when a row was logged; then by when it was answered."""
        sample = EvenSample(most_rows, main)
        until = await self.gather(deployment, span, sample)
        reaches = await self.reaches_back(deployment)
        return PastRows(sample.rows(), sample.seen, reaches, until)

    async def reaches_back(self, deployment: str) -> float | None:
        """When the oldest entry was logged."""
        oldest: Any = await self._redis.xrange(events.predictions_key(deployment), count=1)
        return _logged_at(oldest[0][0]) if oldest else None

    async def gather(
        self, deployment: str, span: Span, sample: EvenSample, after: EntryId = START
    ) -> float | None:
        """Rows of entries after one, into a sample; until when, if there were too many entries."""
        entries = 0
        async for page in self._pages(events.predictions_key(deployment), span, after):
            for entry in read_predictions(page):
                sample.add(span.holds(entry))
            entries += len(page)
            if entries >= _MOST_ENTRIES:
                return _logged_at(page[-1][0])
        return None

    async def _pages(self, key: str, span: Span, after: EntryId) -> AsyncIterator[Any]:
        begins = EntryId(max(0, round((span.begins - _CLOCK_SECONDS) * 1_000)), 0)
        since = str(begins) if begins > after else f"({after}"
        last = str(max(0, round((span.ends + _LATE_SECONDS) * 1_000)))
        while True:
            page: Any = await self._redis.xrange(key, since, last, count=_PAGE_ENTRIES)
            if page:
                yield page
            if len(page) < _PAGE_ENTRIES:
                return
            since = f"({page[-1][0].decode()}"


class ArchivedPast:
    """Implements `ports.Past` over the log and, for what is older, the archive."""

    def __init__(self, log: RedisPast, archive: Archive) -> None:
        self._log = log
        self._archive = archive

    async def between(
        self, deployment: str, span: Span, most_rows: int, main: int | None = None
    ) -> PastRows:
        """From the archive where the log does not reach back; from the log alone where it fails."""
        reaches = await self._log.reaches_back(deployment)
        if reaches is None or reaches > span.begins:
            try:
                return await self._older(deployment, span, EvenSample(most_rows, main), reaches)
            except (OSError, TimeoutError) as error:
                structlog.stdlib.get_logger().warning(
                    "archive_not_read", deployment=deployment, error=type(error).__name__
                )
        return await self._log.between(deployment, span, most_rows, main)

    async def _older(
        self, deployment: str, span: Span, sample: EvenSample, reaches: float | None
    ) -> PastRows:
        """The archive as far as it goes, then what of the log is not in it yet."""
        last = START
        for part in await self._parts(deployment, span):
            last, first = part.last, _seconds(part.first)
            reaches = first if reaches is None else min(reaches, first)
            if _seconds(last) >= span.begins - _CLOCK_SECONDS:
                content = await self._archive.read(part)
                for entry in await asyncio.to_thread(archived_rows, content):
                    sample.add(span.holds(entry))
        until = await self._log.gather(deployment, span, sample, last)
        return PastRows(sample.rows(), sample.seen, reaches, until)

    async def _parts(self, deployment: str, span: Span) -> list[PartId]:
        """Parts of the window's days, of the one before, and until rows of it can't be logged."""
        days = [
            datetime.fromtimestamp(at, UTC).date()
            for at in (max(0.0, span.begins - _DAY), span.ends + _LATE_SECONDS)
        ]
        stored = await self._archive.parts(deployment, Stream.PREDICTIONS, days[0], days[1])
        return [one.part for one in stored if _seconds(one.part.first) <= span.ends + _LATE_SECONDS]


def archived_rows(content: bytes) -> list[PredictionRows]:
    """Rows of a file of the archive, by release; what was answered is left out."""
    table = pq.read_table(io.BytesIO(content))
    features: Mapping[str, Column] = {
        name.removeprefix(FEATURE): column_of(
            table[name], numeric=not str(table.schema.field(name).type).startswith("string")
        )
        for name in table.column_names
        if name.startswith(FEATURE)
    }
    rows = table.num_rows
    whole = PredictionRows(
        release=0,
        main=0,
        ids=table["prediction_id"].to_pylist(),
        at=times_of(table["predicted_at"]),
        seconds=np.full(rows, np.nan),
        columns=features,
        responses=Responses(np.full(rows, np.nan)),
    )
    mains = table["main"].to_numpy()
    return [
        replace(whole.take(np.flatnonzero(mains == main)), main=int(main))
        for main in np.unique(mains)
    ]


def _logged_at(name: bytes) -> float:
    return int(name.partition(b"-")[0]) / 1_000


def _seconds(entry: EntryId) -> float:
    return entry.milliseconds / 1_000
