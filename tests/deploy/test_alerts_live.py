"""Faults in a running cluster, and how long until somebody is told.

The rules and the routes are those that ship; Prometheus and Alertmanager are real, and a webhook
hears what Alertmanager sends. Each alert's way: cause, metric, rule, `for`, Alertmanager, receiver.
"""

import asyncio
import itertools
import os
import signal
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any, Final

import aiohttp
import httpx
import pytest
import redis
from sklearn.linear_model import LogisticRegression

from tests.chaos.faulty import MARKED, TRUSTED, Contrary, Drowsy, Mute
from tests.chaos.flowers import Flowers, fitted, plant, register
from tests.chaos.processes import launcher_stopped, workers
from tests.cluster import LaptopCluster, laptop_cluster
from tests.fakes.serving import eventually
from tests.observing import ALERTMANAGER, PROMETHEUS, Observatory, observatory
from understudy.client import ServingClient
from understudy.contracts import events
from understudy.contracts.judging import Actions, ComparisonTerms, GuardRails, Judging
from understudy.contracts.policy import Policy
from understudy.contracts.registry import KeyRequest, ReleaseRequest
from understudy.contracts.vocabulary import ActionMode, Durability, ReleaseKind, Scope
from understudy.launch.settings import EXAMPLE_TYPES

PER_SECOND: Final = 15.0
WELL_SECONDS: Final = 20.0
MOST_SECONDS: Final = 420.0
SPOOL_BYTES: Final = 131_072
LABELLED: Final = (Scope.PREDICT, Scope.READ, Scope.LABEL)

pytestmark = pytest.mark.skipif(
    PROMETHEUS is None or ALERTMANAGER is None, reason="Prometheus or Alertmanager is missing"
)

Row = Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Cause:
    """A deployment, what becomes of its rows once its fault begins, and who ought to be told."""

    name: str
    alerts: Sequence[str]
    main: type[LogisticRegression] = LogisticRegression
    challenger: type[LogisticRegression] | None = None
    former: bool = False
    """Whether the main had replaced a good version."""
    marked: bool = False
    scaled: bool = False
    """A feature arrives a thousandth of its size."""
    labels: bool = False
    flipped: bool = False
    """Labels turn round."""
    nonsense: bool = False
    """Labels are none of the target's classes."""
    durability: Durability = Durability.STRICT
    mode: ActionMode = ActionMode.RECOMMEND

    def row(self, number: int, *, faulty: bool) -> Row:
        length, width = number % 97 / 10.0, number % 79 / 10.0
        return {
            "length": length / 1_000 if faulty and self.scaled else length,
            "width": MARKED if faulty and self.marked else width,
        }

    def label(self, number: int, *, faulty: bool) -> str:
        if faulty and self.nonsense:
            return "nonsense"
        truth = number % 97 / 10.0 + 0.1 * (number % 79 / 10.0) > 5.0
        return "virginica" if truth is not (faulty and self.flipped) else "setosa"


CAUSES: Final = (
    Cause(
        "answers-nothing",
        (
            "UnderstudyErrorBudgetBurnFast",
            "UnderstudyVerdictRollBack",
            "UnderstudyGuardRailCrossed",
        ),
        main=Mute,
        former=True,
        marked=True,
    ),
    Cause(
        "too-late",
        ("UnderstudyLatencyBudgetBurnFast", "UnderstudyDataQuality"),
        main=Drowsy,
        marked=True,
    ),
    Cause("a-thousandth", ("UnderstudyDrift",), scaled=True),
    Cause("meant-otherwise", ("UnderstudyQualityDrop",), labels=True, flipped=True),
    Cause("what-label", ("UnderstudyLabelsRefused",), labels=True, nonsense=True),
    Cause(
        "goes-back",
        ("UnderstudyActionDone",),
        main=Mute,
        former=True,
        marked=True,
        mode=ActionMode.AUTOMATIC,
    ),
    Cause(
        "mostly-wrong",
        ("UnderstudyVerdictPromote",),
        main=Contrary,
        challenger=LogisticRegression,
        labels=True,
        marked=True,
    ),
)


@dataclass(frozen=True, slots=True)
class Heard:
    """One line of the table."""

    cause: str
    alert: str
    severity: str
    seconds: float
    summary: str

    def row(self) -> str:
        after = f"{self.seconds:.0f} s"
        return f"| {self.cause} | `{self.alert}` | {self.severity} | {after} | {self.summary} |"


Table = list[Heard]


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LaptopCluster]:
    settings = {
        "TRUSTED_TYPES": ",".join((*EXAMPLE_TYPES, *TRUSTED)),
        "LOG_SPOOL_BYTES": str(SPOOL_BYTES),
        "LOG_RELAXED_ROWS": "100",
    }
    folder = tmp_path_factory.mktemp("alerts")
    with laptop_cluster(folder, settings=settings) as running:
        yield running


@pytest.fixture(scope="module")
def sky(cluster: LaptopCluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Observatory]:
    with observatory(cluster, tmp_path_factory.mktemp("observatory")) as watching:
        yield watching


@pytest.fixture
def tell(sky: Observatory, capsys: pytest.CaptureFixture[str]) -> Iterator[Table]:
    """Prints what was heard, and looks at what is alike in every notice."""
    table: Table = []
    yield table
    with capsys.disabled():
        print("\n| cause | alert | severity | after | summary |")
        print("| --- | --- | --- | --- | --- |")
        print("\n".join(one.row() for one in table))
    # Prometheus says again after a minute what it told before it had found Alertmanager.
    sky.await_notice("UnderstudyWatchdog", 0.0, 120.0)
    assert all(notice.annotations["runbook_url"] for notice in sky.receiver.notices)


@pytest.mark.timeout(900)
def test_of_models_that_fail(cluster: LaptopCluster, sky: Observatory, tell: Table) -> None:
    tell += asyncio.run(models_fail(cluster, sky))


@pytest.mark.timeout(900)
def test_of_what_outsiders_do(cluster: LaptopCluster, sky: Observatory, tell: Table) -> None:
    tell += outsiders_misbehave(cluster, sky)


@pytest.mark.timeout(1_200)
def test_of_redis_that_goes(cluster: LaptopCluster, sky: Observatory, tell: Table) -> None:
    tell += asyncio.run(redis_goes(cluster, sky))


@pytest.mark.timeout(1_800)
def test_of_processes_that_go(cluster: LaptopCluster, sky: Observatory, tell: Table) -> None:
    tell += processes_go(cluster, sky)


async def models_fail(cluster: LaptopCluster, sky: Observatory) -> list[Heard]:
    """All deployments at once: each is its own experiment."""
    planted = [await asyncio.to_thread(planted_for, cluster, cause) for cause in CAUSES]
    trials = [Trial(flowers, cause) for flowers, cause in zip(planted, CAUSES, strict=True)]
    sending = [asyncio.create_task(trial.send()) for trial in trials]
    await asyncio.sleep(WELL_SECONDS)
    begun = time.time()
    for trial in trials:
        trial.faulty = True
    wanted = [(cause.name, alert) for cause in CAUSES for alert in cause.alerts]
    heard = await asyncio.gather(
        *(
            asyncio.to_thread(listen, sky, alert, begun, f"{name}", deployment=name)
            for name, alert in wanted
        )
    )
    for trial in trials:
        trial.over = True
    await asyncio.gather(*sending)
    return list(heard)


def listen(sky: Observatory, alert: str, begun: float, cause: str, **labels: str) -> Heard:
    """Wait until the receiver is told."""
    deadline = time.monotonic() + MOST_SECONDS
    while time.monotonic() < deadline:
        for notice in list(sky.receiver.notices):
            about = labels.items() <= notice.labels.items()
            if notice.name == alert and notice.at >= begun and about:
                severity, summary = notice.labels["severity"], notice.annotations["summary"]
                return Heard(cause, alert, severity, notice.at - begun, summary)
        time.sleep(0.5)
    raise TimeoutError(f"nobody was told of {alert} {labels}; Prometheus holds {sky.alerts()}")


def planted_for(cluster: LaptopCluster, cause: Cause) -> Flowers:
    models: dict[str, Any] = {}
    models["main"] = fitted(LogisticRegression() if cause.former else cause.main())
    if cause.challenger is not None:
        models["challenger"] = fitted(cause.challenger(), 1)
    flowers = plant(cluster, cause.name, models, policy=policy(cause), scopes=LABELLED)
    if cause.former:
        version = register(cluster, cause.name, "replaces a good one", fitted(cause.main()))
        flowers.release(ReleaseRequest(kind=ReleaseKind.DEPLOY, version=version))
        flowers.await_taken_up()
    return flowers


def policy(cause: Cause) -> Policy:
    actions = Actions(roll_back=cause.mode, cool_down_seconds=WELL_SECONDS, minimum_rows=100)
    comparison = ComparisonTerms(label_horizon_seconds=1.0, minimum_labels=50)
    judging = Judging(comparison=comparison, rails=GuardRails(), actions=actions)
    return Policy(durability=cause.durability, judging=judging)


@dataclass(slots=True)
class Trial:
    """One deployment with its traffic."""

    flowers: Flowers
    cause: Cause
    faulty: bool = False
    over: bool = False

    async def send(self) -> None:
        """Until it is over; refusals and lost connections are part of faults."""
        headers = {"Authorization": f"Bearer {self.flowers.key}"}
        url = self.flowers.cluster.serving_url
        async with aiohttp.ClientSession(url, headers=headers) as client:
            for number in itertools.count():
                if self.over:
                    return
                try:
                    await self._ask(client, number)
                except aiohttp.ClientError:
                    await asyncio.sleep(0.2)
                await asyncio.sleep(1 / PER_SECOND)

    async def _ask(self, client: aiohttp.ClientSession, number: int) -> None:
        path, name = f"/v1/deployments/{self.cause.name}", f"{self.cause.name}-{number}"
        row = self.cause.row(number, faulty=self.faulty)
        headers = {"X-Request-ID": name}
        async with client.post(f"{path}/predict", json=row, headers=headers) as answer:
            answered = answer.status == 200
        if self.cause.labels and answered:
            label = self.cause.label(number, faulty=self.faulty)
            await client.post(f"{path}/labels", json={"prediction_id": name, "label": label})


def outsiders_misbehave(cluster: LaptopCluster, sky: Observatory) -> list[Heard]:
    """Keys that are tried, a key that runs out, an entry that nobody of ours wrote."""
    deployment = "visited"
    answered(planted_for(cluster, Cause(deployment, ())))
    # What was never scraped as 0 grows from nothing, which no rule can see.
    of = f'{{deployment="{deployment}"}}'
    for counter in ("refusals_total", "monitored_malformed_entries_total"):
        eventually(partial(sky.query, f"understudy_{counter}{of}"), 60.0)
    begun = time.time()
    with httpx.Client(base_url=cluster.serving_url) as client:
        for number in range(150):
            headers = {"Authorization": f"Bearer us_aaaaaaaa{number % 10}_{'x' * 32}"}
            refused = client.post(f"/v1/deployments/{deployment}/predict", json={}, headers=headers)
            assert refused.status_code == 401
    soon = datetime.now(UTC) + timedelta(hours=12)
    cluster.registry.issue_key(KeyRequest(name="soon", scopes=(Scope.READ,), expires_at=soon))
    with redis.Redis.from_url(cluster.redis_url) as client_of_redis:
        stream = events.predictions_key(deployment)
        client_of_redis.xadd(stream, {"v": b"1", "garbage": b"\xff"})
    return [
        listen(sky, "UnderstudyKeyAbuse", begun, "150 requests with keys that are none"),
        listen(
            sky,
            "UnderstudyMalformedEntries",
            begun,
            "an entry of the log that nobody of ours wrote",
            deployment=deployment,
        ),
    ]


def answered(flowers: Flowers) -> None:
    """A deployment that somebody uses."""
    with ServingClient(flowers.cluster.serving_url, flowers.key) as client:
        client.predict_many(flowers.name, [Cause("", ()).row(n, faulty=False) for n in range(50)])


async def redis_goes(cluster: LaptopCluster, sky: Observatory) -> list[Heard]:
    """Stopped while rows come: to the spool, until it is full, and past it."""
    cause = Cause("without-redis", (), durability=Durability.RELAXED)
    trial = Trial(await asyncio.to_thread(planted_for, cluster, cause), cause)
    sending = [asyncio.create_task(trial.send()) for _ in range(4)]
    await asyncio.sleep(WELL_SECONDS)
    begun = time.time()
    cluster.kill("redis", signal.SIGSTOP)
    said = f"Redis hangs, spools of {SPOOL_BYTES // 1_024} KiB"
    names = ("RedisDown", "LogDegraded", "SpoolFilling", "LogDropped")
    try:
        heard = await asyncio.gather(
            *(asyncio.to_thread(listen, sky, f"Understudy{name}", begun, said) for name in names)
        )
    finally:
        cluster.kill("redis", signal.SIGCONT)
    trial.over = True
    await asyncio.gather(*sending)
    await asyncio.to_thread(sky.await_resolved, "UnderstudyRedisDown", begun, MOST_SECONDS)
    return list(heard)


def processes_go(cluster: LaptopCluster, sky: Observatory) -> list[Heard]:
    """All killed, and nobody starts them again until each was missed."""
    names = ("serving", "monitor", "registry", "challenger")
    with launcher_stopped(cluster):
        begun = time.time()
        # Workers outlive their supervisor, until somebody tidies up.
        for pid in workers(cluster):
            os.kill(pid, signal.SIGKILL)
        for name in names:
            cluster.kill(name)
        heard = [
            listen(sky, f"Understudy{name.capitalize()}Down", begun, f"{name} is killed")
            for name in names
        ]
    for name in names:
        sky.await_resolved(f"Understudy{name.capitalize()}Down", begun, MOST_SECONDS)
    return heard
