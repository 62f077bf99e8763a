"""Predictions of a window of time: from the log in Redis, and from the archive where it is gone."""

import io
from collections.abc import AsyncIterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, Final

import numpy as np
import pyarrow.parquet as pq
from redis.asyncio import Redis

from services.monitor.adapters.archive.tables import FEATURE
from services.monitor.adapters.event_log import read_predictions
from services.monitor.adapters.references import column_of
from services.monitor.adapters.sample_times import times_of
from services.monitor.domain.parts import Stream
from services.monitor.domain.reports import Span
from services.monitor.domain.rows import Column, PredictionRows, Responses
from services.monitor.domain.sampling import EvenSample
from services.monitor.ports import Archive, Past, PastRows
from understudy.contracts import events

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

    async def between(self, deployment: str, span: Span, most_rows: int) -> PastRows:
        """By entry id, which is when a row was logged; then by when it was answered."""
        key, sample, entries = events.predictions_key(deployment), EvenSample(most_rows), 0
        until = None
        oldest: Any = await self._redis.xrange(key, count=1)
        async for page in self._pages(key, span):
            for entry in read_predictions(page):
                sample.add(span.holds(entry))
            entries += len(page)
            if entries >= _MOST_ENTRIES:
                until = _logged_at(page[-1][0])
                break
        reaches = _logged_at(oldest[0][0]) if oldest else None
        return PastRows(sample.rows(), sample.seen, reaches, until)

    async def _pages(self, key: str, span: Span) -> AsyncIterator[Any]:
        since = str(max(0, round((span.begins - _CLOCK_SECONDS) * 1_000)))
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

    def __init__(self, log: Past, archive: Archive) -> None:
        self._log = log
        self._archive = archive

    async def between(self, deployment: str, span: Span, most_rows: int) -> PastRows:
        """From the archive alone when the log does not reach back to the window's begin."""
        found = await self._log.between(deployment, span, most_rows)
        if found.reaches_back is not None and found.reaches_back <= span.begins:
            return found
        days = [
            datetime.fromtimestamp(at, UTC).date()
            for at in (max(0.0, span.begins - _DAY), span.ends + _LATE_SECONDS)
        ]
        parts = await self._archive.parts(deployment, Stream.PREDICTIONS, days[0], days[1])
        sample, last, reaches = EvenSample(most_rows), 0.0, found.reaches_back
        for part in (stored.part for stored in parts):
            first = part.first.milliseconds / 1_000
            reaches = first if reaches is None else min(reaches, first)
            last = part.last.milliseconds / 1_000
            if last >= span.begins - _CLOCK_SECONDS and first <= span.ends + _LATE_SECONDS:
                for entry in archived_rows(await self._archive.read(part)):
                    sample.add(span.holds(entry))
        # What the archive does not hold yet is in the log still.
        fresh = Span(max(span.begins, last), span.ends)
        for entry in found.entries if fresh.begins < fresh.ends else ():
            sample.add(fresh.holds(entry))
        return PastRows(sample.rows(), sample.seen, reaches, found.until)


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
        at=times_of(table["at"]),
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
