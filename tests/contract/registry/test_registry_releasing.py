"""Who may release what on which evidence, and what the snapshot says of it to those who judge."""

import pytest

from services.registry.domain.access import Reach
from services.registry.domain.versions import Baseline, Version
from tests.fakes.registry import Memory, draft
from understudy.contracts.registry import DeploymentSnapshot, Snapshot
from understudy.contracts.vocabulary import BaselineSample, Scope

from .conftest import METRICS, MONITOR, SERVICE, Registry
from .test_registry_doors import bearer, give
from .test_registry_refusals import RELEASES, VERSION

pytestmark = pytest.mark.anyio

CHALLENGE = {"kind": "challenge", "version": 2}
PROMOTE = {"kind": "promote", "version": 2}


async def challenged(registry: Registry) -> None:
    assert (await registry.http.post(RELEASES, json=CHALLENGE)).status_code == 201


async def credit(registry: Registry) -> DeploymentSnapshot:
    answer = await registry.http.get("/v1/snapshot")
    found = Snapshot.model_validate_json(answer.content).deployment("credit")
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("change", "status"),
    [
        (PROMOTE, 201),
        ({"kind": "swap"}, 201),
        ({"kind": "rollback"}, 201),
        ({"kind": "deploy", "version": 3}, 403),
        ({"kind": "challenge", "version": 3}, 403),
        ({"kind": "withdraw", "version": 2}, 403),
        ({"kind": "configure", "policy": {"durability": "relaxed"}}, 403),
    ],
)
@pytest.mark.parametrize("who", ["issued", "monitor"])
async def test_the_scope_release_promotes_swaps_and_rolls_back(
    registry: Registry, who: str, change: dict[str, object], status: int
) -> None:
    await challenged(registry)
    key = MONITOR if who == "monitor" else give(registry.memory, Scope.RELEASE)
    answer = await registry.http.post(RELEASES, json=change, headers=bearer(key))
    assert answer.status_code == status, answer.text
    if status == 403:
        assert "needs the scope deploy" in answer.json()["detail"]


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/v1/deployments"),
        ("DELETE", "/v1/deployments/credit"),
        ("GET", "/v1/audit"),
        ("GET", "/v1/deployments/credit"),
    ],
)
async def test_the_scope_release_does_nothing_else(
    registry: Registry, method: str, path: str
) -> None:
    key = give(registry.memory, Scope.RELEASE)
    body = {"name": "x", "model": "credit", "main": 1} if method == "POST" else None
    answer = await registry.http.request(method, path, json=body, headers=bearer(key))
    assert answer.status_code == 403


@pytest.mark.parametrize("key", [SERVICE, METRICS])
async def test_other_machines_may_not_release(registry: Registry, key: str) -> None:
    await challenged(registry)
    answer = await registry.http.post(RELEASES, json=PROMOTE, headers=bearer(key))
    assert answer.status_code == 403


async def test_the_reach_of_such_a_key_holds(registry: Registry) -> None:
    await challenged(registry)
    elsewhere = give(registry.memory, Scope.RELEASE, reach=Reach(project="shop"))
    answer = await registry.http.post(RELEASES, json=PROMOTE, headers=bearer(elsewhere))
    assert answer.status_code == 404
    here = give(registry.memory, Scope.RELEASE, reach=Reach(deployment="credit"))
    answer = await registry.http.post(RELEASES, json=PROMOTE, headers=bearer(here))
    assert answer.status_code == 201


async def test_the_monitors_key_follows_and_reads(registry: Registry) -> None:
    for path in ("/v1/snapshot", "/v1/deployments/credit", f"/v1/artifacts/{'a' * 64}"):
        assert (await registry.http.get(path, headers=bearer(MONITOR))).status_code == 200
    for path in ("/v1/audit", "/metrics", "/v1/keys"):
        assert (await registry.http.get(path, headers=bearer(MONITOR))).status_code == 403


async def test_evidence_is_in_the_trail_as_it_is(registry: Registry) -> None:
    await challenged(registry)
    evidence = {"verdict": "promote", "gap": -0.25, "by": [{"rule": None, "n": 10**12}], "ü": "€"}
    change = {**PROMOTE, "evidence": evidence}
    answer = await registry.http.post(RELEASES, json=change, headers=bearer(MONITOR))
    assert answer.status_code == 201
    found = (await registry.http.get("/v1/audit", params={"limit": 2})).json()["items"]
    assert found[0]["actor"] == "monitor01"
    assert found[0]["details"]["evidence"] == evidence
    assert "evidence" not in found[1]["details"]


@pytest.mark.parametrize(
    ("evidence", "words"),
    [
        ('{"a": NaN}', "not finite"),
        ('{"a": [1e999]}', "not finite"),
        ('{"a": "' + "x" * 65_536 + '"}', "at most 65536 are kept"),
        ('{"a": ' + "[" * 40 + "]" * 40 + "}", "deeper than 32 levels"),
        ('{"a": "\\ud800"}', "half of a character"),
        ("[1]", "must be a JSON object"),
        ('"good"', "must be a JSON object"),
    ],
)
async def test_evidence_that_can_not_be_kept_is_told(
    registry: Registry, evidence: str, words: str
) -> None:
    await challenged(registry)
    content = f'{{"kind": "promote", "version": 2, "evidence": {evidence}}}'
    headers = {"Content-Type": "application/json"}
    answer = await registry.http.post(RELEASES, content=content, headers=headers)
    assert answer.status_code == 422, answer.text
    (error,) = answer.json()["errors"]
    assert error["pointer"] == "/evidence"
    assert words in error["message"]
    assert (await credit(registry)).main == 1


async def test_a_couple_begins_with_a_release_and_anew_with_a_promotion(registry: Registry) -> None:
    assert (await credit(registry)).couples == ()
    await challenged(registry)
    (couple,) = (await credit(registry)).couples
    assert (couple.challenger, couple.release) == (2, 2)
    relaxed = {"kind": "configure", "policy": {"durability": "relaxed"}}
    assert (await registry.http.post(RELEASES, json=relaxed)).status_code == 201
    assert (await credit(registry)).couples == (couple,)
    assert (await registry.http.post(RELEASES, json=PROMOTE)).status_code == 201
    found = await credit(registry)
    (couple,) = found.couples
    assert (couple.challenger, couple.release, couple.since) == (1, 4, found.released_at)
    assert (found.main_since, found.previous_main) == (found.released_at, 1)
    assert found.previous_release == 3


def timed(memory: Memory, number: int) -> None:
    """Give a version a time column."""
    held = memory.versions["credit", number]
    made = Version(number, draft(time_column="seen_at"), held.ruling)
    memory.versions["credit", number] = made
    memory.sequence += 1


HOURS = {"judging": {"drift": {"strata": "hour_of_day"}}}


async def test_strata_need_the_main_to_have_times(registry: Registry) -> None:
    change = {"kind": "configure", "policy": HOURS}
    answer = await registry.http.post(RELEASES, json=change)
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_policy")
    assert answer.json()["errors"][0]["pointer"] == "/policy/judging/drift/strata"
    timed(registry.memory, 1)
    assert (await registry.http.post(RELEASES, json=change)).status_code == 201
    # A main without times may follow, and something else may be configured then.
    deployed = {"kind": "deploy", "version": 2}
    assert (await registry.http.post(RELEASES, json=deployed)).status_code == 201
    relaxed = {"kind": "configure", "policy": {**HOURS, "durability": "relaxed"}}
    assert (await registry.http.post(RELEASES, json=relaxed)).status_code == 201
    weekly = {"judging": {"drift": {"strata": "day_of_week"}}}
    again = {"kind": "configure", "policy": weekly}
    assert (await registry.http.post(RELEASES, json=again)).status_code == 422


async def test_a_version_tells_how_it_was_measured(registry: Registry) -> None:
    baseline = Baseline("d" * 64, BaselineSample.EVALUATION, 20, {"age": 0.5})
    registry.inspector.baseline = baseline
    registry.artifacts.files["e" * 64] = b"evaluation"
    members = {"evaluation": "e" * 64, "time_column": "seen_at"}
    path = "/v1/models/credit/versions"
    made = await registry.http.post(path, json={**VERSION, **members})
    assert made.status_code == 201, made.text
    shown = (await registry.http.get(f"{path}/{made.json()['version']}")).json()
    assert shown == made.json()
    assert (shown["evaluation"], shown["time_column"]) == ("e" * 64, "seen_at")
    assert shown["baseline"] == {
        "file": "d" * 64,
        "sample": "evaluation",
        "rows": 20,
        "importances": {"age": 0.5},
        "interval": None,
    }
    assert shown["not_measured"] is None
    (asked,) = registry.inspector.inspected
    assert (asked.evaluation, asked.time_column) == ("e" * 64, "seen_at")
    (entry,) = (await registry.http.get("/v1/audit", params={"limit": 1})).json()["items"]
    assert entry["details"]["baseline"] == "d" * 64
    assert entry["details"]["evaluation"] == "e" * 64


async def test_a_version_that_was_not_measured_tells_why(registry: Registry) -> None:
    made = await registry.http.post("/v1/models/credit/versions", json=VERSION)
    assert (made.json()["baseline"], made.json()["not_measured"]) == (None, "no rows")


async def test_the_snapshot_carries_baselines_and_times(registry: Registry) -> None:
    timed(registry.memory, 1)
    (served,) = (await credit(registry)).versions
    assert served.time_column == "seen_at"
    assert served.baseline is None
