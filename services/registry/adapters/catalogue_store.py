"""Projects, models and versions in SQL."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import (
    Connection,
    Row,
    ScalarSelect,
    Select,
    case,
    func,
    insert,
    or_,
    select,
    update,
)
from sqlalchemy.exc import IntegrityError

from services.registry.adapters.database import Database
from services.registry.adapters.gate_store import require_basis
from services.registry.adapters.rows import ruling_row, version_of, version_row
from services.registry.adapters.tables import models, projects, versions
from services.registry.adapters.tag_store import put_tags
from services.registry.adapters.within import within
from services.registry.domain.access import Reach
from services.registry.domain.annotations import MODEL, NO_TAGS, Tags
from services.registry.domain.audit import Entry
from services.registry.domain.catalogue import Model, Project
from services.registry.domain.errors import AlreadyDecidedError, NameTakenError
from services.registry.domain.gate import Basis
from services.registry.domain.paging import Paging, Slice, cut
from services.registry.domain.recipes import require_thawed
from services.registry.domain.versions import Version, VersionDraft
from understudy.contracts.vocabulary import VersionState


class SqlCatalogue:
    """Implements `ports.CatalogueStore`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add_project(self, project: Project, entry: Entry) -> None:
        """Raises NameTakenError."""
        row = {"description": project.description, "created_at": project.created_at}
        try:
            with self._database.change() as change:
                change.connection.execute(insert(projects).values(name=project.name, **row))
                change.record(entry)
        except IntegrityError as error:
            raise NameTakenError(f"There is a project '{project.name}' already.") from error

    def project(self, name: str) -> Project | None:
        """The project of that name."""
        with self._database.read() as connection:
            row = connection.execute(select(projects).where(projects.c.name == name)).first()
        return None if row is None else Project(*row)

    def projects(self, reaches: Sequence[Reach], paging: Paging) -> Slice[Project]:
        """By name."""
        query = select(projects).order_by(projects.c.name).limit(paging.limit + 1)
        query = query.where(within(reaches, projects.c.name))
        if paging.cursor is not None:
            query = query.where(projects.c.name > paging.cursor)
        with self._database.read() as connection:
            found = [Project(*row) for row in connection.execute(query)]
        return cut(found, paging.limit, lambda project: project.name)

    def add_model(self, model: Model, entry: Entry, tags: Tags = NO_TAGS) -> None:
        """Raises NameTakenError."""
        row = {"description": model.description, "created_at": model.created_at}
        place = {"name": model.name, "project": model.project}
        try:
            with self._database.change() as change:
                change.connection.execute(insert(models).values(**place, **row))
                put_tags(change.connection, model.name, MODEL, tags)
                change.record(entry)
        except IntegrityError as error:
            raise NameTakenError(f"There is a model '{model.name}' already.") from error

    def model(self, name: str) -> Model | None:
        """The model of that name."""
        with self._database.read() as connection:
            row = connection.execute(_models().where(models.c.name == name)).first()
        return None if row is None else Model(*row)

    def models(self, reaches: Sequence[Reach], paging: Paging) -> Slice[Model]:
        """By name."""
        query = _models().order_by(models.c.name).limit(paging.limit + 1)
        query = query.where(within(reaches, models.c.project))
        if paging.cursor is not None:
            query = query.where(models.c.name > paging.cursor)
        with self._database.read() as connection:
            found = [Model(*row) for row in connection.execute(query)]
        return cut(found, paging.limit, lambda model: model.name)

    def add_version(self, draft: VersionDraft, entry: Entry, tags: Tags = NO_TAGS) -> Version:
        """Number the draft. Raises RecipeFrozenError."""
        frozen = _models().where(models.c.name == draft.model)
        with self._database.change() as change:
            found = change.connection.execute(frozen).first()
            require_thawed(draft, None if found is None else Model(*found).frozen_by)
            last = select(func.max(versions.c.number)).where(versions.c.model == draft.model)
            number = (change.connection.execute(last).scalar() or 0) + 1
            version = Version(number, draft)
            change.connection.execute(insert(versions).values(**version_row(draft, number)))
            put_tags(change.connection, draft.model, number, tags)
            change.record(entry.about(version.title))
        return version

    def version(self, model: str, number: int) -> Version | None:
        """One version."""
        with self._database.read() as connection:
            row = _row(connection, model, number)
        return None if row is None else version_of(row)

    def versions(self, model: str, paging: Paging) -> Slice[Version]:
        """Newest first."""
        query = select(versions).where(versions.c.model == model)
        query = query.order_by(versions.c.number.desc()).limit(paging.limit + 1)
        if (after := paging.after_number()) is not None:
            query = query.where(versions.c.number < after)
        with self._database.read() as connection:
            found = [version_of(row) for row in connection.execute(query)]
        return cut(found, paging.limit, lambda version: version.number)

    def end_review(self, version: Version, entry: Entry, basis: Basis | None = None) -> None:
        """Raises AlreadyDecidedError when somebody else was faster, or what the basis refuses."""
        assert version.ruling is not None  # noqa: S101 - `domain.versions.decide` gave it one
        with self._database.change() as change:
            decided = change.connection.execute(
                update(versions)
                .where(versions.c.model == version.draft.model)
                .where(versions.c.number == version.number)
                .where(versions.c.state == VersionState.PENDING.value)
                .values(**ruling_row(version.ruling))
            )
            if decided.rowcount != 1:
                raise AlreadyDecidedError(f"Somebody else has just decided {version.title}.")
            if basis is not None:
                require_basis(change.connection, version, basis)
            change.record(entry)

    def projects_using(self, digest: str) -> frozenset[str]:
        """Projects with a version that names the file."""
        of = versions.c
        named = (
            of.artifact,
            of.reference,
            of.evaluation,
            of.compiled,
            of.baseline,
            of.converted_from,
            of.attestation,
        )
        query = (
            select(models.c.project)
            .join(versions, of.model == models.c.name)
            .where(or_(*(column == digest for column in named)))
        )
        with self._database.read() as connection:
            return frozenset(connection.execute(query).scalars())


def _models() -> Select[Any]:
    count = (
        select(func.count())
        .select_from(versions)
        .where(versions.c.model == models.c.name)
        .scalar_subquery()
    )
    of = models.c
    return select(of.name, of.project, of.description, of.created_at, count, _freezing())


def _freezing() -> ScalarSelect[Any]:
    """The version that was put to work last, if it was persisted."""
    of = versions.c
    used = (VersionState.DEPLOYED.value, VersionState.PERSISTED.value)
    return (
        select(case((of.state == VersionState.PERSISTED.value, of.number)))
        .where(of.model == models.c.name)
        .where(of.state.in_(used))
        .order_by(of.decided_at.desc(), of.number.desc())
        .limit(1)
        .scalar_subquery()
    )


def _row(connection: Connection, model: str, number: int) -> Row[Any] | None:
    one = (versions.c.model == model) & (versions.c.number == number)
    return connection.execute(select(versions).where(one)).first()
