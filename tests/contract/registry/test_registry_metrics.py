"""What the registry tells Prometheus of its state: read at each scrape, from what all replicas see.

Nothing stays of what is gone.
"""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from prometheus_client.parser import text_string_to_metric_families

from services.registry.domain.access import Key, Reach
from tests.fakes.registry import NOON
from understudy.contracts.vocabulary import Scope

from .conftest import Registry

pytestmark = pytest.mark.anyio

RELEASES = "/v1/deployments/credit/releases"


async def told(registry: Registry) -> dict[tuple[str, ...], float]:
    """Values by name and label values, in the order of the labels' names."""
    text = (await registry.http.get("/metrics")).text
    return {
        (sample.name, *(value for _, value in sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


async def change(registry: Registry, **body: object) -> None:
    assert (await registry.http.post(RELEASES, json=body)).status_code == 201


async def report(registry: Registry, instance: str, release: int) -> None:
    body = {"instance": instance, "component": "serving", "releases": {"credit": release}}
    assert (await registry.http.post("/v1/followers", json=body)).status_code == 204


async def test_the_current_release_alone_is_told(registry: Registry) -> None:
    await change(registry, kind="challenge", version=2)
    await change(registry, kind="challenge", version=3)
    await change(registry, kind="withdraw", version=2)
    found = await told(registry)
    assert found["understudy_current_release", "credit"] == 4
    # Labels in the order of their names: deployment, kind, release.
    kinds = [key for key in found if key[0] == "understudy_release_kind_info"]
    assert kinds == [("understudy_release_kind_info", "credit", "withdraw", "4")]
    beside = [key for key in found if key[0] == "understudy_release_challenger_info"]
    assert beside == [("understudy_release_challenger_info", "credit", "3")]
    mains = [key for key in found if key[0] == "understudy_release_info"]
    assert mains == [("understudy_release_info", "credit", "4", "1")]


async def test_a_deployment_is_deployed_when_every_worker_has_its_release(
    registry: Registry,
) -> None:
    def state(found: dict[tuple[str, ...], float]) -> tuple[float, float]:
        name = "understudy_deployment_state"
        return found[name, "credit", "deployed"], found[name, "credit", "running"]

    assert state(await told(registry)) == (0, 0)
    await report(registry, "a", 1)
    assert state(await told(registry)) == (1, 1)
    await change(registry, kind="deploy", version=2)
    assert state(await told(registry)) == (0, 1)
    await report(registry, "a", 2)
    assert state(await told(registry)) == (1, 1)


async def test_nothing_is_told_of_a_deleted_deployment(registry: Registry) -> None:
    await change(registry, kind="challenge", version=2)
    await report(registry, "a", 2)
    assert any("credit" in key for key in await told(registry))
    assert (await registry.http.delete("/v1/deployments/credit")).status_code == 204
    assert not any("credit" in key for key in await told(registry))


async def test_keys_about_to_expire_are_counted_like_buckets(registry: Registry) -> None:
    now = datetime.now(UTC)
    ends = {"a": -1, "b": 0.5, "c": 3, "d": 20, "e": 300}
    for name, days in ends.items():
        key = Key(name * 8, "d" * 64, name, (Scope.READ,), Reach(), NOON)
        registry.memory.keys[key.id] = replace(key, expires_at=now + timedelta(days=days))
    revoked = replace(registry.memory.keys["b" * 8], id="f" * 8, revoked_at=NOON)
    registry.memory.keys[revoked.id] = revoked
    forever = Key("g" * 8, "d" * 64, "g", (Scope.READ,), Reach(), NOON)
    registry.memory.keys[forever.id] = forever
    registry.memory.sequence += 1
    found = await told(registry)
    spans = ("expired", "1d", "7d", "30d")
    assert [found["understudy_registry_keys_expiring", span] for span in spans] == [1, 2, 3, 4]


async def test_versions_are_counted_by_state(registry: Registry) -> None:
    found = await told(registry)
    states = ("deployed", "pending", "ignored", "persisted")
    assert [found["understudy_registry_versions", state] for state in states] == [3, 1, 1, 1]


async def test_the_last_backup_is_told(registry: Registry) -> None:
    assert (await told(registry))["understudy_backup_timestamp_seconds",] == 0
    registry.memory.backed_up_at = NOON
    registry.memory.sequence += 1
    assert (await told(registry))["understudy_backup_timestamp_seconds",] == NOON.timestamp()


async def test_what_alerts_look_at_is_there_before_it_happens(registry: Registry) -> None:
    found = await told(registry)
    for place in (("unauthenticated", "401"), ("forbidden", "403")):
        assert found["understudy_registry_refusals_total", *place] == 0
    for method in ("GET", "POST"):
        assert found["understudy_registry_requests_total", method, "failed", "/v1/projects"] == 0


async def test_refusals_are_counted_by_code_and_status(registry: Registry) -> None:
    for body in ({"kind": "promote", "version": 2}, {"kind": "deploy"}, {"kind": "no such"}):
        await registry.http.post(RELEASES, json=body)
    await registry.http.get("/v1/models/none")
    await registry.http.get("/v1/projects", headers={"Authorization": "Bearer nonsense"})
    found = await told(registry)
    counted = {
        key[1:]: value
        for key, value in found.items()
        if key[0] == "understudy_registry_refusals_total"
    }
    assert counted["not_a_challenger", "409"] == 1
    assert counted["not_found", "404"] == 1
    assert sum(value for (_, status), value in counted.items() if status == "422") == 2
    assert sum(value for (_, status), value in counted.items() if status == "401") == 1
    assert not any("nonsense" in part for key in found for part in key)


async def test_shares_of_slow_answers_can_be_read_off_at_round_times(registry: Registry) -> None:
    await registry.http.get("/v1/projects")
    name = "understudy_registry_request_duration_seconds_bucket"
    edges = {key[1] for key in await told(registry) if key[0] == name}
    assert {"0.1", "0.5", "1.0"} <= edges


async def test_the_process_tells_of_itself(registry: Registry) -> None:
    names = {key[0] for key in await told(registry)}
    standard = ("cpu_seconds_total", "resident_memory_bytes", "start_time_seconds")
    assert {f"process_{name}" for name in standard} <= names
