"""A challenger's responses to rows that the main answered: as many as possible in one call."""

import time
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from services.serving.domain.scoring import Loaded
from services.serving.operations.wire import scores_of
from understudy.contracts.events import (
    CategoryColumn,
    NumberColumn,
    PairBatch,
    PredictionBatch,
    pack,
    unpack,
)
from understudy.contracts.vocabulary import Outcome
from understudy.inference.rows import Rows, joined
from understudy.inference.scored import Scored


@dataclass(frozen=True, slots=True)
class Responses:
    """Answers to n rows, NaN where scoring failed."""

    scored: Scored
    seconds: NDArray[np.float64]
    failed: NDArray[np.bool_]
    error: str | None

    def part(self, start: int, stop: int) -> "Responses":
        """Those to some of the rows."""
        found = self.scored.probabilities
        return Responses(
            Scored(self.scored.values[start:stop], None if found is None else found[start:stop]),
            self.seconds[start:stop],
            self.failed[start:stop],
            self.error if self.failed[start:stop].any() else None,
        )


def respond(challenger: Loaded, batches: Sequence[PredictionBatch]) -> list[PairBatch]:
    """Pairs for every row of every batch, in their order."""
    rows = [rows_of(challenger, batch) for batch in batches]
    fitting = [found for found in rows if found is not None]
    responses = score(challenger, joined(fitting)) if fitting else None
    pairs: list[PairBatch] = []
    start = 0
    for batch, found in zip(batches, rows, strict=True):
        if found is None or responses is None:
            pairs.append(_pair_batch(challenger, batch, _no_responses(len(batch.ids))))
            continue
        stop = start + len(found)
        pairs.append(_pair_batch(challenger, batch, responses.part(start, stop)))
        start = stop
    return pairs


def rows_of(challenger: Loaded, batch: PredictionBatch) -> Rows | None:
    """The rows of an entry, in the order of the challenger's features; None when they lack one.

    Versions of a deployment take the same features, but a deployment may have been deleted and
    made anew under the same name.
    """
    numbers = {c.name: unpack(c.data) for c in batch.columns if isinstance(c, NumberColumn)}
    texts = {c.name: c.data for c in batch.columns if isinstance(c, CategoryColumn)}
    plan = challenger.plan
    if not {*plan.numeric} <= numbers.keys() or not {*plan.categories} <= texts.keys():
        return None
    numeric = [numbers[name] for name in plan.numeric]
    return Rows(
        np.column_stack(numeric) if numeric else np.empty((len(batch.ids), 0)),
        tuple(texts[name] for name in plan.categories),
    )


def score(challenger: Loaded, rows: Rows) -> Responses:
    """One call for all rows; when it fails, one for each, so that one row spoils no other."""
    started = time.perf_counter()
    try:
        scored = challenger.runner.score(rows)
    except Exception:  # noqa: BLE001 - whatever a model raises
        return _score_singly(challenger, rows)
    share = (time.perf_counter() - started) / len(rows)
    return Responses(
        scored, np.full(len(rows), share), np.zeros(len(rows), dtype=np.bool_), error=None
    )


def _score_singly(challenger: Loaded, rows: Rows) -> Responses:
    count, classes = len(rows), len(challenger.signature.target.classes)
    values, seconds = np.full(count, np.nan), np.zeros(count)
    probabilities = np.full((count, classes), np.nan)
    failed = np.zeros(count, dtype=np.bool_)
    error: str | None = None
    gives_probabilities = False
    for index in range(count):
        started = time.perf_counter()
        try:
            scored = challenger.runner.score(rows.part(index, index + 1))
        except Exception as failure:  # noqa: BLE001 - whatever a model raises, it is an outcome
            failed[index] = True
            error = error or f"{type(failure).__name__}: {failure}"[:500]
        else:
            values[index] = scored.values[0]
            if scored.probabilities is not None:
                probabilities[index] = scored.probabilities[0]
                gives_probabilities = True
        seconds[index] = time.perf_counter() - started
    found = probabilities if gives_probabilities else None
    return Responses(Scored(values, found), seconds, failed, error)


def _no_responses(rows: int) -> Responses:
    return Responses(
        Scored(np.full(rows, np.nan)),
        np.zeros(rows),
        np.ones(rows, dtype=np.bool_),
        "the rows lack features that this version needs",
    )


def _pair_batch(challenger: Loaded, batch: PredictionBatch, responses: Responses) -> PairBatch:
    return PairBatch(
        deployment=batch.deployment,
        release=batch.release,
        main=batch.main,
        challenger=challenger.version,
        ids=batch.ids,
        at=batch.at,
        main_scores=batch.scores,
        main_seconds=batch.seconds,
        challenger_scores=scores_of(challenger.signature.target, responses.scored),
        challenger_seconds=pack(responses.seconds),
        outcomes=[Outcome.ERROR if failed else Outcome.OK for failed in responses.failed],
        error=responses.error,
    )
