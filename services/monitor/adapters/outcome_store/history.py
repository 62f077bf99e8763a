"""Rows in the order of prediction, for what looks at a sequence."""

from collections.abc import Iterator

import numpy as np
from sqlalchemy import Connection, select

from services.monitor.adapters.outcome_store.account import Account, read_book
from services.monitor.adapters.outcome_store.loading import load
from services.monitor.adapters.outcome_store.tables import answers
from services.monitor.domain.outcomes.facts import JoinedRows, Losses
from services.monitor.domain.outcomes.losses import losses
from services.monitor.domain.reports import Span
from understudy.profiles.arrays import Floats


def newest_losses(
    connection: Connection, account: Account, main: int, span: Span, most: int
) -> Losses:
    """The main's losses on the newest labelled rows that it answered."""
    newest = (
        select(answers.c.id)
        .where(
            answers.c.deployment == account.number,
            answers.c.main == main,
            answers.c.labelled == 1,
            answers.c.at >= span.begins,
            answers.c.at < span.ends,
        )
        .order_by(answers.c.at.desc(), answers.c.id.desc())
        .limit(most)
    )
    ids = connection.execute(newest).scalars().all()
    facts = load(connection, account.number, ids, account.target)
    pieces = [*_pieces(facts.joined(read_book(connection, account.number)))]
    if not pieces:
        return Losses(np.zeros(0), np.zeros(0))
    at, found, names = (np.concatenate(columns) for columns in zip(*pieces, strict=True))
    order = np.lexsort((names, at))
    return Losses(at[order], found[order])


def _pieces(
    parts: Iterator[JoinedRows],
) -> Iterator[tuple[Floats, Floats, "np.typing.NDArray[np.str_]"]]:
    """Times, losses and ids of the rows that were answered."""
    for rows in parts:
        found = losses(rows.answers[rows.main], rows.labels, rows.target, rows.terms)
        there = np.isfinite(found)
        scaled = np.clip(found[there] / rows.terms.span, 0.0, 1.0)
        yield rows.at[there], scaled, np.array(rows.ids)[there]
