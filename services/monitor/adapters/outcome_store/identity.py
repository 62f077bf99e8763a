"""Which store it is: an id that is made once and stays with its rows, wherever they are moved.

Positions are in Redis and facts are here. A monitor with another store on the same Redis would get
the half of the labels that came while it looked; by the id it is known.
"""

import uuid
from typing import Final

from sqlalchemy import Column, Connection, Integer, Table, Text, inspect, select

from services.monitor.adapters.outcome_store.tables import tables

_ONLY: Final = 1

identity = Table(
    "outcome_identity",
    tables,
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("id", Text, nullable=False),
)


def have_identity(connection: Connection) -> str:
    """The store's id; made where there is none, by whoever comes first."""
    if not inspect(connection).has_table(identity.name):
        identity.create(connection)
    found = connection.execute(select(identity.c.id)).scalar_one_or_none()
    if found is not None:
        return str(found)
    made = uuid.uuid4().hex
    connection.execute(identity.insert().values(number=_ONLY, id=made))
    return made
