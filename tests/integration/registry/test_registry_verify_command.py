"""`python -m services.registry verify`: the database is enough, no registry need run."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from services.registry.adapters.database import Database
from services.registry.adapters.tables import audit
from tests.fakes.installations import Installation, fill
from tests.fakes.outcome_stores import DATABASES, fresh_url
from tests.integration.registry.conftest import RegistryProcess


@pytest.fixture(params=DATABASES)
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "postgres":
        request.getfixturevalue("postgres")
    found = fresh_url(request.param, tmp_path)
    database = Database(found)
    database.migrate()
    fill(Installation(database, tmp_path))
    database.close()
    return found


def verify(folder: Path, url: str, *words: str) -> tuple[int, Any, str]:
    registry = RegistryProcess(folder, settings={"UNDERSTUDY_DATABASE_URL": url})
    done = subprocess.run(
        [sys.executable, "-m", "services.registry", "verify", "-o", "json", *words],
        env=registry.environment(),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    return done.returncode, json.loads(done.stdout or "null"), done.stderr


def test_a_trail_is_verified_and_what_was_written_into_it_is_found(
    url: str, tmp_path: Path
) -> None:
    code, told, _ = verify(tmp_path, url)
    assert (code, told["whole"], told["breaks"]) == (0, True, [])
    head = f"{told['head']['sequence']}:{told['head']['hash']}"
    assert verify(tmp_path, url, "--expect", head)[0] == 0
    database = Database(url)
    with database.note() as connection:
        forged = sa.update(audit).where(audit.c.sequence == told["first"] + 2)
        connection.execute(forged.values(actor="eve"))
    database.close()
    code, told, _ = verify(tmp_path, url, "--head", told["head"]["hash"])
    found = {"kind": "changed", "first": told["first"] + 2, "last": told["first"] + 2}
    assert code == 1
    assert [{name: one[name] for name in found} for one in told["breaks"]] == [found]


def test_what_is_no_hash_is_told_so(tmp_path: Path) -> None:
    code, _, said = verify(tmp_path, f"sqlite:///{tmp_path}/r.db", "--expect", "12:abc")
    assert code == 2
    assert "64 hexadecimal digits" in said
