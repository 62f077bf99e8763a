"""A backup that is not as it was written is refused, and the registry left as it is."""

import gzip
import hashlib
import json
from pathlib import Path

import pytest
import sqlalchemy as sa

from services.registry.adapters.backup_files import BackupFiles
from services.registry.adapters.state_store import SqlState
from services.registry.domain.backups import (
    ArtifactLostError,
    BackupFolderUnavailableError,
    BackupNotFoundError,
    BackupTooNewError,
    BackupUnusableError,
)
from services.registry.domain.errors import SchemaAheadError, SchemaBehindError
from services.registry.operations.backups import Unreadable
from tests.fakes.installations import (
    MODEL,
    ONNX,
    Installation,
    fill,
    stated,
)

from .conftest import Install


def damaged(path: Path, *, found: bytes | None) -> None:
    if found is None:
        path.unlink()
    else:
        path.write_bytes(found)


@pytest.mark.parametrize("file", ["versions.jsonl.gz", "state.jsonl.gz", "artifacts.jsonl.gz"])
@pytest.mark.parametrize("how", ["truncated", "changed", "missing", "empty"])
def test_a_damaged_file_is_refused_before_anything_happens(
    install: Install, filled: Installation, tmp_path: Path, file: str, how: str
) -> None:
    filled.backups(tmp_path / "b").back_up()
    (path,) = (tmp_path / "b").glob(f"2*/{file}")
    content = path.read_bytes()
    turned = bytes([content[-9] ^ 1])
    found = {
        "truncated": content[:-5],
        "changed": content[:-9] + turned + content[-8:],
        "missing": None,
        "empty": b"",
    }
    damaged(path, found=found[how])
    there = install("sqlite")
    before = there.rows()
    with pytest.raises(BackupUnusableError, match=file):
        there.backups(tmp_path / "b").restore()
    assert there.rows() == before
    assert there.files.size(MODEL) is None


@pytest.mark.parametrize("found", [None, b"another"])
def test_a_lost_artifact_of_the_backup_leaves_the_registry_alone(
    install: Install, filled: Installation, tmp_path: Path, found: bytes | None
) -> None:
    filled.backups(tmp_path / "b").back_up()
    damaged(tmp_path / "b" / "artifacts" / ONNX[:2] / ONNX, found=found)
    there = install("sqlite")
    before = there.rows()
    with pytest.raises(BackupUnusableError, match=ONNX):
        there.backups(tmp_path / "b").restore()
    assert there.rows() == before


@pytest.mark.parametrize("found", [None, b"another"])
def test_a_lost_artifact_of_the_registry_is_told_and_nothing_published(
    filled: Installation, tmp_path: Path, found: bytes | None
) -> None:
    damaged(filled.folder / "artifacts" / ONNX[:2] / ONNX, found=found)
    backups = filled.backups(tmp_path / "b")
    with pytest.raises(ArtifactLostError, match=ONNX):
        backups.back_up()
    assert backups.published() == []
    assert SqlState(filled.database).state().backed_up_at is None


def test_a_damaged_artifact_of_the_registry_is_mended(filled: Installation, tmp_path: Path) -> None:
    filled.backups(tmp_path / "b").back_up()
    place = filled.folder / "artifacts" / MODEL[:2] / MODEL
    place.write_bytes(b"m0del")
    assert filled.backups(tmp_path / "b").restore(force=True).copied.files == 1
    assert place.read_bytes() == b"model"


def test_what_a_newer_release_made_is_refused(
    install: Install, filled: Installation, tmp_path: Path
) -> None:
    filled.backups(tmp_path / "b").back_up()
    there = install("sqlite").backups(tmp_path / "b")
    stated(tmp_path / "b", revision="9999")
    with pytest.raises(BackupTooNewError, match="9999"):
        there.restore()
    stated(tmp_path / "b", revision="0005", format=2)
    with pytest.raises(BackupTooNewError, match="format 2"):
        there.restore()


def test_what_is_no_backup_is_refused(install: Install, tmp_path: Path) -> None:
    backups = install("sqlite").backups(tmp_path / "b")
    with pytest.raises(BackupNotFoundError):
        backups.restore()
    folder = tmp_path / "b" / "20261101T000000Z-000000"
    folder.mkdir(parents=True)
    (tmp_path / "b" / "notes").mkdir()
    with pytest.raises(BackupNotFoundError):
        backups.restore(folder.name)
    with pytest.raises(BackupNotFoundError):
        backups.restore("../../etc")
    (folder / "manifest.json").write_text('{"format": 1, "name": 7}')
    with pytest.raises(BackupUnusableError):
        backups.restore()
    (folder / "manifest.json").write_text("no JSON")
    with pytest.raises(BackupUnusableError):
        backups.restore()


def test_one_that_cannot_be_read_hides_no_other(filled: Installation, tmp_path: Path) -> None:
    backups = filled.backups(tmp_path / "b")
    good = backups.back_up().manifest
    for day, content in (("20200101", "no JSON"), ("20991231", '{"format": 2}')):
        folder = tmp_path / "b" / f"{day}T000000Z-000000"
        folder.mkdir()
        (folder / "manifest.json").write_text(content)
    (tmp_path / "b" / "20200102T000000Z-000000" / "manifest.json").mkdir(parents=True)
    newest, listed, *others = backups.published()
    assert listed == good
    told = [(one.name[:8], one.reason) for one in (newest, *others) if isinstance(one, Unreadable)]
    assert [name for name, _ in told] == ["20991231", "20200102", "20200101"]
    for (_, reason), word in zip(told, ("format 2", "IsADirectory", "can't be read"), strict=True):
        assert word in reason


def test_a_folder_that_cannot_be_written_is_told(filled: Installation, tmp_path: Path) -> None:
    (tmp_path / "b").write_text("a file")
    with pytest.raises(BackupFolderUnavailableError):
        filled.backups(tmp_path / "b").back_up()
    with pytest.raises(BackupFolderUnavailableError):
        BackupFiles("nonsense://bucket")


def test_rows_that_do_not_fit_undo_the_whole_restore(
    install: Install, filled: Installation, tmp_path: Path
) -> None:
    """As somebody would make them who writes files and digests by hand."""
    filled.backups(tmp_path / "b").back_up()
    (path,) = (tmp_path / "b").glob("2*/versions.jsonl.gz")
    for lines in (b'{"table":"versions","columns":[["model","text"]]}\n["credit"]\n[1,2]\n', b"\n"):
        path.write_bytes(gzip.compress(lines))
        content = path.read_bytes()
        manifest = json.loads(path.with_name("manifest.json").read_text())
        part = {
            "rows": 2,
            "size_bytes": len(content),
            "sha256": hashlib.sha256(content).hexdigest(),
        }
        stated(tmp_path / "b", tables={**manifest["tables"], "versions": part})
        there = install("sqlite")
        fill(there)
        before = there.rows()
        with pytest.raises(BackupUnusableError):
            there.backups(tmp_path / "b").restore(force=True)
        assert there.rows() == before


def test_tables_of_another_revision_are_neither_backed_up_nor_replaced(
    filled: Installation, tmp_path: Path
) -> None:
    backups = filled.backups(tmp_path / "b")
    backups.back_up()
    with filled.database.note() as connection:
        connection.execute(sa.text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(SchemaAheadError):
        backups.back_up()
    with pytest.raises(SchemaAheadError):
        backups.restore(force=True)
    with pytest.raises(SchemaAheadError, match="9999"):
        filled.database.migrate()
    with filled.database.note() as connection:
        connection.execute(sa.text("UPDATE alembic_version SET version_num = '0004'"))
    with pytest.raises(SchemaBehindError, match="migrate"):
        backups.back_up()
    with pytest.raises(SchemaBehindError, match="migrate"):
        filled.database.require_migrated()
    assert len(backups.published()) == 1
