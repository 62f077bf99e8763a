"""When the container of the compose file that makes backups makes one."""

import os
import subprocess
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import pytest
import yaml

from services.registry.adapters.backup_files import BackupFiles
from services.registry.domain.backups import FORMAT, Manifest, Part

COMPOSE: Final = Path(__file__).parents[3] / "docker-compose.yml"
NAME: Final = "20260301T020000Z-1a2b3c"


def publish(folder: Path, minutes: int, size_bytes: int) -> None:
    """A backup of `minutes` ago, with artifacts of so many bytes."""
    made_at, none = datetime(2026, 3, 1, 2, tzinfo=UTC), Part(0, 0, "")
    files = BackupFiles(str(folder))
    files.write(NAME, "artifacts.jsonl.gz", [])
    files.publish(Manifest(FORMAT, NAME, made_at, "0005", 7, {}, none, size_bytes))
    at = time.time() - 60 * minutes
    os.utime(folder / NAME / "manifest.json", (at, at))


def made(folder: Path, backups: Path) -> str:
    """What the container's own script runs, once round, by a program that leaves a trace."""
    program, trace = folder / "programs" / "python", folder / "trace"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\necho "$@" > {trace}\n')
    program.chmod(0o755)
    service = yaml.safe_load(COMPOSE.read_text())["services"]["backup"]
    shell, flag, script = service["entrypoint"]
    once = script.replace("$$", "$").replace("/backups", str(backups)).replace("sleep 300", "break")
    path = f"{program.parent}:{os.environ['PATH']}"
    subprocess.run([shell, flag, once], env={"PATH": path}, check=True, timeout=60)
    return trace.read_text() if trace.exists() else ""


def test_the_first_is_made_at_once(tmp_path: Path) -> None:
    told = made(tmp_path, tmp_path / "backups")
    assert told == f"-m services.registry backup {tmp_path}/backups --keep 7\n"


@pytest.mark.parametrize(
    ("minutes", "size_bytes", "due"),
    [
        (30, 0, False),
        (90, 0, True),
        (30, 9, False),
        (90, 9, False),
        (1430, 10_000, False),
        (1450, 10_000, True),
    ],
)
def test_they_are_hourly_until_one_held_an_artifact_then_daily(
    tmp_path: Path, minutes: int, size_bytes: int, *, due: bool
) -> None:
    publish(tmp_path / "backups", minutes, size_bytes)
    assert bool(made(tmp_path, tmp_path / "backups")) is due
