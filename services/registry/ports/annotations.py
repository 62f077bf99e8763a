"""Where tags are kept. Version 0 is the model itself; see `domain.annotations`."""

from collections.abc import Mapping
from typing import Protocol

from services.registry.domain.annotations import Tags
from services.registry.domain.audit import Entry


class TagStore(Protocol):
    """Tags of models and versions; each write is a change of its own, audited."""

    def of(self, model: str, version: int) -> Tags:
        """By name."""

    def of_model(self, model: str) -> Mapping[int, Tags]:
        """Of the model and of all of its versions that have some, by version."""

    def put(self, model: str, version: int, tags: Tags, entry: Entry) -> None:
        """Set them, whatever they were; others stay."""

    def remove(self, model: str, version: int, name: str, entry: Entry) -> None:
        """Delete one; none of that name is no error."""
