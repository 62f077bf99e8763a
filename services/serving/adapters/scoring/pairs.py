"""Entries of the prediction stream, in parts, and the pairs that come of them."""

from collections.abc import Callable, Sequence
from typing import Final, TypeVar

import msgspec
import numpy as np

from understudy.contracts.events import (
    CategoryColumn,
    Floats,
    NumberColumn,
    PairBatch,
    PredictionBatch,
    Scores,
    pack,
    unpack,
)
from understudy.contracts.signature import Target
from understudy.contracts.vocabulary import Outcome

Item = TypeVar("Item")

_FLOAT_BYTES: Final = 8
MOST_ERROR: Final = 500
"""Characters of a failure's message."""


def is_whole(batch: PredictionBatch) -> bool:
    """Whether every column has a value for each row."""
    rows, scores = len(batch.ids), batch.scores
    expected = _FLOAT_BYTES * rows
    return (
        rows > 0
        and len(batch.at) == len(batch.seconds) == len(scores.values) == expected
        and len(scores.probabilities) in {0, expected * len(scores.classes)}
        and all(
            len(column.data) == (expected if type(column) is NumberColumn else rows)
            for column in batch.columns
        )
    )


def by_release(
    items: Sequence[Item], batch_of: Callable[[Item], PredictionBatch]
) -> list[list[Item]]:
    """Items whose entries' pairs can be one entry, in the order of their first ones."""
    groups: dict[tuple[object, ...], list[Item]] = {}
    for item in items:
        batch = batch_of(item)
        scores = batch.scores
        key = (batch.release, batch.main, scores.classes, bool(scores.probabilities))
        groups.setdefault(key, []).append(item)
    return [*groups.values()]


def part_of(batch: PredictionBatch, start: int, stop: int) -> PredictionBatch:
    """Some rows of an entry, as an entry."""
    if start == 0 and stop >= len(batch.ids):
        return batch
    columns = [
        NumberColumn(name=column.name, data=_part(column.data, start, stop))
        if isinstance(column, NumberColumn)
        else CategoryColumn(name=column.name, data=column.data[start:stop])
        for column in batch.columns
    ]
    return msgspec.structs.replace(
        batch,
        ids=batch.ids[start:stop],
        at=_part(batch.at, start, stop),
        seconds=_part(batch.seconds, start, stop),
        columns=columns,
        scores=_part_of_scores(batch.scores, start, stop),
        overrides={},
    )


def pairs_part(pairs: PairBatch, start: int, stop: int) -> PairBatch:
    """Some rows of an entry of pairs, as an entry."""
    outcomes = pairs.outcomes[start:stop]
    timed = [place for place, index in enumerate(pairs.timed) if start <= index < stop]
    return msgspec.structs.replace(
        pairs,
        ids=pairs.ids[start:stop],
        at=_part(pairs.at, start, stop),
        main_scores=_part_of_scores(pairs.main_scores, start, stop),
        main_seconds=_part(pairs.main_seconds, start, stop),
        challenger_scores=_part_of_scores(pairs.challenger_scores, start, stop),
        challenger_seconds=_part(pairs.challenger_seconds, start, stop),
        outcomes=outcomes,
        error=None if all(outcome == Outcome.OK for outcome in outcomes) else pairs.error,
        timed=[pairs.timed[place] - start for place in timed],
        timed_main_seconds=_chosen(pairs.timed_main_seconds, timed),
        timed_challenger_seconds=_chosen(pairs.timed_challenger_seconds, timed),
    )


def pairs_joined(parts: Sequence[PairBatch]) -> PairBatch:
    """The rows of all parts, in order: parts of one release, one main, one set of classes."""
    if len(parts) == 1:
        return parts[0]
    starts = np.cumsum([0, *(len(part.ids) for part in parts)]).tolist()
    return msgspec.structs.replace(
        parts[0],
        ids=[name for part in parts for name in part.ids],
        at=b"".join(part.at for part in parts),
        main_scores=scores_joined([(part.main_scores, len(part.ids)) for part in parts]),
        main_seconds=b"".join(part.main_seconds for part in parts),
        challenger_scores=scores_joined(
            [(part.challenger_scores, len(part.ids)) for part in parts]
        ),
        challenger_seconds=b"".join(part.challenger_seconds for part in parts),
        outcomes=[outcome for part in parts for outcome in part.outcomes],
        error=next((part.error for part in parts if part.error is not None), None),
        timed=[s + index for s, part in zip(starts, parts, strict=False) for index in part.timed],
        timed_main_seconds=b"".join(part.timed_main_seconds for part in parts),
        timed_challenger_seconds=b"".join(part.timed_challenger_seconds for part in parts),
    )


def scores_joined(parts: Sequence[tuple[Scores, int]]) -> Scores:
    """Scores of so many rows each. Where others have probabilities, NaN for those without."""
    first, _ = parts[0]
    if len(parts) == 1:
        return first
    width = len(first.classes)
    some = any(scores.probabilities for scores, _ in parts)
    return Scores(
        values=b"".join([scores.values for scores, _ in parts]),
        probabilities=b"".join(
            [scores.probabilities or _nothing(rows * width) for scores, rows in parts]
        )
        if some
        else b"",
        classes=first.classes,
    )


def pairs_of(
    batches: Sequence[PredictionBatch], challenger: int, scores: Scores, seconds: Floats
) -> PairBatch:
    """Pairs of all rows of entries of one release, as one entry, as if all were answered."""
    first = batches[0]
    ids = [name for batch in batches for name in batch.ids]
    return PairBatch(
        deployment=first.deployment,
        release=first.release,
        main=first.main,
        challenger=challenger,
        ids=ids,
        at=b"".join([batch.at for batch in batches]),
        main_scores=scores_joined([(batch.scores, len(batch.ids)) for batch in batches]),
        main_seconds=b"".join([batch.seconds for batch in batches]),
        challenger_scores=scores,
        challenger_seconds=pack(seconds),
        outcomes=[Outcome.OK] * len(ids),
    )


def unanswered(
    batches: Sequence[PredictionBatch],
    challenger: int,
    target: Target,
    outcome: Outcome,
    error: str,
) -> PairBatch:
    """Pairs of rows that the challenger failed to answer, all for one reason."""
    rows = sum(len(batch.ids) for batch in batches)
    scores = Scores(values=_nothing(rows), classes=target.classes)
    pairs = pairs_of(batches, challenger, scores, np.zeros(rows))
    return msgspec.structs.replace(pairs, outcomes=[outcome] * rows, error=error[:MOST_ERROR])


def _nothing(count: int) -> bytes:
    return pack(np.full(count, np.nan))


def _part(data: bytes, start: int, stop: int, columns: int = 1) -> bytes:
    width = _FLOAT_BYTES * columns
    return data[start * width : stop * width]


def _part_of_scores(scores: Scores, start: int, stop: int) -> Scores:
    return Scores(
        values=_part(scores.values, start, stop),
        probabilities=_part(scores.probabilities, start, stop, len(scores.classes)),
        classes=scores.classes,
    )


def _chosen(data: bytes, places: Sequence[int]) -> bytes:
    return pack(unpack(data)[[*places]]) if places else b""
