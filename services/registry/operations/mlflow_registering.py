"""Models and versions made by MLflow's clients, by the operations that everybody registers by."""

from dataclasses import dataclass

from services.registry.domain.annotations import (
    LOGGED_MODEL,
    PROJECT,
    RUN,
    RUN_LINK,
    SOURCE,
    Tags,
    require_tags,
    require_values,
)
from services.registry.domain.mlflow_refusals import ProjectNotStatedError
from services.registry.domain.paging import Paging
from services.registry.domain.versions import Version
from services.registry.operations.catalogue import Catalogue
from services.registry.operations.sources import Sources, Wanted
from understudy.runtime.keys import Caller


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a client says that a version comes from: kept and shown, never followed."""

    source: str
    run: str | None = None
    run_link: str | None = None
    logged_model: str | None = None

    @property
    def tags(self) -> Tags:
        """As it is kept."""
        named = {
            SOURCE: self.source,
            RUN: self.run,
            RUN_LINK: self.run_link,
            LOGGED_MODEL: self.logged_model,
        }
        return {name: value for name, value in named.items() if value}


class MlflowRegistering:
    """Finds what MLflow does not say: the project of a model, the files of a version."""

    def __init__(self, catalogue: Catalogue, sources: Sources) -> None:
        self._catalogue = catalogue
        self._sources = sources

    def make_model(self, caller: Caller, name: str, description: str, tags: Tags) -> None:
        """Raises ProjectNotStatedError or what `Catalogue.make_model` raises."""
        others = {key: value for key, value in tags.items() if key != PROJECT}
        require_tags(others)
        project = tags.get(PROJECT) or self._only_project(caller)
        self._catalogue.make_model(caller, name, project, description, others)

    def register(self, caller: Caller, wanted: Wanted, origin: Origin) -> Version:
        """Raises what `Sources.draft` and `Catalogue.register` raise; nothing stays half-done."""
        require_tags(wanted.tags)
        require_values(origin.tags)
        draft = self._sources.draft(caller, wanted)
        return self._catalogue.register(caller, draft, tags={**wanted.tags, **origin.tags})

    def _only_project(self, caller: Caller) -> str:
        found = self._catalogue.projects(caller, Paging(2)).items
        if len(found) == 1:
            return found[0].name
        raise ProjectNotStatedError(
            f"A model belongs to a project: name it with the tag '{PROJECT}', as you reach "
            f"{'several' if found else 'none'}."
        )
