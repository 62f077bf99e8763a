"""A stopping registry is not ready, answers what still comes, and ends within its grace."""

import hashlib
import signal
import socket
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest

from .conftest import ADMIN, SIGNATURE, Files, RegistryProcess, make_model, upload

pytestmark = pytest.mark.timeout(300)


@pytest.fixture
def registry(tmp_path: Path) -> Iterator[RegistryProcess]:
    settings = {"UNDERSTUDY_REGISTRY_DRAIN_SECONDS": "60", "UNDERSTUDY_REGISTRY_GRACE_SECONDS": "2"}
    found = RegistryProcess(tmp_path, settings=settings)
    found.start()
    yield found
    if found.process is not None and found.process.poll() is None:
        found.end(signal.SIGKILL)


def signalled(registry: RegistryProcess) -> None:
    assert registry.process is not None
    registry.process.send_signal(signal.SIGTERM)


def await_unready(registry: RegistryProcess) -> httpx.Response:
    while True:
        answer = httpx.get(f"{registry.url}/readyz")
        if answer.status_code == 503:
            return answer
        time.sleep(0.02)


def test_readiness_goes_first_and_the_second_signal_ends_the_wait(
    registry: RegistryProcess,
) -> None:
    signalled(registry)
    answer = await_unready(registry)
    assert "stopping" in answer.text
    assert httpx.get(f"{registry.url}/livez").status_code == 200
    with registry.client() as client:
        for number in range(3):
            made = client.post("/v1/projects", json={"name": f"late-{number}"})
            assert (made.status_code, made.headers["Connection"]) == (201, "close")
    registry.end()
    assert registry.process is not None
    assert registry.process.returncode == 0
    assert '"stopped"' in registry.log()


def test_an_open_request_is_waited_for(registry: RegistryProcess) -> None:
    """An upload of which half has come when the registry is told to stop."""
    content = b"x" * 100_000
    with upload_begun(registry, content[:50_000], len(content)) as upload:
        signalled(registry)
        await_unready(registry)
        signalled(registry)
        await_closed(registry)
        upload.sendall(content[50_000:])
        assert upload.recv(1000).startswith(b"HTTP/1.1 20")
    assert registry.process is not None
    assert registry.process.wait(20) == 0


def test_a_request_that_never_ends_is_not_waited_for(registry: RegistryProcess) -> None:
    with upload_begun(registry, b"x", 100_000), ThreadPoolExecutor(1) as pool:
        signalled(registry)
        await_unready(registry)
        signalled(registry)
        assert registry.process is not None
        assert pool.submit(registry.process.wait, 20).result() == 0


def test_a_job_is_not_waited_for_and_its_version_can_be_registered_again(
    registry: RegistryProcess, files: Files
) -> None:
    with registry.client() as client:
        make_model(client)
        body = {
            "artifact": upload(client, files.model),
            "reference": upload(client, files.sample),
            "signature": SIGNATURE,
        }
        later = {"Prefer": "respond-async"}
        begun = client.post("/v1/models/credit/versions", json=body, headers=later)
        place = begun.headers["Location"]
        while not client.get(place).json()["step"].startswith("inspecting"):
            time.sleep(0.01)
    signalled(registry)
    await_unready(registry)
    registry.end()
    assert registry.process is not None
    assert registry.process.returncode == 0
    registry.start()
    with registry.client() as client:
        job = client.get(place).json()
        assert (job["state"], job["problem"]["code"]) == ("failed", "cut_off")
        assert job["problem"]["status"] == 503
        made = client.post("/v1/models/credit/versions", json=body)
        assert (made.status_code, made.json()["version"]) == (201, 1), made.text
        assert made.json()["compiled"] is not None


def upload_begun(registry: RegistryProcess, part: bytes, length: int) -> socket.socket:
    digest = hashlib.sha256(b"x" * length).hexdigest()
    connection = socket.create_connection(("127.0.0.1", registry.port), timeout=20)
    head = f"PUT /v1/artifacts/{digest} HTTP/1.1\r\nHost: registry\r\nContent-Length: {length}\r\n"
    connection.sendall(f"{head}Authorization: Bearer {ADMIN}\r\n\r\n".encode() + part)
    time.sleep(0.3)
    return connection


def await_closed(registry: RegistryProcess) -> None:
    while True:
        try:
            socket.create_connection(("127.0.0.1", registry.port), timeout=5).close()
        except ConnectionRefusedError:
            return
        time.sleep(0.02)
