"""Keys that may ask so much: two workers, a real Redis that goes away and comes back.

The tests share one service and are written in the order in which a day may go.
"""

import subprocess
import threading
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import pytest

from tests.conftest import free_port
from tests.fakes.serving import artifact_of, deployment, eventually, flower_model, served
from tests.serving_process import ServingProcess
from understudy.contracts.limits import Limits
from understudy.contracts.registry import KeyRecord
from understudy.contracts.vocabulary import AccessLevel, Scope
from understudy.launch.redis_server import find_redis_server, redis_command
from understudy.runtime.keys import NewKey, make_key

pytestmark = pytest.mark.slow

ROW = {"length": 1.5, "width": 2.5}
PREDICT = "/v1/deployments/vault/predict"
RATE, BURST, QUOTA = 10, 10, 1_000
CALLERS = 12
PATIENCE_SECONDS = 120.0
"""A busy machine may ask less than the limit for a while."""


@dataclass
class Site:
    """A service, its Redis, and keys."""

    folder: Path

    def __post_init__(self) -> None:
        self.redis_port = free_port()
        self.hammered, self.measured, self.frugal, self.free = (make_key() for _ in range(4))
        self.redis: subprocess.Popen[bytes] | None = None
        self.start_redis()
        url = f"redis://127.0.0.1:{self.redis_port}/0"
        more = {"UNDERSTUDY_HEARTBEAT_SECONDS": "0.5"}
        self.service = ServingProcess(self.folder, url, 2, more)
        registry, artifact = self.service.registry, artifact_of(flower_model())
        registry.keys = (
            record(self.hammered, Limits(requests_per_second=RATE)),
            record(self.measured, Limits(predictions_per_day=QUOTA)),
            record(self.frugal, Limits(requests_per_second=0.01, burst=3, predictions_per_day=9)),
            record(self.free, None),
        )
        version = served(1, registry.store(artifact))
        registry.publish(
            deployment([version]),
            deployment([version], name="vault", access=AccessLevel.PROJECT),
        )
        registry.start()
        self.service.start()

    def start_redis(self) -> None:
        (self.folder / "redis").mkdir(exist_ok=True)
        command = redis_command(
            find_redis_server(), port=self.redis_port, folder=self.folder / "redis"
        )
        self.redis = subprocess.Popen(command, stdout=subprocess.DEVNULL)

    def kill_redis(self) -> None:
        assert self.redis is not None
        self.redis.kill()
        self.redis.wait()

    def stop(self) -> None:
        self.service.stop()
        self.service.registry.stop()
        self.kill_redis()

    def client(self, key: NewKey) -> httpx.Client:
        headers = {"X-API-Key": key.plaintext}
        return httpx.Client(base_url=self.service.url, headers=headers, timeout=10.0)

    def counted(self, name: str, **labels: str) -> float:
        lines = self.service.metrics().splitlines()
        found = (line for line in lines if line.startswith(f"{name}{{"))
        wanted = [f'{label}="{value}"' for label, value in labels.items()]
        return sum(
            float(line.rpartition(" ")[2])
            for line in found
            if all(label in line for label in wanted)
        )


@dataclass
class Hammering:
    """Callers that ask as fast as they can, each over a connection of its own."""

    site: Site
    key: NewKey
    statuses: Counter[int] = field(default_factory=Counter)
    answers: dict[int, httpx.Response] = field(default_factory=dict)
    seconds: float = 0.0

    def go_on(self, seconds: float, admitted: int = 0, refused: int = 0) -> "Hammering":
        """Ask for so long, and until so many more are admitted and refused."""
        admitted, refused = self.statuses[200] + admitted, self.statuses[429] + refused

        def enough() -> bool:
            return self.statuses[200] >= admitted and self.statuses[429] >= refused

        began, end = time.monotonic(), threading.Event()
        threads = [threading.Thread(target=self._ask, args=(end,)) for _ in range(CALLERS)]
        for thread in threads:
            thread.start()
        try:
            end.wait(seconds)
            eventually(enough, PATIENCE_SECONDS)
        finally:
            end.set()
            for thread in threads:
                thread.join()
        self.seconds += time.monotonic() - began
        return self

    @property
    def most(self) -> float:
        return BURST + RATE * self.seconds

    def _ask(self, end: threading.Event) -> None:
        with self.site.client(self.key) as client:
            while not end.is_set():
                answer = client.post(PREDICT, json=ROW)
                self.statuses[answer.status_code] += 1
                self.answers[answer.status_code] = answer


def record(key: NewKey, limits: Limits | None) -> KeyRecord:
    scopes = (Scope.PREDICT, Scope.LABEL)
    return KeyRecord(id=key.id, digest=key.digest, scopes=scopes, project="garden", limits=limits)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    site = Site(tmp_path_factory.mktemp("limited"))
    try:
        yield site
    finally:
        site.stop()


def test_a_key_gets_its_rate_from_all_workers_together(site: Site) -> None:
    hammering = Hammering(site, site.hammered).go_on(5.0, BURST + 3 * RATE, RATE)
    assert set(hammering.statuses) == {200, 429}
    assert hammering.statuses[200] <= hammering.most
    refused = hammering.answers[429]
    assert refused.headers["ratelimit-policy"] == '"requests";q=10;w=1'
    assert refused.headers["ratelimit"] == '"requests";r=0;t=1'
    assert refused.headers["retry-after"] == "1"
    assert refused.json()["code"] == "rate_limited"
    assert hammering.answers[200].headers["ratelimit"].startswith('"requests";r=')


def test_every_answer_to_a_limited_key_tells_what_is_left(site: Site) -> None:
    with site.client(site.frugal) as client:
        answers = [
            client.post(PREDICT, json=ROW),
            client.post(PREDICT, json=[ROW, ROW]),
            client.post(PREDICT, json={"length": "no number"}),
            client.post(PREDICT, json=ROW),
        ]
        assert [answer.status_code for answer in answers] == [200, 200, 422, 429]
        for answer in answers:
            policy = '"requests";q=3;w=300, "predictions";q=9;qu="predictions";w=86400'
            assert answer.headers["ratelimit-policy"] == policy
        left = [answer.headers["ratelimit"].split(";")[1] for answer in answers]
        assert left == ["r=2", "r=1", "r=0", "r=0"]
        assert int(answers[-1].headers["retry-after"]) > 60
        labelled = client.post("/v1/deployments/vault/labels", json=[])
        assert labelled.status_code == 429
        assert "ratelimit" in labelled.headers
        csv = client.post(
            PREDICT, content="length,width\n1,2\n", headers={"Content-Type": "text/csv"}
        )
        assert csv.status_code == 429
        public = client.post("/v1/deployments/flowers/predict", json=ROW)
        assert public.status_code == 200
        assert "ratelimit" not in public.headers
    with site.client(site.free) as client:
        assert "ratelimit" not in client.post(PREDICT, json=ROW).headers


def test_a_quota_is_met_to_the_row_by_callers_of_both_workers(site: Site) -> None:
    rows = Counter[str]()
    full = threading.Event()

    def ask(size: int) -> None:
        with site.client(site.measured) as client:
            while not full.is_set():
                answer = client.post(PREDICT, json=[ROW] * size)
                assert answer.status_code in {200, 429}
                if answer.status_code == 200:
                    rows["answered"] += size
                else:
                    assert answer.json()["code"] == "quota_exceeded"
                    full.wait(0.02)

    threads = [threading.Thread(target=ask, args=(size,)) for size in (1, 1, 1, 7, 7, 30, 100)]
    for thread in threads:
        thread.start()
    try:
        eventually(lambda: rows["answered"] >= QUOTA, 60.0)
    finally:
        full.set()
        for thread in threads:
            thread.join()
    assert rows["answered"] == QUOTA
    with site.client(site.measured) as client:
        refused = client.post(PREDICT, json=ROW)
    assert refused.status_code == 429
    assert 0 < int(refused.headers["retry-after"]) <= 86_400


def test_without_redis_a_key_is_limited_all_the_same_and_so_it_is_with_it_again(
    site: Site,
) -> None:
    hammering = Hammering(site, site.hammered).go_on(1.0)
    site.kill_redis()
    hammering.go_on(4.0, admitted=BURST + RATE)
    assert hammering.statuses[200] <= hammering.most + BURST
    assert set(hammering.statuses) <= {200, 429}
    assert site.counted("understudy_limit_alone_total", result="admitted") > 0
    site.start_redis()
    failed = {"counted": "requests", "result": "failed"}

    def shared_again() -> bool:
        known = site.counted("understudy_limit_exchanges_total", **failed)
        hammering.go_on(1.5)
        return site.counted("understudy_limit_exchanges_total", **failed) == known

    eventually(shared_again, 60.0)
    again = Hammering(site, site.hammered).go_on(3.0, admitted=BURST + 2 * RATE)
    assert again.statuses[200] <= again.most
    assert hammering.statuses[200] <= hammering.most + BURST


def test_the_registry_is_told_which_keys_were_used(site: Site) -> None:
    wanted = {site.hammered.id, site.measured.id, site.free.id, site.frugal.id}

    def told() -> set[str]:
        return {key for report in site.service.registry.reports for key in report.get("used", {})}

    eventually(lambda: wanted <= told(), 30.0)
