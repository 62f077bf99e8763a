"""A real monitor under clients that hold it up, or leave."""

import re
from collections.abc import Iterator
from contextlib import suppress

import httpx
import pytest

from tests.fakes.monitor import fake_registry
from tests.fakes.monitor_entries import NAME, READER, SCRAPER, deployment, snapshot
from tests.fakes.serving import eventually
from tests.hostile_clients import (
    SECONDS,
    assert_endless_heads_are_refused,
    assert_half_bodies_end,
    assert_half_heads_are_closed,
    leave_in_the_middle,
)
from tests.monitor_process import MonitorProcess, running

pytestmark = pytest.mark.slow

KEY = f"X-API-Key: {READER.plaintext}"
ASKED = f"/v1/deployments/{NAME}/replays"


@pytest.fixture(scope="module")
def monitor(
    redis_server: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[MonitorProcess]:
    settings = {"HEAD_SECONDS": str(SECONDS), "BODY_SECONDS": str(SECONDS)}
    with fake_registry(snapshot()) as registry:
        registry.publish(snapshot(deployment()))
        folder = tmp_path_factory.mktemp("hostile")
        with running(redis_server, registry, folder, settings) as found:
            eventually(lambda: _answers(found), 60.0)
            yield found


def _answers(monitor: MonitorProcess) -> bool:
    with suppress(httpx.TransportError):
        return monitor.get("/readyz").is_success
    return False


def test_an_endless_head_is_refused(monitor: MonitorProcess) -> None:
    assert monitor.process is not None
    assert_endless_heads_are_refused(monitor.port, monitor.process.pid)


def test_half_a_head_is_closed(monitor: MonitorProcess) -> None:
    assert_half_heads_are_closed(monitor.port)


@pytest.mark.parametrize(("headers", "status"), [((), 401), ((KEY,), 408)])
def test_half_a_body_ends(monitor: MonitorProcess, headers: tuple[str, ...], status: int) -> None:
    assert_half_bodies_end(monitor.port, ASKED, status, *headers)


def test_who_leaves_in_the_middle_is_no_failure(monitor: MonitorProcess) -> None:
    leave_in_the_middle(monitor.port, ASKED, KEY)
    told = monitor.get("/metrics", SCRAPER).text
    assert not re.findall(r'.*refus.*code="internal".*', told)
    assert "request_failed" not in monitor.log()
    assert "Traceback" not in monitor.log()
