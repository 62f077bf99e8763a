"""Tallies in their rows: a change is added to what is there; what has grown old is merged."""

from collections.abc import Iterable, Mapping
from typing import Any, Final

from sqlalchemy import Connection, delete, insert, select, update
from sqlalchemy.sql.elements import ColumnElement

from services.monitor.adapters.outcome_store.account import Account
from services.monitor.adapters.outcome_store.tables import cohorts
from services.monitor.adapters.outcome_store.tally_codec import decode_tally, encode_tally
from services.monitor.domain.deciding.terms import Terms
from services.monitor.domain.outcomes.merging import LEVELS, gather, merged_before
from services.monitor.domain.outcomes.tallies import CohortId, CohortTally

Tallies = Mapping[CohortId, CohortTally]

_NAME: Final = ("start", "seconds", "main", "terms", "release")


def difference(after: Tallies, before: Tallies) -> dict[CohortId, CohortTally]:
    """What must be added to the one to have the other; nothing where they are the same."""
    found = {
        cohort: after.get(cohort, CohortTally()) - before.get(cohort, CohortTally())
        for cohort in after.keys() | before.keys()
    }
    return {cohort: change for cohort, change in found.items() if change}


def change_cohorts(
    connection: Connection,
    account: Account,
    former: float,
    changes: Tallies,
    book: Iterable[Terms],
) -> None:
    """Merge what the newest prediction made old, and add. The deployment must be locked.

    `former` is when the newest was made before.
    """
    horizons = {terms.fingerprint: terms.horizon_seconds for terms in book}
    for fingerprint, horizon in horizons.items():
        _merge(connection, account, former, fingerprint, horizon)
    for cohort, change in gather(sorted(changes.items()), horizons, account.newest).items():
        _add(connection, account, cohort, change)


def read_changed(
    connection: Connection, deployment: int, since: float, known: Mapping[CohortId, int]
) -> tuple[dict[CohortId, int], dict[CohortId, CohortTally]]:
    """Revisions of the cohorts that end after a time, and the tallies that are not known."""
    here = (cohorts.c.deployment == deployment) & (cohorts.c.start + cohorts.c.seconds > since)
    columns = [cohorts.c[name] for name in _NAME]
    found = connection.execute(select(*columns, cohorts.c.revision).where(here))
    revisions = {_cohort(row): row.revision for row in found}
    changed = [name for name, revision in revisions.items() if known.get(name) != revision]
    if not changed:
        return revisions, {}
    first = min(name.start for name in changed)
    rows = connection.execute(select(cohorts).where(here, cohorts.c.start >= first))
    wanted = set(changed)
    pairs = ((_cohort(row), row.tally) for row in rows)
    return revisions, {name: decode_tally(held) for name, held in pairs if name in wanted}


def _merge(
    connection: Connection, account: Account, former: float, fingerprint: str, horizon: float
) -> None:
    """Into longer ones; once an hour, and once a day, of the log's own time."""
    for seconds, _ in LEVELS:
        edge = merged_before(seconds, horizon, account.newest)
        if edge <= merged_before(seconds, horizon, former):
            continue
        old = (
            (cohorts.c.deployment == account.number)
            & (cohorts.c.terms == fingerprint)
            & (cohorts.c.seconds < seconds)
            & (cohorts.c.start < edge)
        )
        rows = connection.execute(select(cohorts).where(old)).all()
        connection.execute(delete(cohorts).where(old))
        tallies = ((_cohort(row), decode_tally(row.tally)) for row in rows)
        found = gather(tallies, {fingerprint: horizon}, account.newest)
        for cohort, tally in found.items():
            _add(connection, account, cohort, tally)


def _add(connection: Connection, account: Account, cohort: CohortId, change: CohortTally) -> None:
    here = _is(account.number, cohort)
    held = connection.execute(select(cohorts.c.tally).where(*here)).scalar()
    whole = change if held is None else decode_tally(held) + change
    if held is not None and not whole:
        connection.execute(delete(cohorts).where(*here))
        return
    value = {"tally": encode_tally(whole), "revision": account.revision}
    if held is None:
        connection.execute(insert(cohorts).values({**_name(account.number, cohort), **value}))
    else:
        connection.execute(update(cohorts).where(*here).values(value))


def _cohort(row: Any) -> CohortId:
    return CohortId(row.start, row.seconds, row.main, row.terms, row.release)


def _name(deployment: int, cohort: CohortId) -> dict[str, Any]:
    return {"deployment": deployment, **{name: getattr(cohort, name) for name in _NAME}}


def _is(deployment: int, cohort: CohortId) -> list[ColumnElement[bool]]:
    return [cohorts.c[name] == value for name, value in _name(deployment, cohort).items()]
