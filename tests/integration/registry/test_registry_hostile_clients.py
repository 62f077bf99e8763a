"""A real registry under clients that hold it up, leave, or say that they are somebody else."""

import re
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.hostile_clients import (
    SECONDS,
    ask_and_read_nothing,
    assert_endless_heads_are_refused,
    assert_half_bodies_end,
    assert_half_heads_are_closed,
    leave_in_the_middle,
    read_slowly,
    rest_of,
)
from tests.integration.registry.conftest import ADMIN, RegistryProcess, upload

pytestmark = pytest.mark.slow

KEY = f"X-API-Key: {ADMIN}"


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RegistryProcess]:
    settings = {
        "UNDERSTUDY_REGISTRY_HEAD_SECONDS": str(SECONDS),
        "UNDERSTUDY_REGISTRY_BODY_SECONDS": str(SECONDS),
    }
    found = RegistryProcess(tmp_path_factory.mktemp("hostile"), settings=settings)
    found.start()
    yield found
    found.end()


def test_an_endless_head_is_refused(registry: RegistryProcess) -> None:
    assert registry.process is not None
    assert_endless_heads_are_refused(registry.port, registry.process.pid)


def test_half_a_head_is_closed(registry: RegistryProcess) -> None:
    assert_half_heads_are_closed(registry.port)


@pytest.mark.parametrize(
    ("path", "headers", "status"),
    [
        ("/v1/sessions", (), 408),
        ("/v1/projects", (), 401),
        ("/v1/projects", (KEY,), 408),
        ("/v1/projects", (KEY, "Idempotency-Key: one"), 408),
        ("/signin", (), 408),
    ],
)
def test_half_a_body_ends(
    registry: RegistryProcess, path: str, headers: tuple[str, ...], status: int
) -> None:
    assert_half_bodies_end(registry.port, path, status, *headers)


@pytest.mark.parametrize(
    ("method", "path", "headers"),
    [
        ("PUT", f"/v1/artifacts/{'a' * 64}", (KEY,)),
        ("POST", "/v1/projects", (KEY,)),
        ("POST", "/v1/projects", (KEY, "Idempotency-Key: gone")),
        ("POST", "/v1/sessions", ()),
        ("POST", "/v1/oauth/token", ()),
        ("POST", "/signin", ()),
    ],
)
def test_who_leaves_in_the_middle_is_no_failure(
    registry: RegistryProcess, method: str, path: str, headers: tuple[str, ...]
) -> None:
    leave_in_the_middle(registry.port, path, *headers, method=method)
    with registry.client() as client:
        assert not re.findall(r'.*refus.*code="internal".*', client.get("/metrics").text)
    assert "request_failed" not in registry.log()
    assert "Traceback" not in registry.log()


def test_who_reads_slowly_gets_it_all_and_who_reads_nothing_is_let_go(
    registry: RegistryProcess,
) -> None:
    content = bytes(40_000_000)
    with registry.client() as client:
        digest = upload(client, content)
    assert len(read_slowly(registry.port, f"/v1/artifacts/{digest}", KEY)) > len(content)
    with ask_and_read_nothing(registry.port, f"/v1/artifacts/{digest}", KEY) as deaf:
        time.sleep(5 * SECONDS)
        assert len(rest_of(deaf)) < len(content)


def test_nobody_is_believed_about_addresses_who_is_not_named(tmp_path: Path) -> None:
    wrong = {"name": "nobody", "password": "wrong password"}

    def told(registry: RegistryProcess) -> list[int]:
        registry.start()
        try:
            return [
                httpx.post(
                    f"{registry.url}/v1/sessions",
                    json=wrong,
                    headers={"X-Forwarded-For": f"203.0.113.{number}"},
                    timeout=60,
                ).status_code
                for number in range(7)
            ]
        finally:
            registry.end()

    assert 429 in told(RegistryProcess(tmp_path))
