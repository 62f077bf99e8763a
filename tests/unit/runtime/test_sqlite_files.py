"""Databases that are files."""

import os
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from understudy.runtime.sqlite_files import claim, prepare


@pytest.fixture(autouse=True)
def open_handed() -> Iterator[None]:
    """As shells are set up: others may read what is made."""
    before = os.umask(0o022)
    yield
    os.umask(before)


def test_a_database_and_what_stands_beside_it_is_its_owners_alone(tmp_path: Path) -> None:
    path = tmp_path / "new.db"
    claim(str(path))
    connection = sqlite3.connect(path)
    prepare(connection, 100)
    connection.execute("CREATE TABLE one (number INTEGER)")
    found = {one.name: one.stat().st_mode & 0o777 for one in tmp_path.iterdir()}
    connection.close()
    assert found == {"new.db": 0o600, "new.db-wal": 0o600, "new.db-shm": 0o600}


def test_one_that_is_there_stays_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "old.db"
    path.write_bytes(b"kept")
    path.chmod(0o660)
    claim(str(path))
    assert (path.read_bytes(), path.stat().st_mode & 0o777) == (b"kept", 0o660)


@pytest.mark.parametrize("path", [":memory:", "file:some?mode=memory&uri=true"])
def test_what_is_no_path_is_left_alone(
    path: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    claim(path)
    assert not list(tmp_path.iterdir())
