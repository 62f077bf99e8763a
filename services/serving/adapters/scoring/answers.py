"""A challenger's answers to entries of the log: all rows in one call, pairs by release."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import msgspec
import numpy as np

from services.serving.adapters.scoring.frames import Fields, Group, Scored
from services.serving.adapters.scoring.models import Model
from services.serving.adapters.scoring.pairs import (
    MOST_ERROR,
    by_release,
    is_whole,
    pairs_of,
    unanswered,
)
from services.serving.adapters.scoring.timing import UNTIMED, Timed, Timing
from services.serving.operations.wire import scores_of
from understudy.contracts.events import (
    Floats,
    PairBatch,
    PredictionBatch,
    decode_predictions,
    encode,
    pack,
    unpack,
)
from understudy.contracts.vocabulary import Outcome
from understudy.inference.rows import Rows, joined
from understudy.inference.scored import Scored as ModelScored
from understudy.inference.validity import check_answers, check_shapes, faults

_UNFIT: Final = "the rows lack features that this version needs"


@dataclass(frozen=True, slots=True)
class _Entry:
    index: int
    batch: PredictionBatch
    rows: Rows | None


@dataclass(frozen=True, slots=True)
class _Share:
    """Entries whose pairs become one entry, and all their rows."""

    entries: Sequence[_Entry]
    rows: Rows


@dataclass(frozen=True, slots=True)
class _Answers:
    """To n rows: NaN where scoring failed."""

    scored: ModelScored
    seconds: Floats
    failed: Sequence[int] = ()
    error: str | None = None


_NONE: Final = _Answers(ModelScored(np.empty(0)), np.empty(0))


def answer(challenger: Model, entries: Sequence[Fields], timing: Timing | None) -> Scored:
    """Pairs for every row of every entry that can be read. Raises MemoryError alone."""
    found = [_read(challenger, index, fields) for index, fields in enumerate(entries)]
    fit = [entry for entry in found if entry is not None and entry.rows is not None]
    unfit = [entry for entry in found if entry is not None and entry.rows is None]
    shares = [_share(group) for group in by_release(fit, _batch)]
    started = time.perf_counter()
    answers = _score(challenger, joined([share.rows for share in shares])) if shares else _NONE
    seconds = time.perf_counter() - started
    written = [_unfit(challenger, group) for group in by_release(unfit, _batch)]
    start = 0
    for share in shares:
        part = _part(answers, start, start + len(share.rows))
        written.append(_answered(challenger, share, part, timing))
        start += len(share.rows)
    corrupt = [index for index, entry in enumerate(found) if entry is None]
    return Scored(groups=written, corrupt=corrupt, seconds=seconds)


def _read(challenger: Model, index: int, fields: Fields) -> _Entry | None:
    try:
        batch = decode_predictions(fields)
    except (msgspec.MsgspecError, KeyError, ValueError):
        return None
    return _Entry(index, batch, challenger.layout.rows_of(batch)) if is_whole(batch) else None


def _batch(entry: _Entry) -> PredictionBatch:
    return entry.batch


def _share(group: Sequence[_Entry]) -> _Share:
    rows = joined([entry.rows for entry in group if entry.rows is not None])
    return _Share(group, Rows(np.ascontiguousarray(rows.numbers), rows.texts))


def _score(challenger: Model, rows: Rows) -> _Answers:
    """One call for all rows; when it fails, one for each, so that one row spoils no other."""
    count, classes = len(rows), len(challenger.target.classes)
    started = time.perf_counter()
    try:
        scored = challenger.runner.score(rows)
        seconds = time.perf_counter() - started
        check_shapes(scored, count, classes)
    except MemoryError:
        raise
    except Exception:  # noqa: BLE001 - whatever a model raises
        return _score_singly(challenger, rows)
    return _without_faults(scored, classes, np.full(count, seconds / count))


def _without_faults(scored: ModelScored, classes: int, seconds: Floats) -> _Answers:
    """What is no answer is a failure, as it is of a main version; other rows keep theirs."""
    found = faults(scored, classes)
    if not found:
        return _Answers(scored, seconds)
    wrong = np.logical_or.reduce([rows for rows, _ in found])
    values, likely = np.where(wrong, np.nan, scored.values), scored.probabilities
    if likely is not None:
        likely = np.where(wrong.reshape(-1, 1), np.nan, likely)
    failed = np.flatnonzero(wrong).tolist()
    return _Answers(ModelScored(values, likely), seconds, failed, found[0][1])


def _score_singly(challenger: Model, rows: Rows) -> _Answers:
    count, classes = len(rows), len(challenger.target.classes)
    values, seconds = np.full(count, np.nan), np.zeros(count)
    probabilities: Floats | None = None
    failed, error = list[int](), None
    for index in range(count):
        started = time.perf_counter()
        try:
            scored = challenger.runner.score(rows.part(index, index + 1))
            check_answers(scored, 1, classes)
        except MemoryError:
            raise
        except Exception as failure:  # noqa: BLE001 - whatever a model raises, it is an outcome
            failed.append(index)
            error = error or f"{type(failure).__name__}: {failure}"[:MOST_ERROR]
        else:
            values[index] = scored.values[0]
            if scored.probabilities is not None:
                if probabilities is None:
                    probabilities = np.full((count, classes), np.nan)
                probabilities[index] = scored.probabilities[0]
        seconds[index] = time.perf_counter() - started
    return _Answers(ModelScored(values, probabilities), seconds, failed, error)


def _part(answers: _Answers, start: int, stop: int) -> _Answers:
    failed = [index - start for index in answers.failed if start <= index < stop]
    return _Answers(
        answers.scored.part(start, stop),
        answers.seconds[start:stop],
        failed,
        answers.error if failed else None,
    )


def _answered(challenger: Model, share: _Share, answers: _Answers, timing: Timing | None) -> Group:
    batches = [entry.batch for entry in share.entries]
    scores = scores_of(challenger.target, answers.scored)
    pairs = pairs_of(batches, challenger.version, scores, answers.seconds)
    for index in answers.failed:
        pairs.outcomes[index] = Outcome.ERROR
    if timing is None:
        timed = UNTIMED
    else:
        # What either fails on is no time to compare.
        unanswered_by_main = np.flatnonzero(np.isnan(unpack(pairs.main_scores.values))).tolist()
        failed = {*answers.failed, *unanswered_by_main}
        timed = timing.take(challenger, pairs.main, share.rows, failed)
    return _written(
        share.entries,
        msgspec.structs.replace(
            pairs,
            error=answers.error,
            timed=timed.rows,
            timed_main_seconds=pack(timed.main),
            timed_challenger_seconds=pack(timed.challenger),
        ),
        len(answers.failed),
        timed,
    )


def _unfit(challenger: Model, group: Sequence[_Entry]) -> Group:
    batches = [entry.batch for entry in group]
    pairs = unanswered(batches, challenger.version, challenger.target, Outcome.ERROR, _UNFIT)
    return _written(group, pairs, len(pairs.ids), UNTIMED)


def _written(group: Sequence[_Entry], pairs: PairBatch, failed: int, timed: Timed) -> Group:
    return Group(
        entries=[entry.index for entry in group],
        rows=[len(entry.batch.ids) for entry in group],
        main=pairs.main,
        pairs=encode(pairs),
        failed=failed,
        timed_main=timed.main,
        timed_challenger=timed.challenger,
    )
