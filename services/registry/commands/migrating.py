"""`migrate`: the database's tables are brought to this software's revision."""

from services.registry.adapters.database import Database
from services.registry.commands.telling import result
from services.registry.settings import RegistrySettings


def migrate(settings: RegistrySettings, form: str) -> None:
    """Under a lock, so that several may be told to. Raises Refusal."""
    database = Database(settings.database)
    try:
        done = database.migrate()
    finally:
        database.close()
    if done.before == done.after:
        text = f"The tables are of revision {done.after} already; nothing was done."
    elif done.before is None:
        text = f"Made the tables, of revision {done.after}."
    else:
        text = f"Migrated the tables from revision {done.before} to {done.after}."
    result(text, {"before": done.before, "after": done.after}, form)
