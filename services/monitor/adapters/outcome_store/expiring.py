"""Letting go of facts at the end of their retention. Tallies stay; losses are counted."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, Final

from sqlalchemy import Connection, Table, bindparam, delete, exists, select, update
from sqlalchemy.sql.elements import ColumnElement

from services.monitor.adapters.outcome_store.account import (
    Account,
    find_numbered,
    lock_account,
    save_account,
)
from services.monitor.adapters.outcome_store.bulk import ids_of, is_among
from services.monitor.adapters.outcome_store.database import Database
from services.monitor.adapters.outcome_store.loading import load
from services.monitor.adapters.outcome_store.tables import answers, labels, pairs, protected
from services.monitor.domain.outcomes.facts import Standing

_PIECE: Final = 2_000
"""Predictions that one transaction lets go of: others wait for it."""
_FACTS: Final = (answers, pairs, labels, protected)
_PARKED: Final = ((labels, labels.c.received_at), (pairs, pairs.c.at))

Step = Callable[[Connection, Account], int]


def expire(database: Database, deployment: int, before: float) -> int:
    """Facts of predictions before a time, and those that waited since before it.

    Here and below a deployment is the number of its account.
    """
    total = _repeat(database, deployment, lambda c, a: _expire_answered(c, a, before))
    for table, since in (*_PARKED, (protected, protected.c.received_at)):
        total += _expire_parked(database, deployment, table, since < before)
    return total


def expire_protected(database: Database, deployment: int, before: float) -> int:
    """Protected attributes that came before a time: values of known predictions are forgotten."""
    old = (protected.c.received_at < before) & protected.c.value.is_not(None)
    parked = _expire_parked(database, deployment, protected, old)
    return parked + _repeat(database, deployment, lambda c, a: _forget(c, a, old))


def _repeat(database: Database, deployment: int, step: Step) -> int:
    """One transaction after the other until a step finds nothing more to do."""
    total = 0
    while True:
        with database.write() as connection:
            account = lock_account(connection, deployment)
            done = 0 if account is None else step(connection, account)
        total += done
        if not done:
            return total


def _expire_answered(connection: Connection, account: Account, before: float) -> int:
    if before > account.expired_before:
        save_account(connection, replace(account, expired_before=before))
    old = (
        select(answers.c.id)
        .where(answers.c.deployment == account.number, answers.c.at < before)
        .order_by(answers.c.at)
        .limit(_PIECE)
    )
    ids = connection.execute(old).scalars().all()
    return sum(_delete(connection, table, account.number, ids) for table in _FACTS)


def _delete(
    connection: Connection, table: Table, deployment: int, ids: Sequence[str], *old: Any
) -> int:
    if not ids:
        return 0
    statement = delete(table).where(
        table.c.deployment == bindparam("whose"), is_among(connection, table.c.id), *old
    )
    return connection.execute(statement, ids_of(deployment, ids)).rowcount


def _expire_parked(
    database: Database, deployment: int, table: Table, old: ColumnElement[bool]
) -> int:
    """Found without a lock; then it is looked again whether they still wait."""
    with database.read() as connection:
        account = find_numbered(connection, deployment)
        if account is None or not _may_wait(account.standing, table):
            return 0
        ids = connection.execute(_orphans(account.number, table, old)).scalars().all()
    total = 0
    for start in range(0, len(ids), _PIECE):
        with database.write() as connection:
            total += _let_go(connection, deployment, table, old, ids[start : start + _PIECE])
    return total


def _may_wait(standing: Standing, table: Table) -> bool:
    if table is labels:
        return bool(standing.parked or standing.refused)
    return bool(standing.parked_pairs if table is pairs else standing.parked_protected)


def _orphans(deployment: int, table: Table, old: ColumnElement[bool]) -> Any:
    known = exists().where(answers.c.deployment == deployment, answers.c.id == table.c.id)
    return (
        select(table.c.id)
        .where(table.c.deployment == deployment, old, ~known)
        .distinct()
        .limit(500_000)
    )


def _let_go(
    connection: Connection,
    deployment: int,
    table: Table,
    old: ColumnElement[bool],
    ids: Sequence[str],
) -> int:
    account = lock_account(connection, deployment)
    if account is None:
        return 0
    number, target = account.number, account.target
    held = load(connection, number, ids, target)
    alone = [name for name, main in zip(held.ids, held.main, strict=True) if not main]
    before = load(connection, number, alone, target).standing()
    deleted = _delete(connection, table, number, alone, old)
    lost = before - load(connection, number, alone, target).standing()
    save_account(connection, replace(account, standing=_after_loss(account.standing, lost)))
    return deleted


def _after_loss(standing: Standing, lost: Standing) -> Standing:
    """What was counted of label events stays: they happened."""
    waited = lost.parked + lost.parked_pairs + lost.parked_protected
    return replace(
        standing,
        parked=standing.parked - lost.parked,
        parked_pairs=standing.parked_pairs - lost.parked_pairs,
        parked_protected=standing.parked_protected - lost.parked_protected,
        expired=standing.expired + waited,
    )


def _forget(connection: Connection, account: Account, old: ColumnElement[bool]) -> int:
    due = (
        select(protected.c.id)
        .where(protected.c.deployment == account.number, old)
        .order_by(protected.c.received_at)
        .limit(_PIECE)
    )
    ids = connection.execute(due).scalars().all()
    if not ids:
        return 0
    statement = (
        update(protected)
        .where(
            protected.c.deployment == bindparam("whose"), is_among(connection, protected.c.id), old
        )
        .values(value=None)
    )
    return connection.execute(statement, ids_of(account.number, ids)).rowcount
