"""Rows of answers: predictions and what challengers said to them."""

from collections.abc import Sequence
from typing import Final

import numpy as np
from sqlalchemy import Connection, bindparam, update

from services.monitor.adapters.outcome_store.bulk import (
    Rows,
    add_rows,
    add_unless_there,
    ids_of,
    is_among,
)
from services.monitor.adapters.outcome_store.tables import answers, pairs
from services.monitor.domain.outcomes.arriving import Said
from services.monitor.domain.outcomes.facts import Answers

_OTHER_PREDICTION: Final = (
    update(answers)
    .where(answers.c.deployment == bindparam("whose"), answers.c.id == bindparam("named"))
    .values(
        at=bindparam("made"),
        main=bindparam("who"),
        tenure=bindparam("under"),
        value=bindparam("worth"),
        probabilities=bindparam("chances"),
    )
)
_OTHER_PAIR: Final = (
    update(pairs)
    .where(
        pairs.c.deployment == bindparam("whose"),
        pairs.c.id == bindparam("named"),
        pairs.c.challenger == bindparam("who"),
    )
    .values(at=bindparam("made"), value=bindparam("worth"), probabilities=bindparam("chances"))
)


def add_new_predictions(
    connection: Connection, whose: int, told: Sequence[tuple[Said, int]]
) -> set[str]:
    """Write down what is new, which is usually everything; the ids of what is not.

    Each with the number of its tenure.
    """
    rows = [row for said, tenure in told for row in _prediction_rows(whose, tenure, said)]
    with connection.begin_nested() as attempt:
        if add_unless_there(connection, answers, rows) == len(rows):
            return set()
        attempt.rollback()
    known = _known(connection, whose, [row[1] for row in rows])
    add_rows(connection, answers, [row for row in rows if row[1] not in known])
    return known


def change_predictions(connection: Connection, whose: int, tenure: int, said: Said) -> None:
    """Answers that count instead of those that are there."""
    if said.ids:
        connection.execute(
            _OTHER_PREDICTION, [{**row, "under": tenure} for row in _changes(whose, said)]
        )


def add_pairs(connection: Connection, whose: int, said: Said) -> None:
    """What a challenger said to predictions that it had not answered."""
    rows = len(said.ids)
    columns = (said.ids, [said.version] * rows, said.at.tolist(), *_written(said.answers))
    add_rows(connection, pairs, [*zip([whose] * rows, *columns, strict=True)])


def change_pairs(connection: Connection, whose: int, said: Said) -> None:
    """Answers that count instead of those that are there."""
    if said.ids:
        connection.execute(_OTHER_PAIR, _changes(whose, said))


def _changes(whose: int, said: Said) -> list[dict[str, object]]:
    columns = zip(said.ids, said.at.tolist(), *_written(said.answers), strict=True)
    fixed = {"whose": whose, "who": said.version}
    return [
        {**fixed, "named": name, "made": at, "worth": value, "chances": chances}
        for name, at, value, chances in columns
    ]


def _known(connection: Connection, whose: int, ids: Sequence[str]) -> set[str]:
    statement = answers.select().with_only_columns(answers.c.id)
    statement = statement.where(
        answers.c.deployment == bindparam("whose"), is_among(connection, answers.c.id)
    )
    return {*connection.execute(statement, ids_of(whose, ids)).scalars()}


def _prediction_rows(whose: int, tenure: int, said: Said) -> Rows:
    rows = len(said.ids)
    values, chances = _written(said.answers)
    mains, numbers = [said.version] * rows, [tenure] * rows
    columns = (said.ids, said.at.tolist(), mains, numbers, values, chances, [0] * rows)
    return [*zip([whose] * rows, *columns, strict=True)]


def _written(said: Answers) -> tuple[list[float | None], Sequence[bytes | None]]:
    """NaN is NULL: not every database tells the one from the other."""
    missing = np.isnan(said.values)
    values: list[float | None] = said.values.tolist()
    for place in np.flatnonzero(missing):
        values[place] = None
    if said.probabilities is None:
        return values, [None] * len(values)
    whole, width = said.probabilities.astype("<f8").tobytes(), said.probabilities.shape[1] * 8
    chances: list[bytes | None] = [
        whole[start : start + width] for start in range(0, len(whole), width)
    ]
    for place in np.flatnonzero(np.isnan(said.probabilities[:, 0])):
        chances[place] = None
    return values, chances
