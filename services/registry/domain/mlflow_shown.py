"""Models and versions with all that MLflow's clients see beside them."""

from collections.abc import Mapping
from dataclasses import dataclass

from services.registry.domain.aliases import Alias
from services.registry.domain.annotations import (
    DESCRIPTION,
    PROJECT,
    RUN,
    SOURCE,
    STATE,
    Tags,
    shown,
)
from services.registry.domain.catalogue import Model
from services.registry.domain.mlflow_filters import Subject, Value
from services.registry.domain.versions import Version


@dataclass(frozen=True, slots=True)
class ShownVersion:
    """A version, what is said about it, and which parts it plays."""

    version: Version
    tags: Tags
    aliases: tuple[Alias, ...]

    @property
    def description(self) -> str:
        """What was said last."""
        return self.tags.get(DESCRIPTION, self.version.draft.description)

    @property
    def shown_tags(self) -> Tags:
        """Those that people put, and where the review stands."""
        return {**shown(self.tags), STATE: self.version.state.value}

    def said(self, name: str) -> str:
        """One of what the client said when it was registered."""
        return self.tags.get(name, "")

    @property
    def updated_at(self) -> int:
        """Milliseconds: when it was made or decided."""
        ruling = self.version.ruling
        at = ruling.decided_at if ruling else self.version.draft.created_at
        return int(at.timestamp() * 1000)

    @property
    def place(self) -> str:
        """Among all versions."""
        return self.version.title

    @property
    def subject(self) -> Subject:
        """As it is filtered and ordered."""
        draft = self.version.draft
        attributes: dict[str, Value] = {
            "name": draft.model,
            "version_number": self.version.number,
            "creation_timestamp": int(draft.created_at.timestamp() * 1000),
            "last_updated_timestamp": self.updated_at,
            "run_id": self.said(RUN),
            "source_path": self.said(SOURCE),
        }
        return Subject(attributes, self.shown_tags)


@dataclass(frozen=True, slots=True)
class ShownModel:
    """A model, what is said about it, its aliases and its newest version."""

    model: Model
    tags: Tags
    aliases: Mapping[Alias, int]
    latest: ShownVersion | None

    @property
    def description(self) -> str:
        """What was said last."""
        return self.tags.get(DESCRIPTION, self.model.description)

    @property
    def shown_tags(self) -> Tags:
        """Those that people put, and whose it is."""
        return {**shown(self.tags), PROJECT: self.model.project}

    @property
    def updated_at(self) -> int:
        """Milliseconds: when it was made, or its newest version changed."""
        made = int(self.model.created_at.timestamp() * 1000)
        return made if self.latest is None else max(made, self.latest.updated_at)

    @property
    def place(self) -> str:
        """Among all models."""
        return self.model.name

    @property
    def subject(self) -> Subject:
        """As it is filtered and ordered."""
        made = int(self.model.created_at.timestamp() * 1000)
        attributes: dict[str, Value] = {
            "name": self.model.name,
            "creation_timestamp": made,
            "last_updated_timestamp": self.updated_at,
        }
        return Subject(attributes, self.shown_tags)
