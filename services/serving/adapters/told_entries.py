"""Predictions made elsewhere → entries of the log: by version, and by who owes pairs for them."""

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from typing import Final, TypeVar

import numpy as np

from services.serving.domain.elsewhere import Said
from services.serving.domain.table import Live
from services.serving.operations.wire import scores_of
from services.serving.ports import ToldPair, ToldRow
from understudy.contracts.events import (
    Column,
    Entry,
    PairBatch,
    PredictionBatch,
    Scores,
    pack,
    pairs_key,
    predictions_key,
)
from understudy.contracts.signature import Signature
from understudy.contracts.vocabulary import Outcome
from understudy.inference.rows import Rows
from understudy.inference.scored import Scored

Item = TypeVar("Item")
ColumnsOf = Callable[[Signature, Rows], list[Column]]

_ROW_BYTES: Final = 120
_PAIR_BYTES: Final = 200
_FLOAT_BYTES: Final = 8


@dataclass(frozen=True, slots=True)
class ToldElsewhere:
    """What was told in one request, of one deployment, under one release."""

    deployment: str
    live: Live
    told_rows: Sequence[ToldRow]
    pairs: Sequence[ToldPair]

    @property
    def rows(self) -> int:
        """Rows and pairs in it."""
        return len(self.told_rows) + len(self.pairs)

    @property
    def size(self) -> int:
        """About how many bytes it takes."""
        features = len(self.live.main.signature.features)
        classes = len(self.live.main.classes)
        texts = sum(len(v) for row in self.told_rows for v in row.cells if isinstance(v, str))
        rows = len(self.told_rows) * (_ROW_BYTES + _FLOAT_BYTES * (features + classes)) + texts
        return rows + len(self.pairs) * (_PAIR_BYTES + 2 * _FLOAT_BYTES * classes)


def told_entries(told: ToldElsewhere, columns_of: ColumnsOf) -> list[tuple[str, Entry]]:
    """Entries, each with its stream's key: predictions before the pairs that belong to them."""
    name = told.deployment
    rows = _alike(told.told_rows, lambda one: (one.version, one.challengers, _form(one.said)))
    pairs = _alike(
        told.pairs,
        lambda one: (one.main, one.challenger, _form(one.main_said), _form(one.challenger_said)),
    )
    return [
        *((predictions_key(name), _predictions(told, group, columns_of)) for group in rows),
        *((pairs_key(name), _pairs(told, group)) for group in pairs),
    ]


def _predictions(
    told: ToldElsewhere, rows: Sequence[ToldRow], columns_of: ColumnsOf
) -> PredictionBatch:
    main, first = told.live.main, rows[0]
    return PredictionBatch(
        deployment=told.deployment,
        release=told.live.release,
        main=first.version,
        challengers=first.challengers,
        ids=[row.prediction_id for row in rows],
        at=pack([row.at for row in rows]),
        seconds=_seconds([row.said for row in rows]),
        columns=columns_of(main.signature, main.plan.rows([row.cells for row in rows])),
        scores=_scores(told.live, [row.said for row in rows]),
        elsewhere=True,
    )


def _pairs(told: ToldElsewhere, pairs: Sequence[ToldPair]) -> PairBatch:
    first = pairs[0]
    mains = [pair.main_said for pair in pairs]
    challengers = [pair.challenger_said for pair in pairs]
    return PairBatch(
        deployment=told.deployment,
        release=told.live.release,
        main=first.main,
        challenger=first.challenger,
        ids=[pair.prediction_id for pair in pairs],
        at=pack([pair.at for pair in pairs]),
        main_scores=_scores(told.live, mains),
        main_seconds=_seconds(mains),
        challenger_scores=_scores(told.live, challengers),
        challenger_seconds=_seconds(challengers),
        outcomes=[Outcome.ERROR if one.failed else Outcome.OK for one in challengers],
        error=next((pair.error for pair in pairs if pair.challenger_said.failed), None),
    )


def _scores(live: Live, answers: Sequence[Said]) -> Scores:
    likely = [one.probabilities for one in answers if one.probabilities is not None]
    found = np.array(likely) if likely else None
    return scores_of(
        live.main.signature.target, Scored(np.array([a.value for a in answers]), found)
    )


def _seconds(answers: Sequence[Said]) -> bytes:
    return pack([one.seconds for one in answers])


def _form(answer: Said) -> bool:
    """Answers go together when all of them have probabilities, or none."""
    return answer.probabilities is not None


def _alike(items: Sequence[Item], kind: Callable[[Item], Hashable]) -> list[list[Item]]:
    groups: dict[Hashable, list[Item]] = {}
    for item in items:
        groups.setdefault(kind(item), []).append(item)
    return [*groups.values()]
