"""What followers report, in SQL: one row for each process."""

from datetime import datetime

from sqlalchemy import Connection, and_, delete, insert, select, update
from sqlalchemy.exc import IntegrityError

from services.registry.adapters.database import Database
from services.registry.adapters.tables import followers
from understudy.contracts.registry import FollowerReport


class SqlFollowers:
    """Implements `ports.FollowerStore`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def keep(self, report: FollowerReport, at: datetime, silent: datetime) -> None:
        """Instead of the process's last one."""
        try:
            with self._database.note() as connection:
                connection.execute(delete(followers).where(followers.c.heard_at < silent))
                if not _replaced(connection, report, at):
                    place = {"component": report.component.value, "instance": report.instance}
                    connection.execute(insert(followers).values(**place, **_values(report, at)))
        except IntegrityError:  # another replica has just heard of the same process
            with self._database.note() as connection:
                _replaced(connection, report, at)

    def heard(self, since: datetime, limit: int) -> list[tuple[datetime, FollowerReport]]:
        """The newest ones."""
        query = (
            select(followers.c.heard_at, followers.c.report)
            .where(followers.c.heard_at >= since)
            .order_by(followers.c.heard_at.desc())
            .limit(limit)
        )
        with self._database.read() as connection:
            rows = connection.execute(query).all()
        return [(row.heard_at, FollowerReport.model_validate(row.report)) for row in rows]


def _replaced(connection: Connection, report: FollowerReport, at: datetime) -> bool:
    place = and_(
        followers.c.component == report.component.value,
        followers.c.instance == report.instance,
    )
    done = connection.execute(update(followers).where(place).values(**_values(report, at)))
    return done.rowcount > 0


def _values(report: FollowerReport, at: datetime) -> dict[str, object]:
    return {"heard_at": at, "report": report.model_dump(mode="json")}
