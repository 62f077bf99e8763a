"""Folders that are made before they are written to, in stores whose keys may do more or less."""

from pathlib import Path
from typing import Any

import pytest
from fsspec.implementations.local import LocalFileSystem
from fsspec.implementations.memory import MemoryFileSystem

from understudy.runtime.folders import FolderUnavailableError, WrittenFolder, make_folder

ROOT = "/bucket/archive"


class Bucket(MemoryFileSystem):  # type: ignore[misc] # fsspec has no types
    """An object store with one bucket: files go into it once it is there."""

    protocol = "bucket"
    cachable = False
    store: dict[str, Any] = {}  # noqa: RUF012 - fsspec's own way

    def __init__(self, *, there: bool, may_make: bool) -> None:
        super().__init__()
        self.store.clear()
        self.there, self.may_make = there, may_make
        self.asked = 0

    def makedirs(self, path: str, exist_ok: bool = False) -> None:  # noqa: FBT002 - fsspec's
        del path, exist_ok
        self.asked += 1
        if not self.may_make:
            raise PermissionError("AccessDenied for https://me:s3cret@store")
        self.there = True

    def pipe_file(self, path: str, value: bytes, mode: str = "overwrite", **how: Any) -> None:
        if not self.there:
            raise FileNotFoundError("NoSuchBucket at https://me:s3cret@store")
        super().pipe_file(path, value, mode, **how)


def write(files: Bucket, folder: WrittenFolder, name: str = "x") -> None:
    with folder.writing():
        files.pipe_file(f"{ROOT}/{name}", b"1")


def test_a_bucket_is_made_once() -> None:
    files = Bucket(there=False, may_make=True)
    folder = WrittenFolder(files, ROOT)
    write(files, folder, "one")
    write(files, folder, "two")
    assert files.asked == 1
    assert {files.cat_file(f"{ROOT}/{name}") for name in ("one", "two")} == {b"1"}


def test_a_bucket_that_goes_is_made_anew() -> None:
    files = Bucket(there=False, may_make=True)
    folder = WrittenFolder(files, ROOT)
    write(files, folder)
    files.there = False
    with pytest.raises(FolderUnavailableError):
        write(files, folder)
    write(files, folder)
    assert files.asked == 2


def test_a_key_that_may_make_no_bucket_writes_into_one() -> None:
    files = Bucket(there=True, may_make=False)
    write(files, WrittenFolder(files, ROOT))
    assert files.cat_file(f"{ROOT}/x") == b"1"


def test_without_a_bucket_the_folder_is_named_and_no_password() -> None:
    files = Bucket(there=False, may_make=False)
    with pytest.raises(FolderUnavailableError, match="bucket:///bucket/archive") as raised:
        write(files, WrittenFolder(files, ROOT))
    assert "FileNotFoundError: NoSuchBucket" in str(raised.value)
    assert "s3cret" not in str(raised.value)


def test_what_only_the_stores_library_raises_is_told_alike() -> None:
    class NoCredentialsError(Exception):
        """As botocore's: not an OSError."""

    folder = WrittenFolder(Bucket(there=True, may_make=True), ROOT)
    with pytest.raises(FolderUnavailableError, match="NoCredentialsError"), folder.writing():
        raise NoCredentialsError


def test_a_mistake_of_the_program_keeps_its_traceback() -> None:
    folder = WrittenFolder(Bucket(there=True, may_make=True), ROOT)
    with pytest.raises(TypeError), folder.writing():
        raise TypeError


def test_a_folder_of_a_disk_that_can_not_be_made_is_told_at_once(tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("a file")
    with pytest.raises(OSError, match="taken"):
        make_folder(LocalFileSystem(), str(tmp_path / "taken" / "folder"))
