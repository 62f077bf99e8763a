"""Tags in SQL."""

from collections import defaultdict
from collections.abc import Mapping

from sqlalchemy import ColumnElement, Connection, delete, insert, select

from services.registry.adapters.database import Database
from services.registry.adapters.tables import tags
from services.registry.domain.annotations import Tags
from services.registry.domain.audit import Entry


class SqlTags:
    """Implements `ports.annotations.TagStore`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def of(self, model: str, version: int) -> Tags:
        """By name."""
        query = select(tags.c.name, tags.c.value).where(_place(model, version))
        with self._database.read() as connection:
            rows = connection.execute(query.order_by(tags.c.name))
            return {row.name: row.value for row in rows}

    def of_model(self, model: str) -> Mapping[int, Tags]:
        """Of the model and of its versions."""
        query = select(tags.c.version, tags.c.name, tags.c.value).where(tags.c.model == model)
        found: defaultdict[int, dict[str, str]] = defaultdict(dict)
        with self._database.read() as connection:
            for version, name, value in connection.execute(query.order_by(tags.c.name)):
                found[version][name] = value
        return dict(found)

    def put(self, model: str, version: int, new: Tags, entry: Entry) -> None:
        """Set them."""
        with self._database.change() as change:
            put_tags(change.connection, model, version, new)
            change.record(entry)

    def remove(self, model: str, version: int, name: str, entry: Entry) -> None:
        """Delete one."""
        with self._database.change() as change:
            one = _place(model, version) & (tags.c.name == name)
            change.connection.execute(delete(tags).where(one))
            change.record(entry)


def put_tags(connection: Connection, model: str, version: int, new: Tags) -> None:
    """Set tags within somebody's change."""
    if not new:
        return
    connection.execute(delete(tags).where(_place(model, version) & tags.c.name.in_(new)))
    place = {"model": model, "version": version}
    rows = [{**place, "name": name, "value": value} for name, value in new.items()]
    connection.execute(insert(tags), rows)


def _place(model: str, version: int) -> ColumnElement[bool]:
    return (tags.c.model == model) & (tags.c.version == version)
