"""What an object store raises is told in one line; what is published is said to be."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import fsspec
import pytest
from fsspec.implementations.memory import MemoryFileSystem

from services.registry.adapters.backup_files import BackupFiles
from services.registry.adapters.reaching import ReachedFiles
from services.registry.domain.backups import (
    ArtifactLostError,
    BackupFolderUnavailableError,
    BackupPublishedError,
)
from tests.fakes.installations import FILES, Installation

PLACE = "cloud://me:s3cret@bucket/b"


class CredentialsError(Exception):
    """As libraries of object stores have: no OSError."""


class Cloud(MemoryFileSystem):  # type: ignore[misc]
    """Raises what it is told to, at what it is told to."""

    protocol = "cloud"
    store: dict[str, Any] = {}  # noqa: RUF012 - fsspec's own way
    pseudo_dirs = [""]  # noqa: RUF012 - the same
    fault: Exception | None = None
    verbs: tuple[str, ...] = ()

    @classmethod
    def _strip_protocol(cls, path: str) -> str:
        return "/" + path.removeprefix("cloud://").rpartition("@")[2].strip("/")

    def _met(self, verb: str) -> None:
        fault: Exception | None = type(self).fault
        if fault is not None and verb in type(self).verbs:
            raise fault

    def ls(self, path: str, *args: Any, **named: Any) -> Any:
        self._met("ls")
        return super().ls(path, *args, **named)

    def open(self, path: str, *args: Any, **named: Any) -> Any:
        self._met("open")
        return super().open(path, *args, **named)

    def rm_file(self, path: str) -> None:
        self._met("rm_file")
        super().rm_file(path)

    def rm(self, path: Any, *args: Any, **named: Any) -> None:
        self._met("rm")
        super().rm(path, *args, **named)


@pytest.fixture
def cloud() -> Iterator[type[Cloud]]:
    fsspec.register_implementation("cloud", Cloud, clobber=True)
    Cloud.store.clear()
    Cloud.fault, Cloud.verbs = None, ()
    yield Cloud
    Cloud.fault = None


def fail(cloud: type[Cloud], *verbs: str, fault: Exception | None = None) -> None:
    cloud.fault = fault or CredentialsError("none for https://me:s3cret@bucket/b")
    cloud.verbs = verbs


@pytest.mark.parametrize("verb", ["open", "ls"])
def test_what_an_object_store_raises_is_a_refusal(
    cloud: type[Cloud], filled: Installation, verb: str
) -> None:
    backups = filled.backups(PLACE)
    fail(cloud, verb)
    with pytest.raises(BackupFolderUnavailableError) as raised:
        backups.back_up() if verb == "open" else backups.published()
    assert "CredentialsError" in raised.value.detail
    assert "bucket/b" in raised.value.detail
    assert "s3cret" not in raised.value.detail
    with pytest.raises(BackupFolderUnavailableError):
        b"".join(ReachedFiles(PLACE).read("a" * 64)) if verb == "open" else backups.restore()


def test_a_mistake_of_the_program_keeps_its_traceback(
    cloud: type[Cloud], filled: Installation
) -> None:
    fail(cloud, "open", fault=TypeError("a mistake"))
    with pytest.raises(TypeError):
        filled.backups(PLACE).back_up()


@pytest.mark.usefixtures("cloud")
def test_what_the_registry_itself_meets_is_not_told_as_the_folders(
    filled: Installation, tmp_path: Path
) -> None:
    def lines() -> Iterator[bytes]:
        yield b"[1]\n"
        raise OSError("of the lines")

    for place in (PLACE, str(tmp_path / "b")):
        with pytest.raises(OSError, match="of the lines"):
            BackupFiles(place).write("20260301T120000Z-1a2b3c", "x.jsonl.gz", lines())
    with filled.files.local(next(iter(FILES))) as artifact:
        artifact.unlink()
    with pytest.raises(ArtifactLostError):
        filled.backups(tmp_path / "b").back_up()


@pytest.mark.parametrize("url", ["nothing://x", "s4://me:s3cret@bucket"])
def test_a_url_that_nobody_knows_is_one_line(url: str) -> None:
    with pytest.raises(BackupFolderUnavailableError, match="Protocol not known") as raised:
        BackupFiles(url)
    assert "s3cret" not in raised.value.detail


def test_who_can_not_remove_older_ones_says_that_the_new_one_is_published(
    cloud: type[Cloud], filled: Installation
) -> None:
    backups = filled.backups(PLACE)
    first = backups.back_up().manifest.name
    fail(cloud, "rm_file", "rm")
    with pytest.raises(BackupPublishedError, match="older ones could not be removed") as raised:
        backups.back_up(keep=1)
    cloud.fault = None
    newest, *others = [found.name for found in backups.published()]
    assert newest in raised.value.detail
    assert "is published" in raised.value.detail
    assert others == [first]


def test_who_can_not_note_it_says_that_it_is_published(
    filled: Installation, tmp_path: Path
) -> None:
    backups = filled.backups(tmp_path / "b")
    with filled.database.note() as connection:
        connection.exec_driver_sql(
            "CREATE TRIGGER closed BEFORE UPDATE ON state "
            "BEGIN SELECT RAISE(ABORT, 'nobody may'); END"
        )
    with pytest.raises(BackupPublishedError, match="could not note it") as raised:
        backups.back_up()
    (made,) = backups.published()
    assert made.name in raised.value.detail
