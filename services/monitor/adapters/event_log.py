"""The log in Redis Streams: entries come as columns and leave as the domain's rows."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, TypeVar

import msgspec
import numpy as np
import structlog
from redis.asyncio import Redis

from services.monitor.domain.accounting import Delivery, Positions
from services.monitor.domain.errors import MalformedRowsError
from services.monitor.domain.probes import FreshRows
from services.monitor.domain.rows import (
    LabelRows,
    PairRows,
    PredictionRows,
    ProtectedRows,
    Responses,
)
from understudy.contracts import events
from understudy.profiles.arrays import Floats
from understudy.profiles.columns import Column

StreamEntry = tuple[bytes, Mapping[bytes, bytes] | None]
Rows = TypeVar("Rows", PredictionRows, PairRows, LabelRows, ProtectedRows)

_PAGE_ENTRIES: Final = 500
_MOST_PAGES: Final = 40
_FRESH_PAGE_ENTRIES: Final = 50
_UNREADABLE: Final = (msgspec.DecodeError, MalformedRowsError, ValueError, KeyError)
"""What a broken entry raises; UnknownSchemaError is a ValueError too, but is let through."""


class RedisEventLog:
    """Implements `ports.EventLog`."""

    def __init__(self, redis: Redis, *, batch_entries: int, wait_seconds: float) -> None:
        self._redis = redis
        self._batch_entries = batch_entries
        self._wait_milliseconds = max(1, round(wait_seconds * 1000))

    async def read(self, deployment: str, after: Positions) -> Delivery:
        """One XREAD over the four streams."""
        keys = _keys(deployment)
        answer: Any = await self._redis.xread(
            dict(zip(keys, _ids(after), strict=True)),
            count=self._batch_entries,
            block=self._wait_milliseconds,
        )
        found = dict(_streams(answer))
        entries = [found.get(key.encode(), []) for key in keys]
        predictions, pairs, labels, protected = entries
        answered = read_predictions(predictions)
        paired = _decoded(pairs, lambda f: pair_rows(events.decode_pairs(f)))
        labelled = _decoded(labels, lambda f: label_rows(events.decode_labels(f)))
        grouped = _decoded(protected, lambda f: protected_rows(events.decode_protected(f)))
        read = len(answered) + len(paired) + len(labelled) + len(grouped)
        return Delivery(
            positions=Positions(*map(_last, entries, _ids(after))),
            predictions=tuple(answered),
            pairs=tuple(paired),
            labels=tuple(labelled),
            protected=tuple(grouped),
            malformed=sum(map(len, entries)) - read,
            more=any(len(stream) >= self._batch_entries for stream in entries),
        )

    async def newest(self, deployment: str, rows: int, seconds: float) -> list[PredictionRows]:
        """XREVRANGE page by page, until there are enough rows or they are too old."""
        found: list[PredictionRows] = []
        before, held, since = "+", 0, float("-inf")
        for _ in range(_MOST_PAGES):
            page: Any = await self._redis.xrevrange(
                events.predictions_key(deployment), max=before, count=_PAGE_ENTRIES
            )
            for entry in read_predictions(page):
                answered_at = float(entry.at.max(initial=0.0))
                since = since if found else answered_at - seconds
                if held >= rows or answered_at < since:
                    return found[::-1]
                found.append(entry)
                held += len(entry.ids)
            if len(page) < _PAGE_ENTRIES:
                break
            before = f"({page[-1][0].decode()}"
        return found[::-1]

    async def newest_after(self, deployment: str, after: str, rows: int) -> FreshRows:
        """XREVRANGE page by page, until there are enough rows or the position is reached."""
        found: list[PredictionRows] = []
        before, position, held = "+", after, 0
        for _ in range(_MOST_PAGES):
            page: Any = await self._redis.xrevrange(
                events.predictions_key(deployment),
                max=before,
                min=f"({after}",
                count=_FRESH_PAGE_ENTRIES,
            )
            if page and before == "+":
                position = page[0][0].decode()
            for entry in read_predictions(page):
                if held < rows:
                    found.append(entry)
                    held += len(entry.ids)
            if held >= rows or len(page) < _FRESH_PAGE_ENTRIES:
                break
            before = f"({page[-1][0].decode()}"
        return FreshRows(position, found[::-1])


def read_predictions(entries: Sequence[StreamEntry]) -> list[PredictionRows]:
    """Entries of the prediction stream; those that can't be read are left out."""
    return _decoded(entries, lambda fields: prediction_rows(events.decode_predictions(fields)))


def prediction_rows(entry: events.PredictionBatch) -> PredictionRows:
    """An entry of the prediction stream as the domain reads it."""
    return PredictionRows(
        release=entry.release,
        main=entry.main,
        ids=entry.ids,
        at=events.unpack(entry.at),
        seconds=events.unpack(entry.seconds),
        columns={column.name: _column(column) for column in entry.columns},
        responses=_responses(entry.scores),
    )


def pair_rows(entry: events.PairBatch) -> PairRows:
    """An entry of the pair stream as the domain reads it."""
    timed_main, timed_challenger = _timed(entry)
    return PairRows(
        release=entry.release,
        main=entry.main,
        challenger=entry.challenger,
        ids=entry.ids,
        at=events.unpack(entry.at),
        main_responses=_responses(entry.main_scores),
        challenger_responses=_responses(entry.challenger_scores),
        challenger_seconds=events.unpack(entry.challenger_seconds),
        outcomes=entry.outcomes,
        timed_main_seconds=timed_main,
        timed_challenger_seconds=timed_challenger,
    )


def label_rows(entry: events.LabelBatch) -> LabelRows:
    """An entry of the label stream as the domain reads it."""
    return LabelRows(
        prediction_ids=tuple(item.prediction_id for item in entry.items),
        labels=tuple(item.label for item in entry.items),
        received_at=tuple(item.received_at for item in entry.items),
        observed_at=tuple(item.observed_at for item in entry.items),
        sources=tuple(item.source for item in entry.items),
    )


def protected_rows(entry: events.ProtectedBatch) -> ProtectedRows:
    """An entry of the stream of protected attributes as the domain reads it."""
    return ProtectedRows(
        prediction_ids=tuple(item.prediction_id for item in entry.items),
        attributes=tuple(item.attributes for item in entry.items),
        received_at=tuple(item.received_at for item in entry.items),
    )


def _timed(entry: events.PairBatch) -> tuple[Floats, Floats]:
    """Durations of the timed rows at their places, NaN everywhere else."""
    main, challenger = np.full(len(entry.ids), np.nan), np.full(len(entry.ids), np.nan)
    main[entry.timed] = events.unpack(entry.timed_main_seconds)
    challenger[entry.timed] = events.unpack(entry.timed_challenger_seconds)
    return main, challenger


def _keys(deployment: str) -> tuple[str, str, str, str]:
    return (
        events.predictions_key(deployment),
        events.pairs_key(deployment),
        events.labels_key(deployment),
        events.protected_key(deployment),
    )


def _ids(after: Positions) -> tuple[str, str, str, str]:
    return after.predictions, after.pairs, after.labels, after.protected


def _streams(answer: Any) -> Sequence[tuple[bytes, list[StreamEntry]]]:
    """RESP2 answers a list of pairs or None; RESP3 a mapping with one more level."""
    if isinstance(answer, Mapping):
        return [(key, found[0]) for key, found in answer.items()]
    return answer or []


def _decoded(
    entries: Sequence[StreamEntry], decode: Callable[[Mapping[bytes, bytes]], Rows]
) -> list[Rows]:
    """The entries that can be read; the others are logged, and missing from the list."""
    found: list[Rows] = []
    for name, fields in entries:
        try:
            found.append(decode(fields or {}))
        except events.UnknownSchemaError:
            raise
        except _UNREADABLE as error:
            # Its message may hold a caller's value.
            structlog.stdlib.get_logger().warning(
                "malformed_entry", entry=name.decode(), error=type(error).__name__
            )
    return found


def _last(entries: Sequence[StreamEntry], before: str) -> str:
    return entries[-1][0].decode() if entries else before


def _column(column: events.Column) -> Column:
    return column.data if isinstance(column, events.CategoryColumn) else _floats(column.data)


def _floats(data: bytes) -> Floats:
    return events.unpack(data)


def _responses(scores: events.Scores) -> Responses:
    values = events.unpack(scores.values)
    if not scores.probabilities:
        return Responses(values, None, scores.classes)
    flat = events.unpack(scores.probabilities)
    return Responses(values, flat.reshape(values.size, len(scores.classes)), scores.classes)
