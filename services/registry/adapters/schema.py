"""The revision of a database's tables, and the way to another one. Alembic is known here alone."""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection

from services.registry.domain.errors import SchemaAheadError, SchemaBehindError

_MIGRATIONS: Final = Path(__file__).parent / "migrations"


@dataclass(frozen=True, slots=True)
class Migrated:
    """What a migration has done; nothing when both are the same."""

    before: str | None
    """None: there were no tables."""
    after: str


def revision(connection: Connection) -> str | None:
    """The revision of the tables; None when there are none."""
    return MigrationContext.configure(connection).get_current_revision()


def upgrade(connection: Connection, to: str = "head") -> None:
    """Go up within the connection's transaction. Raises SchemaAheadError."""
    require_not_ahead(connection)
    config = _config()
    config.attributes["connection"] = connection
    command.upgrade(config, to)


def require_not_ahead(connection: Connection) -> None:
    """Raises SchemaAheadError when the tables are of a revision that is not known here."""
    found = revision(connection)
    if found is not None and found not in REVISIONS:
        raise SchemaAheadError(
            f"The database's tables are of revision {found}, and this software knows them up to "
            f"{HEAD}: they were migrated by a newer release. Run that one, or restore a backup."
        )


def require_head(connection: Connection) -> None:
    """Raises SchemaBehindError or SchemaAheadError."""
    require_not_ahead(connection)
    found = revision(connection)
    if found != HEAD:
        raise SchemaBehindError(
            f"The database's tables are of revision {found or 'none'}, and this software needs "
            f"{HEAD}. Run: python -m services.registry migrate"
        )


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS))
    config.set_main_option("path_separator", "os")
    return config


def _revisions() -> tuple[str, ...]:
    walked = ScriptDirectory.from_config(_config()).walk_revisions()
    return tuple(script.revision for script in reversed(list(walked)))


REVISIONS: Final = _revisions()
"""All that are known, oldest first."""
HEAD: Final = REVISIONS[-1]
