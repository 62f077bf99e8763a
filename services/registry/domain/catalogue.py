"""Projects and models: the names under which versions are kept."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Project:
    """Whose models and deployments belong together; keys may be limited to one."""

    name: str
    description: str
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Model:
    """A family of versions that answer one question."""

    name: str
    project: str
    description: str
    created_at: datetime
    versions: int = 0
    frozen_by: int | None = None
    """The persisted version that froze its recipe, unless one was deployed since."""
