"""`migrate`, `backup` and `restore` as an operator runs them, beside a registry and without one."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from services.registry.adapters.database import Database
from tests.fakes.installations import Installation, fill

from .conftest import RegistryProcess

pytestmark = pytest.mark.timeout(300)

READS = ("/v1/models/credit/versions", "/v1/deployments/credit/releases", "/v1/keys")


def run(registry: RegistryProcess, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "services.registry", *words],
        env=registry.environment(),
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )


def told(registry: RegistryProcess) -> list[object]:
    with registry.client() as client:
        return [client.get(path).json() for path in READS]


@pytest.fixture
def registry(tmp_path: Path) -> Iterator[RegistryProcess]:
    """One that is not started yet, with two versions and a deployment."""
    folder = tmp_path / "var" / "registry"
    database = Database(f"sqlite:///{folder}/registry.db")
    database.migrate()
    fill(Installation(database, folder))
    database.close()
    found = RegistryProcess(tmp_path)
    yield found
    if found.process is not None and found.process.poll() is None:
        found.end(signal.SIGKILL)


@pytest.mark.slow
def test_a_backup_beside_a_registry_makes_another_one(
    registry: RegistryProcess, tmp_path: Path
) -> None:
    place = str(tmp_path / "backups")
    registry.start()
    made = run(registry, "backup", place, "-o", "json")
    assert made.returncode == 0, made.stderr
    assert json.loads(made.stdout)["rows"]["versions"] == 2
    with registry.client() as client:
        metrics = client.get("/metrics").text
        assert client.get("/v1/audit?limit=1").json()["items"][0]["action"] == "registry.back_up"
    (line,) = (one for one in metrics.splitlines() if one.startswith("understudy_backup_time"))
    assert time.time() - float(line.split()[1]) < 600
    expected = told(registry)
    refused = run(registry, "restore", place)
    assert (refused.returncode, "--force" in refused.stderr) == (1, True)
    assert told(registry) == expected
    (tmp_path / "second").mkdir()
    second = RegistryProcess(tmp_path / "second")
    listed = run(second, "restore", place, "--list", "-o", "json")
    assert [one["artifacts"] for one in json.loads(listed.stdout)] == [
        json.loads(made.stdout)["artifacts"]
    ]
    restored = run(second, "restore", place)
    assert restored.returncode == 0, restored.stderr
    second.start()
    try:
        assert told(second) == expected
        with second.client() as client:
            (version, *_) = client.get("/v1/models/credit/versions").json()["items"]
            assert client.get(f"/v1/artifacts/{version['artifact']}").status_code == 200
    finally:
        second.end(signal.SIGKILL)


def test_what_a_backup_makes_is_its_users_alone(registry: RegistryProcess, tmp_path: Path) -> None:
    place = tmp_path / "backups"
    assert run(registry, "backup", str(place)).returncode == 0
    made = [path for path in (place, *place.rglob("*")) if path.name != "incoming"]
    assert {path.stat().st_mode & 0o077 for path in made} == {0}


def test_a_backup_that_is_published_is_not_said_to_have_failed(
    registry: RegistryProcess, tmp_path: Path
) -> None:
    """An older one whose manifest is a folder can't be removed."""
    place = tmp_path / "backups"
    (place / "20200101T000000Z-000000" / "manifest.json").mkdir(parents=True)
    made = run(registry, "backup", str(place), "--keep", "1")
    assert (made.returncode, made.stdout) == (3, "")
    assert "is published" in made.stderr
    assert "could not be removed" in made.stderr
    assert "Traceback" not in made.stderr
    assert len([path for path in place.glob("2*/manifest.json") if path.is_file()]) == 1


@pytest.mark.slow
def test_a_backup_that_is_killed_is_none(registry: RegistryProcess, tmp_path: Path) -> None:
    """An artifact that never comes to its end holds the backup when its tables are written."""
    place = tmp_path / "backups"
    artifact = next(
        path
        for path in sorted((tmp_path / "var" / "registry" / "artifacts").glob("??/*"))
        if path.is_file()
    )
    content = artifact.read_bytes()
    artifact.unlink()
    os.mkfifo(artifact)
    process = subprocess.Popen(
        [sys.executable, "-m", "services.registry", "backup", str(place)],
        env=registry.environment(),
        stderr=subprocess.DEVNULL,
    )
    try:
        with artifact.open("wb"):  # opens when the backup has begun to read
            process.send_signal(signal.SIGKILL)
            process.wait(20)
    finally:
        process.kill()
        process.wait(20)
    assert list(place.glob("2*/versions.jsonl.gz"))
    assert not list(place.glob("2*/manifest.json"))
    none = run(registry, "restore", str(place), "--force")
    assert (none.returncode, "no published backup" in none.stderr) == (1, True)
    artifact.unlink()
    artifact.write_bytes(content)
    assert run(registry, "backup", str(place)).returncode == 0
    assert len(list(place.glob("2*/manifest.json"))) == 1


def test_tables_are_migrated_when_told_to(tmp_path: Path) -> None:
    registry = RegistryProcess(tmp_path, settings={"UNDERSTUDY_REGISTRY_MIGRATE": "false"})
    early = run(registry)
    assert (early.returncode, "migrate" in early.stdout) == (2, True)
    made = run(registry, "migrate", "-o", "json")
    assert (made.returncode, json.loads(made.stdout)["before"]) == (0, None)
    again = run(registry, "migrate")
    assert (again.returncode, "nothing was done" in again.stdout) == (0, True)
    registry.start()
    registry.end()


@pytest.mark.slow
def test_wrong_words_are_told(tmp_path: Path) -> None:
    registry = RegistryProcess(tmp_path)
    for words, told in (
        (["backup"], "URL"),
        (["backup", "x", "--keep", "0"], "'0' is not a number of at least 1"),
        (["backup", "x", "--keep", "abc"], "'abc' is not a number of at least 1"),
        (["backup", ""], "no URL was given"),
        (["restore", " ", "--list"], "no URL was given"),
        (["nonsense"], "nonsense"),
    ):
        said = run(registry, *words)
        assert (said.returncode, "usage:" in said.stderr, told in said.stderr) == (2, True, True)


@pytest.mark.slow
def test_a_list_shows_what_can_be_read_beside_what_cannot(
    registry: RegistryProcess, tmp_path: Path
) -> None:
    place = tmp_path / "backups"
    bad = place / "20200101T000000Z-000000"
    bad.mkdir(parents=True)
    (bad / "manifest.json").write_text("no JSON")
    none = run(registry, "restore", str(place), "--list")
    assert (none.returncode, none.stdout.split()[:2]) == (1, [bad.name, "UNREADABLE"])
    made = json.loads(run(registry, "backup", str(place), "-o", "json").stdout)["backup"]
    some = run(registry, "restore", str(place), "--list")
    assert (some.returncode, "Warning: 1 of 2 backups" in some.stderr) == (0, True)
    assert [line.split()[0] for line in some.stdout.splitlines()] == [made, bad.name]
    listed = json.loads(run(registry, "restore", str(place), "--list", "-o", "json").stdout)
    assert [one["backup"] for one in listed if "unreadable" not in one] == [made]
