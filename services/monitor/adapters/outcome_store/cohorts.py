"""Tallies in their rows: a change is added to what is there."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection, delete, insert, select, update
from sqlalchemy.sql.elements import ColumnElement

from services.monitor.adapters.outcome_store.tables import cohorts
from services.monitor.adapters.outcome_store.tally_codec import decode_tally, encode_tally
from services.monitor.domain.outcomes.tallies import CohortId, CohortTally

Tallies = Mapping[CohortId, CohortTally]


def difference(after: Tallies, before: Tallies) -> dict[CohortId, CohortTally]:
    """What must be added to the one to have the other; nothing where they are the same."""
    found = {
        cohort: after.get(cohort, CohortTally()) - before.get(cohort, CohortTally())
        for cohort in after.keys() | before.keys()
    }
    return {cohort: change for cohort, change in found.items() if change}


def add_tallies(connection: Connection, deployment: int, changes: Tallies) -> None:
    """Add to the cohorts' rows. The deployment must be locked."""
    for cohort, change in sorted(changes.items()):
        here = _is(deployment, cohort)
        held = connection.execute(select(cohorts.c.tally).where(*here)).scalar()
        whole = change if held is None else decode_tally(held) + change
        if held is None:
            row = {**_name(deployment, cohort), "tally": encode_tally(whole)}
            connection.execute(insert(cohorts).values(row))
        elif whole:
            connection.execute(update(cohorts).where(*here).values(tally=encode_tally(whole)))
        else:
            connection.execute(delete(cohorts).where(*here))


def read_tallies(
    connection: Connection, deployment: int, since: float
) -> dict[CohortId, CohortTally]:
    """Of the cohorts that end after a time."""
    found = connection.execute(
        select(cohorts).where(
            cohorts.c.deployment == deployment, cohorts.c.start + cohorts.c.seconds > since
        )
    )
    return {
        CohortId(row.start, row.seconds, row.main, row.terms): decode_tally(row.tally)
        for row in found
    }


def _name(deployment: int, cohort: CohortId) -> dict[str, Any]:
    return {
        "deployment": deployment,
        "start": cohort.start,
        "seconds": cohort.seconds,
        "main": cohort.main,
        "terms": cohort.terms,
    }


def _is(deployment: int, cohort: CohortId) -> list[ColumnElement[bool]]:
    return [cohorts.c[name] == value for name, value in _name(deployment, cohort).items()]
