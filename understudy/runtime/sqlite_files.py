"""The manners of a database that is a file of SQLite, whoever keeps it. Knows no other library.

Adapters call `prepare` for each new connection, and begin each transaction with `beginning`.
"""

import sqlite3
import time
from typing import Final

_BETWEEN_TRIES_SECONDS: Final = 0.01


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
