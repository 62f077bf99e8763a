"""What every tier shares: a real redis-server, one for the run, emptied for each test."""

import os
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis

from tests.cluster import LaptopCluster, laptop_cluster
from tests.fakes.outcome_stores import POSTGRES
from tests.postgres_server import postgres_server
from understudy.launch.redis_server import find_redis_server, redis_command


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@pytest.fixture(scope="session")
def redis_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder: Path = tmp_path_factory.mktemp("redis")
    port = free_port()
    command = redis_command(find_redis_server(), port=port, folder=folder)
    with (folder / "log").open("wb") as log, subprocess.Popen(command, stdout=log) as process:
        url = f"redis://127.0.0.1:{port}/0"
        _wait_until_answering(url)
        yield url
        process.terminate()


@pytest.fixture
def redis_url(redis_server: str) -> str:
    with redis.Redis.from_url(redis_server) as client:
        client.flushall()
    return redis_server


def _wait_until_answering(url: str, deadline_seconds: float = 10.0) -> None:
    deadline = time.monotonic() + deadline_seconds
    with redis.Redis.from_url(url) as client:
        while time.monotonic() < deadline:
            try:
                client.ping()
            except redis.ConnectionError:
                time.sleep(0.01)
            else:
                return
    raise TimeoutError(f"{url} did not answer within {deadline_seconds} s")


@pytest.fixture(scope="session")
def postgres() -> Iterator[None]:
    """PostgreSQL for `fresh_url`; started for the first test that wants it."""
    if POSTGRES in os.environ:
        yield
        return
    with postgres_server(free_port()) as server, pytest.MonkeyPatch.context() as patch:
        patch.setenv(POSTGRES, server.url)
        yield


@pytest.fixture(scope="session")
def loaded_cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LaptopCluster]:
    """The whole laptop with the example loaded: what `make run` gives a person."""
    with laptop_cluster(tmp_path_factory.mktemp("loaded"), with_example=True) as running:
        yield running


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    return "asyncio"
