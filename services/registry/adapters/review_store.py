"""Reviews, who opened them, and questionnaires in SQL."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import replace
from typing import Any, Final

from pydantic import TypeAdapter
from sqlalchemy import Connection, Row, Select, delete, func, insert, select, update
from sqlalchemy.exc import IntegrityError

from services.registry.adapters.database import Database
from services.registry.adapters.tables import answers, openings, reviews, versions
from services.registry.domain.audit import Entry
from services.registry.domain.errors import AlreadyDecidedError
from services.registry.domain.reviews import (
    Answers,
    Attempt,
    Made,
    Opening,
    ReviewRunningError,
    merged,
)
from services.registry.domain.versions import Version
from understudy.contracts.reviews import Finding
from understudy.contracts.vocabulary import Question, VersionState

_FINDINGS: Final = TypeAdapter(tuple[Finding, ...])
_RUNNING: Final = "Somebody else has just begun a review of {}/{}; wait for it."
_ANSWERS: Final = TypeAdapter(dict[Question, str])


class SqlReviews:
    """Implements `ports.review_store.ReviewStore`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def begin(self, attempt: Attempt, after: int) -> Attempt:
        """Number it: `after` and one more. Raises ReviewRunningError when somebody was faster."""
        last = select(func.max(reviews.c.number)).where(*_version(attempt.model, attempt.version))
        begun = replace(attempt, number=after + 1)
        row = {
            "model": begun.model,
            "version": begun.version,
            "number": begun.number,
            "job": begun.job,
            "began_at": begun.began_at,
            "began_by": begun.began_by,
        }
        try:
            with self._database.note() as connection:
                if (connection.execute(last).scalar() or 0) != after:
                    raise ReviewRunningError(_RUNNING.format(attempt.model, attempt.version))
                connection.execute(insert(reviews).values(**row))
        except IntegrityError as error:  # at the same moment: nothing locks the number before
            raise ReviewRunningError(_RUNNING.format(attempt.model, attempt.version)) from error
        return begun

    def made(self, attempt: Attempt, made: Made, entry: Entry) -> None:
        """It has ended with a review."""
        row = {
            "file": made.file,
            "made_at": made.at,
            "findings": _FINDINGS.dump_python(made.findings, mode="json"),
            "main": made.main,
        }
        with self._database.change() as change:
            change.connection.execute(update(reviews).where(*_attempt(attempt)).values(**row))
            change.record(entry)

    def failed(self, attempt: Attempt, reason: str) -> None:
        """It has ended without one."""
        with self._database.note() as connection:
            connection.execute(update(reviews).where(*_attempt(attempt)).values(failure=reason))

    def attempt(self, model: str, version: int, number: int) -> Attempt | None:
        """The attempt of that number."""
        one = reviews.c.number == number
        return self._first(select(reviews).where(*_version(model, version), one))

    def latest(self, model: str, version: int) -> Attempt | None:
        """The newest attempt."""
        return self._first(select(reviews).where(*_version(model, version)))

    def latest_made(self, model: str, version: int) -> Attempt | None:
        """The newest that was made."""
        made = reviews.c.file.is_not(None)
        return self._first(select(reviews).where(*_version(model, version), made))

    def of_model(self, model: str, versions: Collection[int]) -> Mapping[int, Attempt]:
        """The newest that was made, or else the newest."""
        of = reviews.c
        query = select(reviews).where(of.model == model, of.version.in_(versions))
        # Later rows win: those that were made come last, the newest of them at the very end.
        query = query.order_by(of.file.is_not(None), of.number)
        with self._database.read() as connection:
            return {row.version: _attempt_of(row) for row in connection.execute(query)}

    def open(self, attempt: Attempt, opening: Opening, entry: Entry) -> bool:
        """Note the first opening by an actor."""
        of = openings.c
        place = {"model": attempt.model, "version": attempt.version, "number": attempt.number}
        seen = select(of.at).where(
            of.model == attempt.model,
            of.version == attempt.version,
            of.number == attempt.number,
            of.actor == opening.actor,
        )
        with self._database.read() as connection:
            if connection.execute(seen).first() is not None:
                return False
        row = {**place, "actor": opening.actor, "at": opening.at}
        try:
            with self._database.change() as change:
                change.connection.execute(insert(openings).values(**row))
                change.record(entry)
        except IntegrityError:  # at the same moment, by another request of the same actor
            return False
        return True

    def openings(self, model: str, version: int) -> tuple[Opening, ...]:
        """The earliest first."""
        of = openings.c
        query = select(of.number, of.actor, of.at).where(of.model == model, of.version == version)
        with self._database.read() as connection:
            found = connection.execute(query.order_by(of.at, of.number, of.actor))
            return tuple(Opening(*row) for row in found)

    def answer(self, version: Version, given: Answers, told: Callable[[Answers], Entry]) -> Answers:
        """Merge them with what is there. Raises AlreadyDecidedError."""
        model, number = version.draft.model, version.number
        here = (answers.c.model == model, answers.c.version == number)
        with self._database.change() as change:
            _require_pending(change.connection, version)
            kept = merged(_answers(change.connection, model, number), given)
            row = {
                "answers": _ANSWERS.dump_python(dict(kept.answers), mode="json"),
                "at": kept.at,
                "by": kept.by,
            }
            change.connection.execute(delete(answers).where(*here))
            change.connection.execute(insert(answers).values(model=model, version=number, **row))
            change.record(told(kept))
        return kept

    def answers(self, model: str, version: int) -> Answers | None:
        """The questionnaire."""
        with self._database.read() as connection:
            return _answers(connection, model, version)

    def _first(self, query: Select[Any]) -> Attempt | None:
        newest = query.order_by(reviews.c.number.desc()).limit(1)
        with self._database.read() as connection:
            row = connection.execute(newest).first()
        return None if row is None else _attempt_of(row)


def _require_pending(connection: Connection, version: Version) -> None:
    of = versions.c
    query = select(of.state).where(of.model == version.draft.model, of.number == version.number)
    if connection.execute(query).scalar_one() != VersionState.PENDING.value:
        raise AlreadyDecidedError(f"Somebody else has just decided {version.title}.")


def _answers(connection: Connection, model: str, version: int) -> Answers | None:
    of = answers.c
    query = select(of.answers, of.at, of.by).where(of.model == model, of.version == version)
    row = connection.execute(query).first()
    return row and Answers(_ANSWERS.validate_python(row.answers), row.at, row.by)


def _version(model: str, version: int) -> tuple[Any, Any]:
    return reviews.c.model == model, reviews.c.version == version


def _attempt(attempt: Attempt) -> tuple[Any, ...]:
    return *_version(attempt.model, attempt.version), reviews.c.number == attempt.number


def _attempt_of(row: Row[Any]) -> Attempt:
    return Attempt(
        model=row.model,
        version=row.version,
        number=row.number,
        job=row.job,
        began_at=row.began_at,
        began_by=row.began_by,
        made=_made_of(row),
        failure=row.failure,
    )


def _made_of(row: Row[Any]) -> Made | None:
    if row.file is None:
        return None
    return Made(row.file, row.made_at, _FINDINGS.validate_python(row.findings), row.main)
