"""What the registry's routes answer when all is well."""

import asyncio
import hashlib
from dataclasses import asdict

import pytest
from pydantic import TypeAdapter

from services.registry.domain.versions import Compiled
from tests.fakes.registry import SIGNATURE
from understudy.contracts.policy import Policy
from understudy.contracts.registry import (
    AuditView,
    DeploymentView,
    KeyIssued,
    KeyView,
    Page,
    ReleaseView,
    Snapshot,
    VersionView,
)
from understudy.contracts.registry import Compiled as CompiledBody
from understudy.contracts.signature import Signature
from understudy.contracts.vocabulary import CompiledKind

from .conftest import ADMIN, Registry
from .test_registry_refusals import RELEASES, VERSION

pytestmark = pytest.mark.anyio


async def release(registry: Registry, **change: object) -> ReleaseView:
    answer = await registry.http.post(RELEASES, json=change)
    assert answer.status_code == 201, answer.text
    return ReleaseView.model_validate_json(answer.content)


async def snapshot(registry: Registry) -> Snapshot:
    answer = await registry.http.get("/v1/snapshot")
    return Snapshot.model_validate_json(answer.content)


async def current(registry: Registry) -> DeploymentView:
    answer = await registry.http.get("/v1/deployments/credit")
    assert answer.headers["ETag"] == f'"{answer.json()["current"]["release"]}"'
    return DeploymentView.model_validate_json(answer.content)


async def test_from_project_to_deployment(registry: Registry) -> None:
    content = b"weights"
    digest = hashlib.sha256(content).hexdigest()
    http = registry.http
    assert (await http.post("/v1/projects", json={"name": "new"})).status_code == 201
    model = await http.post("/v1/models", json={"name": "m", "project": "new"})
    assert (model.status_code, model.json()["versions"]) == (201, 0)
    stored = await http.put(f"/v1/artifacts/{digest}", content=content)
    assert (stored.status_code, stored.json()) == (201, {"digest": digest, "size_bytes": 7})
    made = await http.post("/v1/models/m/versions", json={**VERSION, "artifact": digest})
    version = VersionView.model_validate_json(made.content)
    assert (version.version, version.state, version.created_by) == (1, "pending", "admin0001")
    decision = {"decision": "deploy", "reason": "fits"}
    decided = await http.post("/v1/models/m/versions/1/decision", json=decision)
    assert decided.json()["decision_reason"] == "fits"
    deployed = await http.post("/v1/deployments", json={"name": "d", "model": "m", "main": 1})
    assert (deployed.status_code, deployed.headers["ETag"]) == (201, '"1"')
    assert (await http.get("/v1/models/m")).json()["versions"] == 1


async def test_artifacts_are_read_whole(registry: Registry) -> None:
    digest = "a" * 64
    answer = await registry.http.get(f"/v1/artifacts/{digest}")
    assert answer.content == b"model"
    assert answer.headers["ETag"] == f'"{digest}"'
    looked = await registry.http.head(f"/v1/artifacts/{digest}")
    assert (looked.status_code, looked.headers["Content-Length"]) == (200, "5")


async def test_challenge_promote_swap_and_roll_back(registry: Registry) -> None:
    await release(registry, kind="challenge", version=2)
    promoted = await release(registry, kind="promote", version=2, reason="better")
    assert (promoted.main, promoted.challengers, promoted.reason) == (2, (1,), "better")
    swapped = await release(registry, kind="swap")
    assert (swapped.main, swapped.challengers) == (1, (2,))
    back = await release(registry, kind="rollback", release=1)
    assert (back.release, back.main, back.challengers, back.restores) == (5, 1, (), 1)
    assert (await current(registry)).current == back
    persisted = await release(registry, kind="deploy", version=6)
    assert persisted.main == 6


async def test_a_version_tells_what_it_was_compiled_to(registry: Registry) -> None:
    registry.inspector.compiled = compiled = Compiled(
        CompiledKind.ONNX, "9" * 64, "float64", 7, 1e-9, 1e-6, 24.5
    )
    versions = "/v1/models/credit/versions"
    body = {**VERSION, "signature": TypeAdapter(Signature).dump_python(SIGNATURE, mode="json")}
    made = await registry.http.post(versions, json=body)
    assert made.json()["compiled"] == {**asdict(compiled), "kind": "onnx"}
    assert made.json()["not_compiled"] is None
    await registry.http.post(f"{versions}/7/decision", json={"decision": "deploy"})
    await release(registry, kind="challenge", version=7)
    (held,) = (await snapshot(registry)).deployments
    assert held.version(7).compiled == CompiledBody(**asdict(compiled))
    assert held.version(1).compiled is None
    trail = Page[AuditView].model_validate_json((await registry.http.get("/v1/audit")).content)
    details = next(item.details for item in trail.items if item.action == "version.register")
    assert (details["runner"], details["compiled"]) == ("onnx", "9" * 64)
    text = (await registry.http.get("/metrics")).text
    assert 'understudy_registry_registrations_total{runner="onnx"} 1.0' in text


async def test_a_version_that_was_not_compiled_tells_why(registry: Registry) -> None:
    made = await registry.http.post("/v1/models/credit/versions", json=VERSION)
    assert (made.json()["compiled"], made.json()["not_compiled"]) == (None, "no converter")
    answer = await registry.http.get("/v1/audit?limit=1")
    (registered,) = Page[AuditView].model_validate_json(answer.content).items
    assert registered.details["not_compiled"] == "no converter"


async def test_the_trail_tells_what_was_registered(registry: Registry) -> None:
    registry.inspector.converted = "c" * 64
    # Of the other model nobody has frozen the recipe.
    await registry.http.post("/v1/models", json={"name": "other", "project": "bank"})
    stated = {"protected": ["gender"], "lineage": {"run": "nightly-7"}}
    made = await registry.http.post("/v1/models/other/versions", json={**VERSION, **stated})
    assert made.status_code == 201, made.text
    answer = await registry.http.get("/v1/audit?limit=1")
    (registered,) = Page[AuditView].model_validate_json(answer.content).items
    told = ("format", "protected", "attestation", "artifact", "converted_from", "run")
    assert [registered.details[name] for name in told] == [
        "skops",
        ["gender"],
        None,
        "c" * 64,
        "a" * 64,
        "nightly-7",
    ]


async def test_a_policy_is_configured_kept_and_rolled_back(registry: Registry) -> None:
    policy = {"durability": "relaxed", "guards": {"out_of_range": {"action": "flag"}}}
    made = await release(registry, kind="configure", policy=policy, expected_release=1)
    assert (made.main, made.policy.durability, made.policy.types) == (1, "relaxed", "strict")
    await release(registry, kind="challenge", version=2)
    assert (await current(registry)).current.policy == made.policy
    (held,) = (await snapshot(registry)).deployments
    assert held.policy == made.policy
    back = await release(registry, kind="rollback", release=1)
    assert back.policy == Policy()
    answer = await registry.http.get("/v1/audit?limit=3")
    rolled, challenged, configured = (
        item.details for item in Page[AuditView].model_validate_json(answer.content).items
    )
    assert "policy" not in challenged
    assert (configured["policy"], configured["former_policy"]) == (
        rolled["former_policy"],
        rolled["policy"],
    )
    assert configured["policy"] == TypeAdapter(Policy).dump_python(made.policy, mode="json")


async def test_a_deployment_begins_with_the_policy_that_it_is_made_with(registry: Registry) -> None:
    rule = {"action": "override", "answer": "no"}
    guards = {"low_confidence": {"below": 0.75, "rule": rule}}
    body = {"name": "d", "model": "credit", "main": 1, "policy": {"guards": guards}}
    answer = await registry.http.post("/v1/deployments", json=body)
    assert answer.status_code == 201, answer.text
    assert answer.json()["current"]["policy"]["guards"]["low_confidence"] == {
        "below": 0.75,
        "rule": rule,
    }


async def test_of_two_promotions_one_wins(registry: Registry) -> None:
    await release(registry, kind="challenge", version=2)
    promote = {"kind": "promote", "version": 2}
    answers = await asyncio.gather(*(registry.http.post(RELEASES, json=promote) for _ in range(6)))
    assert sorted(answer.status_code for answer in answers) == [201, 409, 409, 409, 409, 409]
    assert (await current(registry)).current.release == 3


@pytest.mark.parametrize(
    ("if_match", "status"),
    [('"1"', 201), ('"7", "1"', 201), ("*", 201), ('"2"', 412), ('W/"1"', 412), ("1", 412)],
)
async def test_if_match_guards_a_change(registry: Registry, if_match: str, status: int) -> None:
    answer = await registry.http.post(
        RELEASES, json={"kind": "deploy", "version": 2}, headers={"If-Match": if_match}
    )
    assert answer.status_code == status
    if status == 412:
        assert answer.json()["code"] == "precondition_failed"


async def test_a_deployment_goes_and_its_trail_stays(registry: Registry) -> None:
    guarded = {"If-Match": '"3"'}
    url = "/v1/deployments/credit"
    assert (await registry.http.delete(url, headers=guarded)).status_code == 412
    assert (await registry.http.delete(url)).status_code == 204
    assert (await registry.http.get(url)).status_code == 404
    trail = Page[AuditView].model_validate_json((await registry.http.get("/v1/audit")).content)
    assert trail.items[0].action == "deployment.delete"
    again = {"name": "credit", "model": "credit", "main": 2}
    made = await registry.http.post("/v1/deployments", json=again)
    assert made.json()["current"]["release"] == 2


async def test_lists_link_to_their_next_page(registry: Registry) -> None:
    first = await registry.http.get("/v1/models/credit/versions?limit=4")
    link = first.headers["Link"]
    assert link == '</v1/models/credit/versions?limit=4&cursor=3>; rel="next"'
    assert first.json()["next_cursor"] == "3"
    rest = await registry.http.get(link[1:].partition(">")[0])
    assert [item["version"] for item in rest.json()["items"]] == [2, 1]
    assert "Link" not in rest.headers


async def test_a_key_is_shown_once(registry: Registry) -> None:
    body = {"name": "ci", "scopes": ["predict", "label"], "deployment": "credit"}
    answer = await registry.http.post("/v1/keys", json=body)
    issued = KeyIssued.model_validate_json(answer.content)
    assert answer.headers["Cache-Control"] == "no-store"
    listed = await registry.http.get("/v1/keys")
    assert Page[KeyView].model_validate_json(listed.content).items[0].id == issued.id
    for path in ("/v1/keys", "/v1/audit", "/v1/snapshot"):
        text = (await registry.http.get(path)).text
        assert issued.key not in text
        assert issued.key.rpartition("_")[2] not in text


async def test_changes_are_in_the_trail_newest_first(registry: Registry) -> None:
    await release(registry, kind="challenge", version=2, reason="try it")
    await registry.http.post("/v1/projects", json={"name": "new"})
    answer = await registry.http.get("/v1/audit?limit=2")
    made, released = Page[AuditView].model_validate_json(answer.content).items
    assert (made.action, made.subject, made.actor) == ("project.make", "new", "admin0001")
    assert (released.action, released.reason) == ("deployment.release", "try it")
    assert released.details["challengers"] == [2]


async def test_the_snapshot_says_what_to_have_at_hand(registry: Registry) -> None:
    await release(registry, kind="challenge", version=2)
    promoted = await release(registry, kind="promote", version=2)
    answer = await registry.http.get("/v1/snapshot")
    found = Snapshot.model_validate_json(answer.content)
    assert answer.headers["ETag"] == f'"{found.sequence}"'
    (held,) = found.deployments
    assert (held.release, held.main, held.challengers) == (promoted.release, 2, (1,))
    assert held.previous_main == 1
    assert [owed.version for owed in held.pairings] == [1, 2]
    assert [served.version for served in held.versions] == [1, 2]
    assert {key.id for key in found.keys} == {*("admin0001", "service01", "monitor01", "metrics01")}


async def known(registry: Registry) -> dict[str, str]:
    return {"If-None-Match": (await registry.http.get("/v1/snapshot")).headers["ETag"]}


async def test_an_old_snapshot_is_answered_at_once_and_the_newest_after_the_wait(
    registry: Registry,
) -> None:
    headers = await known(registry)
    same = await registry.http.get("/v1/snapshot", headers=headers)
    assert (same.status_code, same.content) == (304, b"")
    assert same.headers["ETag"] == headers["If-None-Match"]
    waited = await registry.http.get("/v1/snapshot?wait=0.05", headers=headers)
    assert waited.status_code == 304
    other = await registry.http.get("/v1/snapshot?wait=20", headers={"If-None-Match": '"999999"'})
    assert other.status_code == 200


async def test_a_wait_ends_with_the_next_change(registry: Registry) -> None:
    headers = await known(registry)
    waits = [
        asyncio.create_task(registry.http.get("/v1/snapshot?wait=20", headers=headers))
        for _ in range(8)
    ]
    await asyncio.sleep(0.1)
    assert not any(wait.done() for wait in waits)
    await release(registry, kind="challenge", version=2)
    async with asyncio.timeout(2):
        answers = await asyncio.gather(*waits)
    assert {answer.status_code for answer in answers} == {200}


async def test_a_wait_ends_with_a_change_by_another_replica(registry: Registry) -> None:
    headers = await known(registry)
    wait = asyncio.create_task(registry.http.get("/v1/snapshot?wait=20", headers=headers))
    await asyncio.sleep(0.1)
    registry.memory.sequence += 1
    async with asyncio.timeout(3):
        assert (await wait).status_code == 200


async def report(registry: Registry, instance: str, release: int | None, **more: object) -> None:
    releases = {} if release is None else {"credit": release}
    body = {"instance": instance, "component": "serving", "releases": releases, **more}
    assert (await registry.http.post("/v1/followers", json=body)).status_code == 204


async def test_followers_say_how_far_they_are(registry: Registry) -> None:
    view = await current(registry)
    assert (view.deployed, view.running) == (False, False)
    await report(registry, "a", 1)
    assert ((await current(registry)).deployed, (await current(registry)).running) == (True, True)
    await report(registry, "b", None, failures={"credit": "does not load"})
    view = await current(registry)
    assert (view.deployed, view.running) == (False, True)
    assert [state.failure for state in view.followers] == [None, "does not load"]
    await report(registry, "b", 1)
    await report(registry, "c", 1, component="challenger")
    assert (await current(registry)).deployed
    await release(registry, kind="challenge", version=2)
    assert not (await current(registry)).deployed


async def test_metrics_show_the_current_releases(registry: Registry) -> None:
    await report(registry, "a", 1)
    await release(registry, kind="deploy", version=2)
    text = (await registry.http.get("/metrics")).text
    assert 'understudy_release_info{deployment="credit",release="2",version="2"} 1.0' in text
    assert 'understudy_registry_releases_total{kind="deploy"} 1.0' in text
    assert 'understudy_registry_followers{component="serving"} 1.0' in text
    assert 'route="/v1/deployments/{deployment}/releases"' in text
    assert ADMIN not in text


async def test_an_id_is_echoed(registry: Registry) -> None:
    answer = await registry.http.get("/v1/nothing", headers={"X-Request-ID": "mine-1"})
    assert answer.headers["X-Request-ID"] == "mine-1"
    assert answer.json()["request_id"] == "mine-1"
