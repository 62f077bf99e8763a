"""Judging and acting, with stores in memory and a registry of a few lines."""

import base64
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import pytest
from msgspec import structs
from prometheus_client import CollectorRegistry

from services.monitor.adapters.adwin import Adwin
from services.monitor.domain.deciding.alerts import (
    MOST_HELD,
    Alert,
    AlertBook,
    Blame,
    bounded,
    read,
)
from services.monitor.domain.deciding.deeds import DeedState
from services.monitor.domain.deciding.judgement import Judgement
from services.monitor.domain.errors import AlertsUnavailableError
from services.monitor.domain.outcomes.tallies import CohortId, CohortTally
from services.monitor.metrics import MonitorMetrics
from services.monitor.operations import Sources, Watch
from services.monitor.operations.alerts import AlertFacts
from services.monitor.operations.appraising import Appraising
from services.monitor.operations.judging import Judging, change_of, evidence_of
from services.monitor.operations.packing import packed
from tests.fakes.judged import reading
from tests.fakes.monitor import MemoryAlerts, MemoryLog, MemoryReferences, MemoryStore
from tests.fakes.monitor_entries import (
    NAME,
    NOW,
    RULES,
    deployment,
    prediction_batch,
    reference_profile,
    sample,
)
from tests.fakes.monitor_figures import judgement
from tests.fakes.outcomes import MemoryOutcomes
from understudy.client.errors import ClientError
from understudy.contracts.judging import Actions, GuardRails
from understudy.contracts.judging import Judging as JudgingPolicy
from understudy.contracts.policy import Policy
from understudy.contracts.registry import DeploymentSnapshot, ReleaseRequest
from understudy.contracts.vocabulary import ActionMode, ReleaseKind, RuleName, Verdict

pytestmark = pytest.mark.anyio


FIRES = Alert(
    *("Burn", "", "f00d"),
    starts_at=NOW - 90.0,
    first_told_at=NOW - 60.0,
    told_at=NOW - 60.0,
    summary="5 % of requests fail",
    labels={"severity": "page"},
    told_by="key:abc",
)


@dataclass
class Desk:
    """`ports.Releases`: keeps what it was asked, or fails."""

    asked: list[ReleaseRequest] = field(default_factory=list)
    failure: Exception | None = None

    async def release(self, deployment: str, change: ReleaseRequest) -> int:
        assert deployment == NAME
        self.asked.append(change)
        if self.failure is not None:
            raise self.failure
        return 9


class Interrupted(MemoryOutcomes):
    """Something happens while it is read."""

    on_read: Callable[[], None] = staticmethod(lambda: None)

    async def tallies(self, deployment: str, since: float) -> Mapping[CohortId, CohortTally]:
        self.on_read()
        return await super().tallies(deployment, since)


@dataclass
class World:
    """A deployment whose main fails in every row, and that had another main before."""

    folder: Path
    mode: ActionMode = ActionMode.AUTOMATIC
    desk: Desk = field(default_factory=Desk)
    holds: bool = True
    failing: bool = True
    alerts: tuple[Alert, ...] = ()
    store: MemoryAlerts = field(default_factory=MemoryAlerts)

    async def watched(self) -> tuple[Judging, Watch]:
        log = MemoryLog()
        outcomes = self.outcomes = Interrupted()
        self.sources = Sources(
            log=log,
            store=MemoryStore(),
            references=MemoryReferences({"b" * 64: reference_profile(self.folder)}),
            outcomes=outcomes,
            metrics=MonitorMetrics(CollectorRegistry()),
            rules=RULES,
            clock=lambda: NOW,
            holds=lambda _: self.holds,
        )
        batch = prediction_batch(sample(200))
        nothing = np.full(200, np.nan).tobytes()
        failed = structs.replace(batch.scores, values=nothing)
        log.append(structs.replace(batch, scores=failed) if self.failing else batch)
        watch = Watch(self.described(), self.sources)
        await watch.step()
        appraising = Appraising(self.sources, Adwin())
        self.store.books[NAME] = AlertBook(0, self.alerts)
        facts = AlertFacts(self.store, 900.0)
        return Judging(self.sources, self.desk, appraising, facts), watch

    def described(self) -> DeploymentSnapshot:
        actions = Actions(
            promote=self.mode,
            roll_back=self.mode,
            cool_down_seconds=0.0,
            minimum_rows=1,
            alerts=("Burn",),
        )
        rails = GuardRails(errors=0.01)
        policy = Policy(judging=JudgingPolicy(rails=rails, actions=actions))
        return deployment().model_copy(
            update={"policy": policy, "previous_main": 7, "previous_release": 2}
        )


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


async def test_what_is_due_is_noted_done_and_noted_again(world: World) -> None:
    judging, watch = await world.watched()
    await judging.step(watch)
    (change,) = world.desk.asked
    assert (change.kind, change.release) == (ReleaseKind.ROLLBACK, 2)
    assert change.expected_release == watch.deployment.release
    assert change.evidence is not None
    assert change.evidence["rule"] == RuleName.ERRORS
    (deed,) = await world.outcomes.deeds(NAME)
    assert (deed.state, deed.made_release, deed.version) == (DeedState.DONE, 9, 7)
    await judging.step(watch)
    assert len(world.desk.asked) == 1
    assert watch.judged is not None
    assert watch.judged.action is not None
    assert watch.judged.action.done_release == 9


async def test_the_evidence_of_a_rollback_by_alert_holds_the_alert(world: World) -> None:
    world.failing, world.alerts = False, (FIRES, replace(FIRES, name="Unnamed"))
    judging, watch = await world.watched()
    await judging.step(watch)
    (change,) = world.desk.asked
    assert (change.kind, change.release) == (ReleaseKind.ROLLBACK, 2)
    assert change.evidence is not None
    assert change.evidence["rule"] == RuleName.ALERT
    alerts = change.evidence["alerts"]
    assert isinstance(alerts, list)
    (kept,) = alerts
    assert (kept["alert"], kept["fingerprint"], kept["told_by"]) == ("Burn", "f00d", "key:abc")
    assert kept["labels"] == {"severity": "page"}
    assert "alert Burn fires since" in change.reason
    assert "5 % of requests fail" in change.reason


async def test_alerts_that_can_not_be_read_stop_no_judging(world: World) -> None:
    world.store.failure = AlertsUnavailableError("gone")
    judging, watch = await world.watched()
    await judging.step(watch)
    assert [change.evidence["rule"] for change in world.desk.asked if change.evidence] == [
        RuleName.ERRORS
    ]


async def test_what_fails_is_told_and_not_tried_at_once_again(world: World) -> None:
    world.desk.failure = ClientError("no such right")
    judging, watch = await world.watched()
    await judging.step(watch)
    await judging.step(watch)
    assert len(world.desk.asked) == 1
    (deed,) = await world.outcomes.deeds(NAME)
    assert deed.state is DeedState.FAILED
    assert "no such right" in (deed.failure or "")


async def test_a_recommendation_is_noted_once_and_nothing_is_done(world: World) -> None:
    world.mode = ActionMode.RECOMMEND
    judging, watch = await world.watched()
    await judging.step(watch)
    await judging.step(watch)
    assert world.desk.asked == []
    assert [deed.state for deed in await world.outcomes.deeds(NAME)] == [DeedState.RECOMMENDED]


async def test_a_monitor_without_the_lease_judges_and_does_nothing(world: World) -> None:
    judging, watch = await world.watched()
    world.holds = False
    await judging.step(watch)
    assert watch.judged is not None
    assert watch.judged.verdict is Verdict.ROLL_BACK
    assert world.desk.asked == []


async def test_a_release_that_came_meanwhile_is_not_acted_on(world: World) -> None:
    judging, watch = await world.watched()
    world.outcomes.on_read = lambda: setattr(
        watch, "deployment", watch.deployment.model_copy(update={"release": 99})
    )
    await judging.step(watch)
    assert world.desk.asked == []


async def test_a_recommended_rollback_names_the_release_that_an_automatic_one_goes_to(
    world: World,
) -> None:
    world.mode = ActionMode.RECOMMEND
    judging, watch = await world.watched()
    await judging.step(watch)
    assert watch.judged is not None
    assert watch.judged.action is not None
    assert watch.judged.action.release == 2
    assert watch.judged.alerts_unheard == ("Burn",)
    assert change_of(watch.deployment, watch.judged).release == 2


def test_a_challenger_is_promoted_and_a_version_that_left_is_rolled_back_to() -> None:
    described = deployment().model_copy(update={"previous_main": 7, "previous_release": 2})
    promoted = change_of(described, replace(judgement(NAME), version=described.challengers[0]))
    assert (promoted.kind, promoted.version) == (ReleaseKind.PROMOTE, described.challengers[0])
    back = change_of(described, replace(judgement(NAME), version=7))
    assert (back.kind, back.release, back.version) == (ReleaseKind.ROLLBACK, 2, None)


def test_the_state_is_packed_so_that_it_can_be_read_again() -> None:
    state = {-16_384: 3, -5: 1, 0: 70_000, 9: 200, 16_384: 2}
    text = packed(state)
    assert text is not None
    assert _unpacked(text) == state


def longest_alerts() -> list[Alert]:
    """Of characters that take four bytes each."""
    labels = {f"{number}{'𝕏' * 999}": "𝕏" * 999 for number in range(99)}
    full = replace(FIRES, name="𝕏" * 999, summary="𝕏" * 999, labels=labels)
    name = "𝕏" * 128
    return [replace(bounded(full), name=name, fingerprint=f"{n}") for n in range(MOST_HELD)]


def test_the_fullest_state_leaves_the_request_possible() -> None:
    rng = np.random.default_rng(1)
    places = np.rint(rng.normal(0, 0.3, 2_000_000).clip(-1, 1) * 2**14).astype(int)
    found, counts = np.unique(places, return_counts=True)
    state = dict(zip(found.tolist(), counts.tolist(), strict=True))
    told: Judgement = replace(
        judgement(NAME),
        version=2,
        comparisons=(replace(reading(Verdict.PROMOTE), state=state),),
        alerts_unheard=tuple(f"{n:02}{'𝕏' * 126}" for n in range(16)),
        alerts=read(longest_alerts(), Blame(1, 0.0, ("𝕏" * 128,), 900.0), NOW),
    )
    assert all(alert.accuses for alert in told.alerts)
    alerted = replace(told, rule=RuleName.ALERT)
    assert ReleaseRequest(kind=ReleaseKind.ROLLBACK, evidence=evidence_of(alerted)).evidence
    request = ReleaseRequest(kind=ReleaseKind.PROMOTE, version=2, evidence=evidence_of(told))
    assert request.evidence is not None
    kept = request.evidence["state"]
    assert kept is None or _unpacked(str(kept)) == state


def _unpacked(text: str) -> dict[int, int]:
    numbers, number, shift = list[int](), 0, 0
    for byte in zlib.decompress(base64.b64decode(text)):
        number |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            numbers.append(number)
            number, shift = 0, 0
    places = np.cumsum(numbers[::2]) - 2**14
    return dict(zip(places.tolist(), numbers[1::2], strict=True))
