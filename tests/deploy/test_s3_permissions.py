"""Keys of an S3-compatible store that may not do everything: the store itself refuses."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from services.registry.adapters.database import Database
from tests.deploy.object_store import ObjectStore, object_store
from tests.fakes.installations import Installation, fill
from understudy.runtime.folders import FolderUnavailableError, WrittenFolder

pytestmark = pytest.mark.timeout(300)

ADDING: Final = ("s3:GetObject", "s3:PutObject", "s3:ListBucket")


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ObjectStore]:
    """As a key sees it that may add and read, and neither delete nor make buckets."""
    with object_store(tmp_path_factory.mktemp("store")) as running:
        running.client("s3").create_bucket(Bucket="there")
        adding = running.with_key("adds", *ADDING)
        running.begin_to_refuse()
        yield adding


def registry(folder: Path, store: ObjectStore, *words: str, **settings: str) -> tuple[int, str]:
    """The exit code of a command, and all that it said."""
    stated = {
        "UNDERSTUDY_STATE_DIR": str(folder / "var"),
        **{f"UNDERSTUDY_{name}": value for name, value in settings.items()},
    }
    done = subprocess.run(
        [sys.executable, "-m", "services.registry", *words],
        env={**os.environ, **store.environment, **stated},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    said = done.stdout + done.stderr
    assert store.key[1] not in said
    return done.returncode, said


def test_a_backup_needs_no_right_to_delete(tmp_path: Path, store: ObjectStore) -> None:
    url = f"sqlite:///{tmp_path}/registry.db"
    database = Database(url)
    database.migrate()
    fill(Installation(database, tmp_path))
    database.close()
    here = {"DATABASE_URL": url, "ARTIFACTS_URL": str(tmp_path / "artifacts")}
    for _ in range(2):
        code, said = registry(tmp_path, store, "backup", "s3://there/backups", **here)
        assert code == 0, said
    code, said = registry(tmp_path / "other", store, "restore", "s3://there/backups")
    assert code == 0, said
    assert "Restored" in said


def test_a_bucket_that_can_not_be_made_is_named(tmp_path: Path, store: ObjectStore) -> None:
    code, said = registry(tmp_path, store, "migrate")
    assert code == 0, said
    code, said = registry(tmp_path, store, "backup", "s3://missing/backups")
    assert code == 1, said
    assert "s3://missing/backups" in said
    assert "bucket does not exist" in said
    assert "Traceback" not in said


def test_a_registry_without_its_bucket_says_so_and_ends(tmp_path: Path, store: ObjectStore) -> None:
    code, said = registry(tmp_path, store, ARTIFACTS_URL="s3://missing/artifacts")
    assert code == 2, said
    assert "The folder s3://missing/artifacts can't be written" in said
    assert "bucket does not exist" in said


def test_who_may_make_no_bucket_writes_into_one(store: ObjectStore) -> None:
    files = store.files()
    with WrittenFolder(files, "there/archive").writing():
        files.pipe_file("there/archive/x", b"1")
    assert store.names("there/archive") == ["there/archive/x"]
    with (
        pytest.raises(FolderUnavailableError, match="s3://missing/archive"),
        WrittenFolder(files, "missing/archive").writing(),
    ):
        files.pipe_file("missing/archive/x", b"1")
