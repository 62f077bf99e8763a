"""Jobs in SQL. Nobody follows them, so the sequence stays where it is."""

from collections.abc import Collection, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any

from sqlalchemy import Row, delete, false, insert, or_, select, update

from services.registry.adapters.database import Database
from services.registry.adapters.tables import jobs
from services.registry.adapters.within import within
from services.registry.domain.access import Reach
from services.registry.domain.jobs import Job
from services.registry.domain.paging import Paging, Slice, cut
from understudy.contracts.vocabulary import JobState


class SqlJobs:
    """Implements `ports.JobStore`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, job: Job, forgotten: datetime) -> None:
        """Keep it."""
        with self._database.note() as connection:
            connection.execute(delete(jobs).where(jobs.c.created_at < forgotten))
            connection.execute(insert(jobs).values(**asdict(job)))

    def tell(self, job: Job) -> None:
        """In place of what was told before."""
        with self._database.note() as connection:
            connection.execute(update(jobs).where(jobs.c.id == job.id).values(**asdict(job)))

    def beat(self, ids: Collection[str], at: datetime) -> None:
        """All at once."""
        with self._database.note() as connection:
            mine = jobs.c.id.in_(ids) & jobs.c.ended_at.is_(None)
            connection.execute(update(jobs).where(mine).values(heard_at=at))

    def find(self, job_id: str) -> Job | None:
        """The job of that id."""
        with self._database.read() as connection:
            row = connection.execute(select(jobs).where(jobs.c.id == job_id)).first()
        return None if row is None else _job(row)

    def page(self, owner: str, reaches: Sequence[Reach], paging: Paging) -> Slice[Job]:
        """By id, which grows with time: newest first."""
        visible = or_(false(), jobs.c.owner == owner, within(reaches, jobs.c.project))
        query = select(jobs).where(visible).order_by(jobs.c.id.desc()).limit(paging.limit + 1)
        if paging.cursor is not None:
            query = query.where(jobs.c.id < paging.cursor)
        with self._database.read() as connection:
            found = [_job(row) for row in connection.execute(query)]
        return cut(found, paging.limit, lambda job: job.id)


def _job(row: Row[Any]) -> Job:
    values = row._asdict()
    return Job(**{**values, "state": JobState(values["state"])})
