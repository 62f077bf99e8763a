"""The manners of a database that is a file of SQLite, whoever keeps it. Knows no other library.

Adapters `claim` the file, call `prepare` for each new connection, and begin each transaction with
`beginning`.
"""

import contextlib
import os
import sqlite3
import time
from typing import Final

_OWNER_ALONE: Final = 0o600
_BETWEEN_TRIES_SECONDS: Final = 0.01


def claim(path: str) -> None:
    """Before it is opened: a database that is not there yet is its owner's alone.

    SQLite gives what it makes beside it the same rights. Raises OSError.
    """
    if path.startswith((":memory:", "file:")):
        return
    with contextlib.suppress(FileExistsError):
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, _OWNER_ALONE))


def prepare(connection: sqlite3.Connection, busy_milliseconds: int) -> None:
    """Commits are on the disk before they are believed; readers don't wait for writers."""
    # The driver's own idea of when to begin a transaction is switched off; see `beginning`.
    connection.isolation_level = None
    cursor = connection.cursor()
    cursor.execute(f"PRAGMA busy_timeout = {busy_milliseconds}")
    cursor.execute("PRAGMA synchronous = FULL")
    cursor.execute("PRAGMA foreign_keys = ON")
    _write_ahead(cursor, busy_milliseconds / 1000)
    cursor.close()


def beginning(*, immediate: bool) -> str:
    """The statement that begins a transaction.

    One that begins by reading and then writes may find itself too late; an immediate one, which
    takes the write lock at once, waits for its turn instead.
    """
    return "BEGIN IMMEDIATE" if immediate else "BEGIN"


def _write_ahead(cursor: sqlite3.Cursor, patience_seconds: float) -> None:
    """Switch to the write-ahead log; processes that do it at once don't wait for one another."""
    deadline = time.monotonic() + patience_seconds
    while True:
        try:
            cursor.execute("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError:
            if time.monotonic() > deadline:
                raise
            time.sleep(_BETWEEN_TRIES_SECONDS)
        else:
            return
