"""`verify`: the audit trail's chain is walked at the database, whether or not a registry runs."""

import sys

from services.registry.adapters.database import Database
from services.registry.adapters.state_store import SqlState
from services.registry.commands.telling import result
from services.registry.domain.verifying import Examination, Noted, joined
from services.registry.operations.trail import Trail
from services.registry.settings import RegistrySettings


def verify(settings: RegistrySettings, noted: Noted, form: str) -> None:
    """Say whether it is whole; exit with 1 when it is not. Raises Refusal."""
    database = Database(settings.database)
    try:
        database.require_migrated()
        found = Trail(SqlState(database)).examined(noted)
    finally:
        database.close()
    result(_text(found), _facts(found), form)
    if not found.whole:
        sys.exit(1)


def _text(found: Examination) -> str:
    newest = (
        "" if found.head is None else f"; the newest is {found.head.sequence}:{found.head.hash}"
    )
    if found.whole:
        return f"The chain of {found.entries} entries is whole{newest}."
    count = len(found.breaks) + found.more
    return f"The chain of {found.entries} entries is BROKEN in {count} places{newest}. " + joined(
        found.breaks
    )


def _facts(found: Examination) -> dict[str, object]:
    head = found.head
    return {
        "whole": found.whole,
        "entries": found.entries,
        "first": found.first,
        "head": None if head is None else {"sequence": head.sequence, "hash": head.hash},
        "breaks": [
            {"kind": one.kind.value, "first": one.first, "last": one.last, "detail": one.detail}
            for one in found.breaks
        ],
        "more": found.more,
        "incomparable": found.incomparable,
    }
