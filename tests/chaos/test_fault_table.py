"""Faults in a running cluster: what is concluded, what is done about it, and after how long.

Each fault begins while a deployment answers well. A policy that only recommends sees the same
faults and leaves the release alone.
"""

import asyncio
import itertools
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import aiohttp
import pytest
from sklearn.linear_model import LogisticRegression

from tests.chaos.faulty import MARKED, TRUSTED, Contrary, Mute, Slow
from tests.chaos.flowers import Flowers, fitted, plant, register
from tests.cluster import LaptopCluster, laptop_cluster
from understudy.client import ClientError
from understudy.contracts.judging import Actions, ComparisonTerms, GuardRails, Judging
from understudy.contracts.monitor import Judgement
from understudy.contracts.policy import Policy
from understudy.contracts.registry import ReleaseRequest
from understudy.contracts.vocabulary import (
    ActionMode,
    Component,
    ReleaseKind,
    RuleName,
    Scope,
    Verdict,
)
from understudy.launch.settings import EXAMPLE_TYPES

PER_SECOND: Final = 40.0
WELL_SECONDS: Final = 15.0
FAULT_SECONDS: Final = 90.0
LOOK_SECONDS: Final = 0.5
AT_ONCE: Final = 3
SLOW_SECONDS: Final = 0.01
EVERYTHING: Final = (*Component,)


@dataclass(frozen=True, slots=True)
class Fault:
    """What goes wrong, and what is expected of it."""

    name: str
    main: type[LogisticRegression] = LogisticRegression
    challenger: type[LogisticRegression] | None = None
    former: bool = False
    """Whether the main had replaced a good version."""
    marked: bool = True
    flipped: bool = False
    """Labels turn round."""
    labels: bool = False
    traffic: bool = True
    scaled: bool = False
    """A feature arrives a thousandth of its size."""
    verdict: Verdict = Verdict.WAIT
    rules: frozenset[RuleName] = frozenset()
    acts: bool = False
    """Whether an automatic policy makes a release."""
    alarm: bool = False
    """Whether the feature raises an alarm of drift."""


FAULTS: Final = (
    Fault(
        "slow main",
        main=Slow,
        former=True,
        verdict=Verdict.ROLL_BACK,
        rules=frozenset({RuleName.SLOW}),
        acts=True,
    ),
    Fault(
        "main answers NaN",
        main=Mute,
        former=True,
        verdict=Verdict.ROLL_BACK,
        rules=frozenset({RuleName.ERRORS}),
        acts=True,
    ),
    Fault(
        "main answers the wrong class",
        main=Contrary,
        challenger=LogisticRegression,
        labels=True,
        verdict=Verdict.PROMOTE,
        rules=frozenset({RuleName.BETTER}),
        acts=True,
    ),
    Fault(
        "slow challenger",
        challenger=Slow,
        verdict=Verdict.KEEP,
        rules=frozenset({RuleName.SLOW}),
    ),
    Fault(
        "challenger answers NaN",
        challenger=Mute,
        verdict=Verdict.KEEP,
        rules=frozenset({RuleName.ERRORS, RuleName.INVALID}),
    ),
    Fault(
        "challenger answers the wrong class",
        challenger=Contrary,
        labels=True,
        verdict=Verdict.KEEP,
        rules=frozenset({RuleName.WORSE}),
    ),
    Fault(
        "concept change",
        former=True,
        marked=False,
        flipped=True,
        labels=True,
        verdict=Verdict.ROLL_BACK,
        rules=frozenset({RuleName.RISK}),
        acts=True,
    ),
    Fault(
        "broken feature",
        challenger=LogisticRegression,
        marked=False,
        scaled=True,
        verdict=Verdict.NO_DATA,
        rules=frozenset({RuleName.NO_LABELS}),
        alarm=True,
    ),
    Fault(
        "no labels",
        challenger=LogisticRegression,
        marked=False,
        verdict=Verdict.NO_DATA,
        rules=frozenset({RuleName.NO_LABELS}),
    ),
    Fault(
        "no traffic",
        challenger=LogisticRegression,
        marked=False,
        traffic=False,
        verdict=Verdict.NO_DATA,
        rules=frozenset({RuleName.NO_TRAFFIC}),
    ),
)
"""In the order in which they are run."""


@dataclass(slots=True)
class Seen:
    """What came of a fault."""

    fault: Fault
    mode: ActionMode
    judgement: Judgement | None = None
    verdict_after: float | None = None
    acted_after: float | None = None
    alarm_after: float | None = None
    kinds: list[ReleaseKind] = field(default_factory=list)
    """Of the releases that the monitor made."""

    @property
    def told(self) -> bool:
        found = self.judgement
        rules = self.fault.rules
        return found is not None and found.verdict is self.fault.verdict and found.rule in rules

    @property
    def settled(self) -> bool:
        """Whether everything that is expected has been seen."""
        acted = self.acted_after is not None or not self._acts
        alarmed = self.alarm_after is not None or not self.fault.alarm
        return self.verdict_after is not None and acted and alarmed

    @property
    def _acts(self) -> bool:
        return self.fault.acts and self.mode is ActionMode.AUTOMATIC

    def row(self) -> str:
        """Of the table."""
        found = self.judgement
        rule = "–" if found is None else f"{found.verdict} ({found.rule})"
        times = (self.verdict_after, self.alarm_after, self.acted_after)
        shown = " | ".join("–" if at is None else f"{at:.1f} s" for at in times)
        action = self.kinds[0] if self.kinds else "none"
        return f"| {self.fault.name} | {self.mode} | {rule} | {action} | {shown} |"


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LaptopCluster]:
    settings = {
        "TRUSTED_TYPES": ",".join((*EXAMPLE_TYPES, *TRUSTED)),
        "CHALLENGER_TIMED_RATIO": "0.5",
        "SERVING_WORKERS": "1",
    }
    folder = tmp_path_factory.mktemp("faults")
    with laptop_cluster(folder, serving_workers=1, settings=settings) as running:
        yield running


def policy(mode: ActionMode) -> Policy:
    """Short enough for a test: labels mature within seconds."""
    return Policy(
        judging=Judging(
            comparison=ComparisonTerms(label_horizon_seconds=1.0, minimum_labels=50),
            rails=GuardRails(slow_seconds=SLOW_SECONDS),
            actions=Actions(
                promote=mode, roll_back=mode, cool_down_seconds=WELL_SECONDS, minimum_rows=100
            ),
        )
    )


@pytest.mark.timeout(900)
@pytest.mark.parametrize("mode", [ActionMode.AUTOMATIC, ActionMode.RECOMMEND])
def test_faults_are_judged_and_acted_upon(
    cluster: LaptopCluster, mode: ActionMode, capsys: pytest.CaptureFixture[str]
) -> None:
    faults = [fault for fault in FAULTS if fault.acts or mode is ActionMode.AUTOMATIC]
    seen: list[Seen] = []
    for start in range(0, len(faults), AT_ONCE):
        seen += asyncio.run(_run(cluster, faults[start : start + AT_ONCE], mode))
    with capsys.disabled():
        print("\n| fault | policy | verdict | action | verdict after | alarm after | acted after |")
        print("| --- | --- | --- | --- | --- | --- | --- |")
        print("\n".join(found.row() for found in seen))
    for found in seen:
        assert found.told, f"{found.fault.name}: {found.judgement}"
        assert found.settled, found.row()
        assert bool(found.kinds) is (found.fault.acts and mode is ActionMode.AUTOMATIC), found.row()
        assert len(found.kinds) <= 1, f"{found.fault.name} flapped: {found.kinds}"


async def _run(cluster: LaptopCluster, faults: Sequence[Fault], mode: ActionMode) -> list[Seen]:
    planted = [await asyncio.to_thread(_plant, cluster, fault, mode) for fault in faults]
    trials = [
        Trial(flowers, Seen(fault, mode)) for flowers, fault in zip(planted, faults, strict=True)
    ]
    return [*await asyncio.gather(*(trial.run() for trial in trials))]


def _plant(cluster: LaptopCluster, fault: Fault, mode: ActionMode) -> Flowers:
    name = f"{fault.name.replace(' ', '-').lower()}-{mode}"
    models: dict[str, Any] = {}
    models["main"] = fitted(LogisticRegression() if fault.former else fault.main())
    if fault.challenger is not None:
        models["challenger"] = fitted(fault.challenger(), 1)
    flowers = plant(
        cluster, name, models, policy=policy(mode), scopes=(Scope.PREDICT, Scope.READ, Scope.LABEL)
    )
    if fault.former:
        version = register(cluster, name, "replaces a good one", fitted(fault.main()))
        flowers.release(ReleaseRequest(kind=ReleaseKind.DEPLOY, version=version))
        flowers.await_taken_up(*EVERYTHING)
    return flowers


@dataclass(slots=True)
class Trial:
    """One deployment: answered well for a while, then with the fault until it is dealt with."""

    flowers: Flowers
    seen: Seen
    faulty_since: float | None = None
    stopped: bool = False

    async def run(self) -> Seen:
        """What came of it."""
        first = self.flowers.view.current.release
        sending = asyncio.create_task(self._send())
        await asyncio.sleep(WELL_SECONDS)
        self.faulty_since = time.monotonic()
        while not self.seen.settled and self._since() < FAULT_SECONDS:
            await asyncio.to_thread(self._look, first)
            await asyncio.sleep(LOOK_SECONDS)
        await asyncio.sleep(WELL_SECONDS + 5.0 if self.seen.fault.acts else 0.0)
        await asyncio.to_thread(self._look, first)
        self.stopped = True
        await sending
        return self.seen

    def _since(self) -> float:
        return time.monotonic() - (self.faulty_since or time.monotonic())

    def _look(self, first: int) -> None:
        seen, cluster = self.seen, self.flowers.cluster
        try:
            found = cluster.monitor.verdict(self.flowers.name)
            drift = cluster.monitor.drift(self.flowers.name) if seen.fault.alarm else None
        except ClientError:
            return  # not judged yet
        if seen.verdict_after is None:
            seen.judgement = found
            seen.verdict_after = self._since() if seen.told else None
        if drift is not None and seen.alarm_after is None and drift.alarms:
            seen.alarm_after = self._since()
        releases = cluster.registry.releases(self.flowers.name)
        made = [release for release in releases if release.release > first]
        seen.kinds = [release.kind for release in made]
        if made and seen.acted_after is None:
            seen.acted_after = self._since()

    async def _send(self) -> None:
        if not self.seen.fault.traffic:
            return
        headers = {"Authorization": f"Bearer {self.flowers.key}"}
        async with aiohttp.ClientSession(
            self.flowers.cluster.serving_url, headers=headers
        ) as client:
            for number in itertools.count():
                if self.stopped:
                    return
                await self._ask(client, number)
                await asyncio.sleep(1 / PER_SECOND)

    async def _ask(self, client: aiohttp.ClientSession, number: int) -> None:
        fault, faulty = self.seen.fault, self.faulty_since is not None
        length, width = number % 97 / 10.0, number % 79 / 10.0
        truth = length + 0.1 * width > 5.0
        if faulty and fault.marked:
            width = MARKED
        asked = length / 1_000 if faulty and fault.scaled else length
        name = f"{self.flowers.name}-{number}"
        path = f"/v1/deployments/{self.flowers.name}"
        row = {"length": asked, "width": width}
        url = f"{path}/predict"
        async with client.post(url, json=row, headers={"X-Request-ID": name}) as answer:
            answered = answer.status == 200  # a main that answers NaN refuses
        if fault.labels and answered:
            label = "virginica" if truth is not (faulty and fault.flipped) else "setosa"
            body = {"prediction_id": name, "label": label}
            async with client.post(f"{path}/labels", json=body) as told:
                assert told.status == 202
