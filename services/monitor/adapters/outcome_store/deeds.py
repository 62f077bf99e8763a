"""What was done, or recommended, by itself."""

import json
from collections.abc import Sequence
from dataclasses import asdict
from typing import Final

from sqlalchemy import Connection, delete, insert, select

from services.monitor.adapters.outcome_store.tables import deeds
from services.monitor.domain.deciding.deeds import Deed, DeedState
from understudy.contracts.vocabulary import Verdict

_SHOWN: Final = 100
_KEPT: Final = 1_000


def add_deed(connection: Connection, deed: Deed) -> None:
    """Write it down instead of what was known of the same; the oldest of very many go."""
    _forget(connection, deed)
    connection.execute(
        insert(deeds).values(deployment=deed.deployment, body=json.dumps(asdict(deed)))
    )
    oldest = (
        select(deeds.c.number)
        .where(deeds.c.deployment == deed.deployment)
        .order_by(deeds.c.number.desc())
        .offset(_KEPT)
        .limit(1)
    )
    beyond = connection.execute(oldest).scalar()
    if beyond is not None:
        old = (deeds.c.deployment == deed.deployment) & (deeds.c.number <= beyond)
        connection.execute(delete(deeds).where(old))


def _forget(connection: Connection, deed: Deed) -> None:
    held = connection.execute(
        select(deeds.c.number, deeds.c.body).where(deeds.c.deployment == deed.deployment)
    )
    same = [number for number, body in held if _deed(body).key == deed.key]
    if same:
        connection.execute(delete(deeds).where(deeds.c.number.in_(same)))


def newest_deeds(connection: Connection, deployment: str) -> Sequence[Deed]:
    """Newest first."""
    found = connection.execute(
        select(deeds.c.body)
        .where(deeds.c.deployment == deployment)
        .order_by(deeds.c.number.desc())
        .limit(_SHOWN)
    )
    return [_deed(body) for body in found.scalars()]


def _deed(body: str) -> Deed:
    held = json.loads(body)
    return Deed(**{**held, "verdict": Verdict(held["verdict"]), "state": DeedState(held["state"])})
