"""Models and versions made by MLflow's clients, by the operations that everybody registers by."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Final

from services.registry.domain.aliases import DEPLOYMENT_TAG
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
from services.registry.domain.errors import InvalidTagError
from services.registry.domain.mlflow_refusals import ProjectNotStatedError
from services.registry.domain.paging import Paging
from services.registry.domain.versions import Version, VersionDraft
from services.registry.operations.catalogue import Catalogue
from services.registry.operations.registration import Registration
from services.registry.operations.sources import Sources, Wanted
from services.registry.ports.annotations import TagStore
from understudy.runtime.keys import Caller

_ASKED_AGAIN: Final = timedelta(minutes=10)
_LOOKED_AT: Final = 20
"""Of the newest versions."""


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


@dataclass(frozen=True, slots=True)
class _Same:
    """What makes a registration the one that is under way."""

    actor: str
    model: str
    origin: Origin


class MlflowRegistering:
    """Finds what MLflow does not say: the project of a model, the files of a version."""

    def __init__(
        self,
        catalogue: Catalogue,
        registration: Registration,
        sources: Sources,
        tags: TagStore,
    ) -> None:
        self._catalogue = catalogue
        self._registration = registration
        self._sources = sources
        self._tags = tags
        self._free = threading.Condition()
        self._registering: set[_Same] = set()

    def make_model(self, caller: Caller, name: str, description: str, tags: Tags) -> None:
        """Raises ProjectNotStatedError or what `Catalogue.make_model` raises."""
        others = {key: value for key, value in tags.items() if key != PROJECT}
        require_tags(others)
        if DEPLOYMENT_TAG in others:
            raise InvalidTagError(
                "/tags", f"Set '{DEPLOYMENT_TAG}' once the model has the deployment that it names."
            )
        project = tags.get(PROJECT) or self._only_project(caller)
        self._catalogue.make_model(caller, name, project, description, others)

    def register(self, caller: Caller, wanted: Wanted, origin: Origin) -> Version:
        """A new version; or the one that the caller has just made of the same.

        MLflow's client asks again when it has waited for two minutes, which this may take.
        Raises what `Sources.draft` and `Catalogue.register` raise; nothing stays half-done.
        """
        require_tags(wanted.tags)
        require_values(origin.tags)
        with self._one_at_a_time(_Same(caller.actor, wanted.model, origin)):
            draft = self._sources.draft(caller, wanted)
            made = self._just_made(caller, draft, origin)
            if made is not None:
                return made
            return self._registration.register(caller, draft, tags={**wanted.tags, **origin.tags})

    @contextmanager
    def _one_at_a_time(self, same: _Same) -> Iterator[None]:
        with self._free:
            self._free.wait_for(lambda: same not in self._registering)
            self._registering.add(same)
        try:
            yield
        finally:
            with self._free:
                self._registering.discard(same)
                self._free.notify_all()

    def _just_made(self, caller: Caller, draft: VersionDraft, origin: Origin) -> Version | None:
        """Files that were put anew under the same name make another version."""
        for version in self._catalogue.versions(caller, draft.model, Paging(_LOOKED_AT)).items:
            before = version.draft
            late = draft.created_at - before.created_at > _ASKED_AGAIN
            kept = replace(
                draft,
                created_at=before.created_at,
                compiled=before.compiled,
                baseline=before.baseline,
            )
            if late or kept != before:
                continue
            if origin.tags.items() <= self._tags.of(draft.model, version.number).items():
                return version
        return None

    def _only_project(self, caller: Caller) -> str:
        found = self._catalogue.projects(caller, Paging(2)).items
        if len(found) == 1:
            return found[0].name
        raise ProjectNotStatedError(
            f"A model belongs to a project: name it with the tag '{PROJECT}', as you reach "
            f"{'several' if found else 'none'}."
        )
