"""The challenger process and its children, killed as nobody would ask for: each pair once."""

import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import httpx
import numpy as np
import pytest
import redis

from services.serving.adapters.log_entries import prediction_batch
from services.serving.domain.table import Live
from services.serving.ports import Answered
from tests.conftest import free_port
from tests.fakes.serving import (
    FakeRegistry,
    artifact_of,
    deployment,
    entries,
    eventually,
    flower_model,
    loaded,
    served,
)
from tests.hostile_clients import (
    assert_endless_heads_are_refused,
    assert_half_bodies_end,
    assert_half_heads_are_closed,
)
from understudy.contracts.events import decode_pairs, encode, pairs_key, predictions_key
from understudy.inference.rows import Rows
from understudy.inference.scored import Scored

ROOT = Path(__file__).parents[3]
STREAM, PAIRS = predictions_key("flowers"), pairs_key("flowers")
VERSIONS = [artifact_of(flower_model(seed, float(seed))) for seed in range(3)]
WAIT_SECONDS = 90.0


class Running:
    """A challenger process over a log that the test writes."""

    def __init__(self, folder: Path, redis_url: str) -> None:
        self.folder = folder
        self.redis = redis.Redis.from_url(redis_url)
        self.registry = FakeRegistry(free_port())
        for artifact in VERSIONS:
            self.registry.store(artifact)
        self.publish(release=1, challengers=(2, 3))
        self.registry.start()
        self.port = free_port()
        self.logged: list[str] = []
        self._environment = {
            **os.environ,
            "UNDERSTUDY_CHALLENGER_NICE": "0",
            "UNDERSTUDY_CHALLENGER_PORT": str(self.port),
            "UNDERSTUDY_CHALLENGER_TIMED_RATIO": "0.1",
            "UNDERSTUDY_REDIS_URL": redis_url,
            "UNDERSTUDY_REGISTRY_URL": self.registry.url,
            "UNDERSTUDY_SERVICE_KEY": self.registry.key.plaintext,
            "UNDERSTUDY_STATE_DIR": str(folder),
        }
        self.parent = self.start()

    def start(self) -> "subprocess.Popen[bytes]":
        with (self.folder / "challenger.log").open("ab") as log:
            command = [sys.executable, "-m", "services.serving.challenger"]
            return subprocess.Popen(command, cwd=ROOT, env=self._environment, stdout=log)

    def publish(self, release: int, challengers: tuple[int, ...]) -> None:
        versions = [served(number, artifact) for number, artifact in enumerate(VERSIONS, 1)]
        self.registry.publish(deployment(versions, release=release, challengers=challengers))

    def log(self, count: int, rows: int = 5) -> None:
        live = Live(1, loaded(1), (2, 3))
        for _ in range(count):
            ids = [f"{len(self.logged) + index}" for index in range(rows)]
            numbers = np.random.default_rng(len(self.logged)).uniform(0.0, 10.0, (rows, 2))
            scored = Scored(np.zeros(rows), np.tile([0.9, 0.1], (rows, 1)))
            answered = Answered("flowers", live, ids, time.time(), 0.001, Rows(numbers, ()), scored)
            self.redis.xadd(STREAM, encode(prediction_batch([answered])))  # type: ignore[arg-type]
            self.logged += ids

    def paired(self, version: int) -> Counter[str]:
        found = (decode_pairs(fields) for fields in entries(self.redis, PAIRS))
        return Counter(name for pairs in found if pairs.challenger == version for name in pairs.ids)

    def children(self) -> list[int]:
        path = Path(f"/proc/{self.parent.pid}/task/{self.parent.pid}/children")
        return [int(pid) for pid in path.read_text().split()]

    def metrics(self) -> str:
        key = {"X-API-Key": self.registry.admin.plaintext}
        return httpx.get(f"http://127.0.0.1:{self.port}/metrics", headers=key, timeout=10.0).text

    def all_are_paired(self) -> bool:
        return all(len(self.paired(version)) == len(self.logged) for version in (2, 3))

    def assert_paired_once(self) -> None:
        eventually(self.all_are_paired, WAIT_SECONDS)
        for version in (2, 3):
            assert self.paired(version) == Counter(self.logged)

    def stop(self) -> None:
        self.parent.terminate()
        self.parent.wait(20.0)
        self.redis.close()
        self.registry.stop()


@pytest.fixture
def running(tmp_path: Path, redis_url: str) -> Iterator[Running]:
    running = Running(tmp_path, redis_url)
    yield running
    running.stop()


@pytest.mark.slow
def test_whoever_is_killed_each_pair_is_written_once(running: Running) -> None:
    running.log(20)
    running.assert_paired_once()
    reports = running.registry.reports
    eventually(lambda: reports[-1]["releases"] == {"flowers": 1}, WAIT_SECONDS)
    first = running.children()
    assert len(first) == 2
    for pid in first:
        running.log(20)
        os.kill(pid, signal.SIGKILL)
        running.log(20)
    running.assert_paired_once()
    assert 'restarts_total{deployment="flowers",reason="died",version="2"}' in running.metrics()
    eventually(lambda: "understudy_timed_scoring_seconds_count{" in running.metrics())
    for _ in range(2):
        children = running.children()
        running.log(20)
        running.parent.kill()
        running.parent.wait(10.0)
        eventually(lambda pids=children: not any(alive(pid) for pid in pids))
        running.log(20)
        running.parent = running.start()
        eventually(lambda: running.all_are_paired() and len(running.children()) == 2, WAIT_SECONDS)
    running.assert_paired_once()


def test_a_retired_challenger_finishes_what_it_owes(running: Running) -> None:
    running.log(5)
    running.assert_paired_once()
    os.kill(running.parent.pid, signal.SIGSTOP)
    running.log(5)
    running.publish(release=2, challengers=(3,))
    os.kill(running.parent.pid, signal.SIGCONT)
    running.assert_paired_once()


@pytest.mark.slow
def test_probes_are_answered_whoever_holds_connections_up(running: Running) -> None:
    eventually(lambda: len(running.children()) == 2, WAIT_SECONDS)
    assert_endless_heads_are_refused(running.port, running.parent.pid)
    assert_half_heads_are_closed(running.port)
    assert_half_bodies_end(running.port, "/livez", 405)


def alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"
