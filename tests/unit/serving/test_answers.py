import asyncio
import math
from collections.abc import AsyncIterator

import pytest
from prometheus_client import CollectorRegistry

from services.serving.domain.errors import (
    InvalidRowsError,
    LogFullError,
    LowConfidenceError,
    NotLoadedError,
    ScoringFailedError,
    TooManyRowsError,
    UnknownDeploymentError,
)
from services.serving.domain.rows import Shape
from services.serving.metrics import ServingMetrics
from services.serving.operations import Facts, LabelItem, Serving
from services.serving.operations.releases import Releases
from services.serving.operations.scoring import Limits
from tests.fakes.serving import (
    BROKEN_ARTIFACT,
    UNLUCKY_WIDTH,
    ListLog,
    RuleLibrary,
    deployment,
    key_record,
    ruled,
)
from understudy.contracts.policy import ConfidenceRule, GuardRule, Guards, Policy
from understudy.contracts.registry import Snapshot
from understudy.contracts.vocabulary import (
    AccessLevel,
    Durability,
    GuardAction,
    Scope,
    TypePolicy,
    WarningCode,
)
from understudy.runtime.keys import ForbiddenError, KeyRing, UnauthenticatedError, make_key

pytestmark = pytest.mark.anyio

ROW = {"length": 1.0, "width": 2.0}
KEYS = {
    "admin": ((Scope.ADMIN,), {}),
    "predict": ((Scope.PREDICT,), {}),
    "read": ((Scope.READ,), {}),
    "garden": ((Scope.PREDICT,), {"project": "garden"}),
    "elsewhere": ((Scope.PREDICT,), {"project": "elsewhere"}),
    "other": ((Scope.PREDICT,), {"deployment": "other"}),
    "label": ((Scope.LABEL,), {}),
    "label elsewhere": ((Scope.LABEL,), {"project": "elsewhere"}),
    "label other": ((Scope.LABEL,), {"deployment": "other"}),
    "admin elsewhere": ((Scope.ADMIN,), {"project": "elsewhere"}),
    "read elsewhere": ((Scope.READ,), {"project": "elsewhere"}),
}


class World:
    def __init__(self) -> None:
        self.keys = {name: make_key() for name in KEYS}
        ring = KeyRing([key_record(self.keys[n], *s, **reach) for n, (s, reach) in KEYS.items()])
        self.numbers = CollectorRegistry()
        self.metrics = metrics = ServingMetrics(self.numbers)
        self.log = ListLog()
        self._release = 1
        self.serving = Serving(
            keys=lambda: ring, log=self.log, metrics=metrics, limits=Limits(5, 0.002, 1, 1)
        )
        self.facts = Facts(self.serving, self.log, metrics)
        self.releases = Releases(self.serving, RuleLibrary(), metrics, "here:1")

    async def take_up(self, policy: Policy) -> None:
        """Have the deployment `public` answer by that policy from now on."""
        self._release += 1
        changed = deployment([ruled(1)], name="public", release=self._release)
        wanted = changed.model_copy(update={"policy": policy})
        assert await self.releases.take_up(Snapshot(sequence=self._release, deployments=(wanted,)))

    def key(self, name: str | None) -> str | None:
        return None if name is None else self.keys[name].plaintext

    def number(self, name: str, **labels: str) -> float | None:
        self.metrics.publish()
        return self.numbers.get_sample_value(name, labels)


@pytest.fixture
async def world() -> AsyncIterator[World]:
    world = World()
    snapshot = Snapshot(
        sequence=1,
        deployments=tuple(
            deployment([ruled(1)], name=access.value, access=access) for access in AccessLevel
        ),
    )
    assert await world.releases.take_up(snapshot)
    yield world
    world.serving.close()


async def test_answers_are_those_of_the_model(world: World) -> None:
    rows = [{"length": float(i), "width": 1.0} for i in (1, 9)]
    answers = await world.serving.predict("public", rows, key=None, shape=Shape.ROWS)
    assert [answer.prediction for answer in answers] == ["setosa", "virginica"]
    assert answers[1].probabilities == pytest.approx({"setosa": 0.1, "virginica": 0.9})
    assert (answers[0].model, answers[0].version) == ("public", 1)
    first, second = answers[0].prediction_id, answers[1].prediction_id
    assert first.removesuffix(".0") == second.removesuffix(".1")
    assert world.log.answered[0].ids == [first, second]
    labels = {"deployment": "public", "version": "1", "dialect": "json", "outcome": "ok"}
    assert world.number("understudy_predictions_total", **labels) == 2
    assert world.number("understudy_prediction_requests_total", **labels) == 1


@pytest.mark.parametrize(
    ("deployment_name", "key", "outcome"),
    [
        ("public", None, None),
        ("public", "read", None),
        ("instance", None, UnauthenticatedError),
        ("instance", "predict", None),
        ("instance", "elsewhere", None),
        ("instance", "read", ForbiddenError),
        ("project", None, UnauthenticatedError),
        ("project", "admin", None),
        ("project", "predict", None),
        ("project", "garden", None),
        ("project", "elsewhere", UnknownDeploymentError),
        ("project", "other", UnknownDeploymentError),
        ("project", "label", ForbiddenError),
        ("nothing", None, UnauthenticatedError),
        ("nothing", "admin", UnknownDeploymentError),
    ],
)
async def test_who_may_predict(
    world: World, deployment_name: str, key: str | None, outcome: type[Exception] | None
) -> None:
    asking = world.serving.predict(deployment_name, [ROW], key=world.key(key))
    if outcome is None:
        assert len(await asking) == 1
    else:
        with pytest.raises(outcome):
            await asking


@pytest.mark.parametrize("deployment_name", ["public", "instance", "project"])
async def test_access_levels_open_nothing_but_predictions(
    world: World, deployment_name: str
) -> None:
    asking = {
        name: world.facts.label(deployment_name, [LabelItem("a", "setosa")], key=world.key(name))
        for name in ("label", "label elsewhere", "admin elsewhere", "label other")
    }
    assert await asking.pop("label") == [None]
    for refused in asking.values():
        with pytest.raises(UnknownDeploymentError):
            await refused


async def test_reading_is_within_a_keys_reach(world: World) -> None:
    assert world.serving.signature("instance", key=world.key("read")).version == 1
    assert world.serving.signature("instance", key=world.key("elsewhere")).version == 1
    for key in ("read elsewhere", "label elsewhere"):
        with pytest.raises(ForbiddenError, match="predict"):
            world.serving.signature("instance", key=world.key(key))


async def test_no_rows_and_too_many_are_refused(world: World) -> None:
    with pytest.raises(InvalidRowsError):
        await world.serving.predict("public", [], key=None, shape=Shape.ROWS)
    with pytest.raises(TooManyRowsError):
        await world.serving.predict("public", [ROW] * 6, key=None, shape=Shape.ROWS)
    labels = {"deployment": "public", "code": "too_many_rows", "status": "413"}
    assert world.number("understudy_refusals_total", **labels) == 1


async def test_what_a_caller_calls_a_deployment_is_no_series(world: World) -> None:
    for name in ("nothing", "public/../..", "x" * 1_000):
        with pytest.raises(UnauthenticatedError):
            await world.serving.predict(name, [ROW], key=None)
    world.serving.note_refusal(None, None)
    (family,) = [found for found in world.numbers.collect() if found.name == "understudy_refusals"]
    counted = [found for found in family.samples if found.name.endswith("_total")]
    assert {found.labels["deployment"] for found in counted} <= {
        "",
        *world.serving.table.deployments,
    }
    assert {(*found.labels.values(),): found.value for found in counted if found.value} == {
        ("", "unauthenticated", "401"): 3.0,
        ("", "internal", "500"): 1.0,
    }


async def test_the_time_that_calls_take_is_counted_by_version(world: World) -> None:
    labels = {"deployment": "public", "version": "1"}
    await world.serving.predict("public", [ROW], key=None)
    first = world.number("understudy_model_cpu_seconds_total", **labels)
    for _ in range(7):
        await world.serving.predict("public", [ROW] * 5, key=None, shape=Shape.ROWS)
    second = world.number("understudy_model_cpu_seconds_total", **labels)
    assert first is not None
    assert second is not None
    assert 0.0 < first < second


async def test_what_a_strict_log_can_not_keep_is_not_answered(world: World) -> None:
    world.log.full = True
    with pytest.raises(LogFullError):
        await world.serving.predict("public", [ROW], key=None)


async def test_a_relaxed_log_holds_no_answer_back(world: World) -> None:
    relaxed = Policy(durability=Durability.RELAXED)
    await world.take_up(relaxed)
    assert await world.serving.predict("public", [ROW], key=None)
    assert len(world.log.answered) == 1


async def test_an_unsure_answer_is_flagged_overridden_or_refused(world: World) -> None:
    sure, unsure = {**ROW, "length": 9.0}, {**ROW, "length": 5.1}
    for action in GuardAction:
        answer = "setosa" if action is GuardAction.OVERRIDE else None
        rule = ConfidenceRule(0.6, GuardRule(action, answer))
        await world.take_up(Policy(guards=Guards(low_confidence=rule)))
        asking = [world.serving.predict("public", [row], key=None) for row in (sure, unsure)]
        first, second = await asyncio.gather(*asking, return_exceptions=True)
        assert isinstance(first, list)
        assert not first[0].notices
        if action is GuardAction.REFUSE:
            assert isinstance(second, LowConfidenceError)
            continue
        assert isinstance(second, list)
        assert second[0].notices[0].code is WarningCode.LOW_CONFIDENCE
        assert second[0].overridden is (action is GuardAction.OVERRIDE)
        hits = {"deployment": "public", "rule": "low_confidence", "action": action.value}
        assert world.number("understudy_guard_hits_total", **hits) == 1
    logged = [answered for answered in world.log.answered if answered.overrides]
    assert [[*answered.overrides.values()] for answered in logged] == [["setosa"]]
    assert sum(len(answered.ids) for answered in world.log.answered) == 5


async def test_what_is_plainly_meant_is_read_and_said(world: World) -> None:
    await world.take_up(Policy(types=TypePolicy.BEST_EFFORT))
    (answer,) = await world.serving.predict("public", [{**ROW, "width": "2"}], key=None)
    assert [notice.feature for notice in answer.notices] == ["width"]
    assert world.number("understudy_coercions_total", deployment="public") == 1


async def test_a_model_that_fails_is_a_failure_of_ours(world: World) -> None:
    with pytest.raises(ScoringFailedError):
        await world.serving.predict("public", [{**ROW, "width": UNLUCKY_WIDTH}], key=None)
    labels = {"deployment": "public", "version": "1", "dialect": "json", "outcome": "error"}
    assert world.number("understudy_predictions_total", **labels) == 1
    (failed,) = world.log.answered
    assert math.isnan(failed.scored.values[0])


async def test_labels_need_a_key_even_where_predictions_do_not(world: World) -> None:
    items = [LabelItem("a", "setosa"), LabelItem("b", "rose")]
    with pytest.raises(UnauthenticatedError):
        await world.facts.label("public", items, key=None)
    accepted, refused = await world.facts.label("public", items, key=world.key("label"))
    assert accepted is None
    assert "setosa" in str(refused)
    assert [event.prediction_id for _, event in world.log.labelled] == ["a"]


async def test_a_label_that_can_not_be_kept_is_refused(world: World) -> None:
    world.log.full = True
    results = await world.facts.label("public", [LabelItem("a", "setosa")], key=world.key("label"))
    assert "again" in str(results[0])


async def test_a_release_that_can_not_be_loaded_leaves_the_old_one(world: World) -> None:
    broken = deployment([ruled(1), ruled(2, BROKEN_ARTIFACT)], name="public", release=2, main=2)
    assert not await world.releases.take_up(Snapshot(sequence=2, deployments=(broken,)))
    assert world.serving.describe("public").version == 1
    report = world.releases.report()
    assert report.releases == {"public": 1}
    assert "public" in report.failures
    assert world.releases.ready
    repaired = deployment([ruled(1), ruled(3)], name="public", release=3, main=3)
    assert await world.releases.take_up(Snapshot(sequence=3, deployments=(repaired,)))
    assert world.serving.describe("public").version == 3
    assert world.releases.report().failures == {}


async def test_a_deployment_that_never_loaded_says_so(world: World) -> None:
    broken = deployment([ruled(1, BROKEN_ARTIFACT)], name="new")
    await world.releases.take_up(Snapshot(sequence=2, deployments=(broken,)))
    with pytest.raises(NotLoadedError):
        await world.serving.predict("new", [ROW], key=None)


async def test_switches_are_timed_only_while_serving(world: World) -> None:
    name = "understudy_release_switch_seconds_count"
    assert world.number(name, deployment="public") is None
    changed = deployment([ruled(2)], name="public", release=2, main=2)
    await world.releases.take_up(Snapshot(sequence=2, deployments=(changed,)))
    assert world.number(name, deployment="public") == 1
    assert world.number("understudy_release", deployment="public") == 2
