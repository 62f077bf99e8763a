"""`backup` and `restore`."""

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

from services.registry.adapters.backup_files import BackupFiles
from services.registry.adapters.database import Database
from services.registry.adapters.reaching import ReachedFiles, require_supported
from services.registry.adapters.table_store import SqlTables
from services.registry.commands.telling import progress, result, size, warn
from services.registry.domain.backups import BackupUnusableError, Manifest
from services.registry.operations.backups import Backups, Copied, Unreadable
from services.registry.settings import RegistrySettings


def back_up(settings: RegistrySettings, url: str, keep: int | None, form: str) -> None:
    """Publish a backup in the folder of that URL. Raises Refusal.

    Files that it makes are nobody's but this user's: models and samples of data are in them.
    """
    os.umask(0o077)
    with _backups(settings, url) as (backups, place):
        done = backups.back_up(keep)
    made = done.manifest
    text = f"Published {made.name} in {place}: {_holds(made)}; {_copied(done.copied)}."
    if done.removed:
        text += f" Removed {', '.join(done.removed)}."
    facts = {**_facts(made), "place": place, **_counts(done.copied), "removed": list(done.removed)}
    result(text, facts, form)


def restore(
    settings: RegistrySettings, url: str, name: str | None, form: str, *, force: bool
) -> None:
    """Put a backup in the place of what is there. Raises Refusal."""
    with _backups(settings, url) as (backups, place):
        done = backups.restore(name, force=force)
    made = done.manifest
    text = (
        f"Restored {made.name} of {place}: {_holds(made)}; {_copied(done.copied)}. What was "
        f"changed after {made.made_at:%Y-%m-%d %H:%M:%S} UTC is not in it."
    )
    result(text, {**_facts(made), "place": place, **_counts(done.copied)}, form)


def list_backups(settings: RegistrySettings, url: str, form: str) -> None:
    """Say which backups are published. Raises Refusal, also when none of them can be read."""
    with _backups(settings, url) as (backups, place):
        found = backups.published()
    text = "\n".join(map(_line, found)) or f"There is no published backup in {place}."
    result(text, [_facts(one) for one in found], form)
    unreadable = [one for one in found if isinstance(one, Unreadable)]
    if not unreadable:
        return
    told = f"{len(unreadable)} of {len(found)} backups in {place} can't be read."
    if len(unreadable) == len(found):
        raise BackupUnusableError(told)
    warn(told)


@contextmanager
def _backups(settings: RegistrySettings, url: str) -> Iterator[tuple[Backups, str]]:
    for used in (url, settings.artifacts):
        require_supported(used)
    folder = BackupFiles(url)
    database = Database(settings.database)
    try:
        yield (
            Backups(
                tables=SqlTables(database),
                files=ReachedFiles(settings.artifacts),
                folder=folder,
                clock=lambda: datetime.now(UTC),
                draw=lambda: secrets.token_hex(3),
                progress=progress,
            ),
            folder.place,
        )
    finally:
        database.close()


def _line(one: Manifest | Unreadable) -> str:
    if isinstance(one, Unreadable):
        return f"{one.name}  UNREADABLE  {one.reason}"
    return f"{one.name}  revision {one.revision}  {_holds(one)}"


def _holds(made: Manifest) -> str:
    files = f"{made.artifacts.rows} artifacts ({size(made.artifact_bytes)})"
    return f"{made.rows} rows of {len(made.tables)} tables, {files}"


def _copied(copied: Copied) -> str:
    return f"{copied.files} artifacts ({size(copied.size_bytes)}) had to be copied"


def _facts(made: Manifest | Unreadable) -> dict[str, object]:
    if isinstance(made, Unreadable):
        return {"backup": made.name, "unreadable": made.reason}
    return {
        "backup": made.name,
        "made_at": made.made_at.isoformat(),
        "revision": made.revision,
        "sequence": made.sequence,
        "head": None if made.head is None else made.head.hash,
        "rows": {table: part.rows for table, part in made.tables.items()},
        "artifacts": made.artifacts.rows,
        "artifact_bytes": made.artifact_bytes,
    }


def _counts(copied: Copied) -> dict[str, object]:
    return {"copied": copied.files, "copied_bytes": copied.size_bytes}
