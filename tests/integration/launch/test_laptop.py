"""`understudy up` as a whole: what it starts, what it refuses, what comes back."""

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import psutil
import pytest

from tests.cluster import LaptopCluster


def up(environment: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "understudy.cli", "up", "--no-example"]
    return subprocess.run(
        command, env=environment, capture_output=True, text=True, timeout=60, check=False
    )


@pytest.mark.timeout(180)
def test_every_process_is_ready_and_tells_its_metrics(cluster: LaptopCluster) -> None:
    for service in ("serving", "registry", "monitor", "challenger"):
        assert cluster.ready(service)
        assert "# HELP understudy_" in cluster.metrics(service)


def test_the_folder_has_one_launcher(cluster: LaptopCluster) -> None:
    second = up(cluster.environment)
    assert second.returncode == 1
    assert f"process {cluster.launcher_pid()}" in second.stdout
    assert "UNDERSTUDY_STATE_DIR" in second.stdout


def test_taken_ports_are_told_before_anything_starts(
    cluster: LaptopCluster, tmp_path: Path
) -> None:
    second = up({**cluster.environment, "UNDERSTUDY_STATE_DIR": str(tmp_path)})
    assert second.returncode == 1
    for service in ("serving", "registry", "monitor", "challenger", "redis"):
        assert f"Port {cluster.ports[service]}, meant for" in second.stdout
        assert f"UNDERSTUDY_{service.upper()}_PORT=" in second.stdout
    assert not list((tmp_path / "logs").iterdir())


def test_a_setting_that_is_wrong_is_named(cluster: LaptopCluster) -> None:
    failed = up({**cluster.environment, "UNDERSTUDY_SERVING_PORT": "99999"})
    assert failed.returncode == 2
    assert "UNDERSTUDY_SERVING_PORT" in failed.stderr


def test_other_users_of_the_machine_read_nothing(cluster: LaptopCluster) -> None:
    found = [cluster.state_dir, *cluster.state_dir.rglob("*")]
    open_to_others = []
    for path in found:
        with contextlib.suppress(FileNotFoundError):  # drafts go while one looks
            if path.lstat().st_mode & 0o077:
                open_to_others.append(path)
    assert len(found) > len(cluster.ports)
    assert open_to_others == []


@pytest.mark.slow
@pytest.mark.timeout(180)
def test_killed_processes_come_back(cluster: LaptopCluster) -> None:
    names = ("redis", "registry", "serving", "challenger", "monitor")
    killed = {name: cluster.kill(name) for name in names}
    for name, pid in killed.items():
        cluster.await_restart(name, pid)
        assert f"{name} ended (signal SIGKILL); starting it again" in cluster.output


@pytest.mark.slow
@pytest.mark.timeout(180)
def test_a_killed_launcher_takes_its_processes_along_and_the_next_one_resumes(
    cluster: LaptopCluster,
) -> None:
    cluster.registry.create_project("kept")
    family = psutil.Process(cluster.launcher_pid()).children(recursive=True)
    os.kill(cluster.launcher_pid(), signal.SIGKILL)
    _, left = psutil.wait_procs(family, timeout=15)
    assert left == []
    cluster.stop()
    cluster.start()
    assert "Understudy resumes" in cluster.output
    assert "kept" in {project.name for project in cluster.registry.projects()}
