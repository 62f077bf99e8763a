"""The registry ends and starts: with grace, without, with open waits, with wrong settings."""

import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest

from .conftest import ADMIN, SERVICE, RegistryProcess

RELEASES = "/v1/deployments/credit/releases"
READS = (
    "/v1/projects",
    "/v1/models",
    "/v1/models/credit/versions",
    "/v1/deployments",
    RELEASES,
    "/v1/keys",
    "/v1/audit",
    "/v1/snapshot",
)


def told(registry: RegistryProcess) -> list[object]:
    with registry.client() as client:
        return [client.get(path).json() for path in READS]


def test_an_end_is_quick_and_a_restart_keeps_everything(deployed_registry: RegistryProcess) -> None:
    with deployed_registry.client() as client:
        client.post(RELEASES, json={"kind": "challenge", "version": 2})
        issued = client.post("/v1/keys", json={"name": "app", "scopes": ["read"]}).json()
    before = told(deployed_registry)
    end_while_waited_on(deployed_registry, signal.SIGTERM)
    deployed_registry.start()
    assert told(deployed_registry) == before
    with deployed_registry.client(issued["key"]) as client:
        assert client.get("/v1/deployments/credit").status_code == 200
    assert issued["key"] not in deployed_registry.log()
    assert ADMIN not in deployed_registry.log()
    end_while_waited_on(deployed_registry, signal.SIGINT)


def end_while_waited_on(registry: RegistryProcess, with_signal: signal.Signals) -> None:
    with registry.client(SERVICE) as client, ThreadPoolExecutor(4) as pool:
        headers = {"If-None-Match": client.get("/v1/snapshot").headers["ETag"]}
        waits = [pool.submit(client.get, "/v1/snapshot?wait=25", headers=headers) for _ in range(4)]
        time.sleep(0.3)
        assert not any(wait.done() for wait in waits)
        assert registry.end(with_signal) < 2
        assert {wait.result().status_code for wait in waits} == {304}


def test_a_wait_hears_of_a_change_at_once(registry_process: RegistryProcess) -> None:
    with registry_process.client() as client, ThreadPoolExecutor(1) as pool:
        headers = {"If-None-Match": client.get("/v1/snapshot").headers["ETag"]}
        wait = pool.submit(client.get, "/v1/snapshot?wait=25", headers=headers)
        time.sleep(0.3)
        began = time.monotonic()
        assert client.post("/v1/projects", json={"name": "news"}).status_code == 201
        assert wait.result().status_code == 200
        assert time.monotonic() - began < 0.9


def test_two_promotions_at_once_make_one_release(registry_process: RegistryProcess) -> None:
    releases = "/v1/deployments/contended/releases"
    body = {"name": "contended", "model": "credit", "main": 1, "challengers": [2]}
    with registry_process.client() as client, ThreadPoolExecutor(8) as pool:
        assert client.post("/v1/deployments", json=body).status_code == 201
        promote = {"kind": "promote", "version": 2}
        waits = [pool.submit(client.post, releases, json=promote) for _ in range(8)]
        answers = [wait.result() for wait in waits]
        assert sorted(answer.status_code for answer in answers) == [201] + [409] * 7
        assert len(client.get(releases).json()["items"]) == 2


def test_a_killed_registry_is_consistent(deployed_registry: RegistryProcess) -> None:
    """Whatever was confirmed is there; each release has its audit row; numbers have no gaps."""
    with deployed_registry.client() as client:
        client.post(RELEASES, json={"kind": "challenge", "version": 2})
    confirmed = 2
    for _ in range(2):
        confirmed = swap_until_killed(deployed_registry, confirmed)
        deployed_registry.start()
        with deployed_registry.client() as client:
            releases = client.get(f"{RELEASES}?limit=1000").json()["items"]
            trail = client.get("/v1/audit?limit=1000").json()["items"]
        numbers = [release["release"] for release in releases]
        assert numbers == list(range(len(numbers), 0, -1))
        assert len(numbers) in {confirmed, confirmed + 1}
        released = [row for row in trail if row["action"] == "deployment.release"]
        assert [row["details"]["release"] for row in released] == numbers[:-1]
        sequences = [row["sequence"] for row in trail]
        assert sequences == list(range(sequences[0], sequences[0] - len(sequences), -1))
        confirmed = len(numbers)


def swap_until_killed(registry: RegistryProcess, confirmed: int) -> int:
    """Swap as fast as it goes while the process is killed; returns the last confirmed release."""
    killer = threading.Timer(0.3, registry.end, [signal.SIGKILL])
    killer.start()
    with registry.client() as client:
        while True:
            try:
                answer = client.post(RELEASES, json={"kind": "swap"})
            except httpx.TransportError:
                break
            assert answer.status_code == 201, answer.text
            confirmed = answer.json()["release"]
    killer.join()
    return confirmed


def ended_at_once(registry: RegistryProcess) -> str:
    """What a registry said that should not have started."""
    ended = subprocess.run(
        [sys.executable, "-m", "services.registry"],
        env=registry.environment(),
        capture_output=True,
        text=True,
        timeout=20,
        check=False,
    )
    assert ended.returncode != 0
    return ended.stdout + ended.stderr


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"UNDERSTUDY_ADMIN_KEY": "hunter2hunter2"}, "UNDERSTUDY_ADMIN_KEY: "),
        ({"UNDERSTUDY_DATABASE_URL": "sqlite:////proc/nowhere/x.db"}, "UNDERSTUDY_DATABASE_URL"),
    ],
)
def test_what_is_wrong_is_told_at_the_start(
    tmp_path: Path, settings: dict[str, str], words: str
) -> None:
    said = ended_at_once(RegistryProcess(tmp_path, settings=settings))
    assert words in said
    assert "Traceback" not in said
    assert "hunter2hunter2" not in said


def test_a_port_that_is_taken_is_told(registry_process: RegistryProcess, tmp_path: Path) -> None:
    second = RegistryProcess(tmp_path, port=registry_process.port)
    assert "address already in use" in ended_at_once(second)
