"""Projects, models, versions, and the end of a version's review."""

from services.registry.domain.annotations import NO_TAGS, Tags
from services.registry.domain.audit import Action, Entry
from services.registry.domain.catalogue import Model, Project
from services.registry.domain.errors import UnknownReferenceError
from services.registry.domain.paging import Paging, Slice
from services.registry.domain.versions import Version
from services.registry.operations.reach import (
    Clock,
    not_found,
    reaches_of,
    require_able,
    require_whole,
)
from services.registry.ports import CatalogueStore, Instruments
from understudy.runtime.keys import Caller


class Catalogue:
    """What is registered, and what was decided about it."""

    def __init__(
        self,
        *,
        store: CatalogueStore,
        instruments: Instruments,
        clock: Clock,
    ) -> None:
        self._store = store
        self._instruments = instruments
        self._clock = clock

    def make_project(self, caller: Caller, name: str, description: str) -> Project:
        """Raises NameTakenError or ForbiddenError."""
        require_whole(caller, "Making a project")
        project = Project(name, description, self._clock())
        entry = Entry(project.created_at, caller.actor, Action.MAKE_PROJECT, name)
        self._store.add_project(project, entry)
        return project

    def projects(self, caller: Caller, paging: Paging) -> Slice[Project]:
        """Those that the caller reaches."""
        return self._store.projects(reaches_of(caller), paging)

    def make_model(
        self,
        caller: Caller,
        name: str,
        project: str,
        description: str,
        tags: Tags = NO_TAGS,
    ) -> Model:
        """Raises NameTakenError, or UnknownReferenceError for the project."""
        known = self._store.project(project) is not None
        if not known or not caller.reaches(None, project):
            raise UnknownReferenceError(
                "/project", f"There is no project '{project}'; make it first: POST /v1/projects."
            )
        require_able(caller, "project", project, project=project)
        model = Model(name, project, description, self._clock())
        details = {"project": project, "tags": dict(tags)} if tags else {"project": project}
        entry = Entry(model.created_at, caller.actor, Action.MAKE_MODEL, name, details=details)
        self._store.add_model(model, entry, tags)
        return model

    def model(self, caller: Caller, name: str) -> Model:
        """Raises NotFoundError."""
        model = self._store.model(name)
        if model is None:
            raise not_found("model", name)
        require_able(caller, "model", name, project=model.project)
        return model

    def models(self, caller: Caller, paging: Paging) -> Slice[Model]:
        """Those that the caller reaches."""
        return self._store.models(reaches_of(caller), paging)

    def version(self, caller: Caller, model: str, number: int) -> Version:
        """Raises NotFoundError."""
        self.model(caller, model)
        version = self._store.version(model, number)
        if version is None:
            raise not_found("version", f"{model}/{number}")
        return version

    def versions(self, caller: Caller, model: str, paging: Paging) -> Slice[Version]:
        """Newest first."""
        self.model(caller, model)
        return self._store.versions(model, paging)
