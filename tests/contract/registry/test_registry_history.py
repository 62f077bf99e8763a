"""Which version was main when, who decided so on what evidence; and the report of a period."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from services.registry.adapters.catalogue_store import SqlCatalogue
from services.registry.adapters.database import Database
from services.registry.adapters.deployment_store import SqlDeployments
from services.registry.adapters.state_store import SqlState
from services.registry.domain.audit import Action, Entry, Wanted
from services.registry.domain.catalogue import Model, Project
from services.registry.domain.history import reign_at, reigns, release_at
from services.registry.domain.releases import Setting
from services.registry.ports import DeploymentStore, StateStore
from tests.fakes.outcome_stores import DATABASES, fresh_url
from tests.fakes.registry import NOON, Memory, deployment, draft, memory_store, release

from .conftest import MONITOR, Registry

MAIN = "/v1/deployments/risk/main"
REPORT = "/v1/deployments/risk/audit-report"
EVIDENCE = {"verdict": "promote", "pairs": 4_000, "interval": [0.1, 0.30000000000000004]}
Stores = tuple[DeploymentStore, StateStore]


def hour(count: int) -> datetime:
    return NOON + timedelta(hours=count)


def said(number: int, action: Action = Action.RELEASE) -> Entry:
    return Entry(hour(number), "ann", action, "credit", "because", {"release": number})


@pytest.fixture(params=["memory", *DATABASES])
def stores(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Stores]:
    """Of a deployment with five releases; it was deleted, and made again an hour later."""
    if request.param == "memory":
        store = memory_store(Memory())
        _fill(store.catalogue, store.deployments)
        yield store.deployments, store.state
        return
    database = Database(fresh_url(request.param, tmp_path))
    database.migrate()
    deployments = SqlDeployments(database)
    _fill(SqlCatalogue(database), deployments)
    yield deployments, SqlState(database)
    database.close()


def _fill(catalogue: Any, deployments: DeploymentStore) -> None:
    catalogue.add_project(Project("bank", "", NOON), said(0, Action.MAKE_PROJECT))
    catalogue.add_model(Model("credit", "bank", "", NOON), said(0, Action.MAKE_MODEL))
    for _ in range(3):
        catalogue.add_version(draft(), said(0, Action.REGISTER_VERSION))
    deployments.add(deployment(), said(0, Action.MAKE_DEPLOYMENT))
    settings = (Setting(1, (2,)), Setting(2, (1,)), Setting(2), Setting(3))
    for number, setting in enumerate(settings, 2):
        deployments.release(release(number, setting, at=hour(number)), said(number))
    found = deployments.find("credit")
    assert found is not None
    deployments.delete(found, said(7, Action.DELETE_DEPLOYMENT))
    again = deployment()
    first = release(1, Setting(1), at=hour(8))
    deployments.add(type(again)(**{**_fields(again), "current": first}), said(8))


def _fields(found: Any) -> dict[str, Any]:
    return {name: getattr(found, name) for name in found.__slots__}


def test_lives_tell_all_releases_of_a_name(stores: Stores) -> None:
    gone, there = stores[0].lives("credit")
    assert [one.number for one in gone.releases] == [1, 2, 3, 4, 5]
    assert [one.number for one in there.releases] == [6]
    assert (gone.deleted_at, there.deleted_at) == (hour(7), None)
    assert gone.deployment.project == "bank"
    assert stores[0].lives("nothing") == ()


def test_reigns_follow_one_another(stores: Stores) -> None:
    gone, there = stores[0].lives("credit")
    found = [(one.release.number, one.last.number, one.until) for one in reigns(gone)]
    assert found == [(1, 2, hour(3)), (3, 4, hour(5)), (5, 5, hour(7))]
    (only,) = reigns(there)
    assert only.until is None


@pytest.mark.parametrize(
    ("at", "main", "then"),
    [
        (timedelta(seconds=-1), None, None),
        (timedelta(), 1, 1),
        (timedelta(hours=3) - timedelta(microseconds=1), 1, 2),
        (timedelta(hours=3), 2, 3),
        (timedelta(hours=4.5), 2, 4),
        (timedelta(hours=6.9), 3, 5),
        (timedelta(hours=7), None, None),
        (timedelta(hours=8), 1, 6),
        (timedelta(days=900), 1, 6),
    ],
    ids=str,
)
def test_a_moment_has_one_main_or_none(at: timedelta, main: int | None, then: int | None) -> None:
    store = memory_store(Memory())
    _fill(store.catalogue, store.deployments)
    found = reign_at(store.deployments.lives("credit"), NOON + at)
    assert (found and found[1].release.setting.main) == main
    assert (found and release_at(found[0], NOON + at).number) == then


def test_entries_are_had_by_what_they_are_about(stores: Stores) -> None:
    _, state = stores
    releases = frozenset({Action.RELEASE})
    found = state.entries(Wanted(releases, frozenset({"credit"})))
    assert [one.entry.details["release"] for one in found] == [2, 3, 4, 5, 8]
    assert all(len(one.hash) == 64 for one in found)
    period = Wanted(releases, since=hour(3), until=hour(5))
    assert [one.entry.at for one in state.entries(period)] == [hour(3), hour(4)]
    newest = state.entries(Wanted(releases, most=2))
    assert [one.entry.details["release"] for one in newest] == [5, 8]
    assert state.entries(Wanted(releases, frozenset({"other"}))) == ()
    assert state.entries(Wanted(releases, within="cre%")) == ()
    assert len(state.entries(Wanted(releases, within="cre"))) == 5


@pytest.fixture
async def used(registry: Registry) -> Registry:
    """Deployment `risk` of `credit`: version 1, promoted 2, back again; and a key of its own."""
    post = registry.http.post
    made = {"name": "risk", "model": "credit", "main": 1, "challengers": [2], "reason": "first"}
    assert (await post("/v1/deployments", json=made)).status_code == 201
    promoted = {"kind": "promote", "version": 2, "reason": "better", "evidence": EVIDENCE}
    rolled = {"kind": "rollback", "reason": "worse"}
    for body in (promoted, rolled):
        answer = await post("/v1/deployments/risk/releases", json=body)
        assert answer.status_code == 201, answer.text
    key = {"name": "website", "scopes": ["predict"], "deployment": "risk"}
    issued = (await post("/v1/keys", json=key)).json()["id"]
    await post("/v1/keys", json={**key, "deployment": "credit"})
    await registry.http.delete(f"/v1/keys/{issued}")
    return registry


async def main_of(registry: Registry, at: str | None = None) -> dict[str, Any]:
    answer = await registry.http.get(MAIN, params={} if at is None else {"at": at})
    assert answer.status_code == 200, answer.text
    told: dict[str, Any] = answer.json()
    return told


async def releases_of(registry: Registry) -> list[dict[str, Any]]:
    """Oldest first."""
    items = (await registry.http.get("/v1/deployments/risk/releases")).json()["items"]
    return list(reversed(items))


@pytest.mark.anyio
async def test_the_main_of_now_and_of_then(used: Registry) -> None:
    now = await main_of(used)
    assert (now["version"], now["release"], now["until"]) == (1, 3, None)
    assert now["decision"]["kind"] == "rollback"
    _, promotion, rollback = await releases_of(used)
    then = await main_of(used, promotion["released_at"])
    assert (then["version"], then["release"], then["release_then"]) == (2, 2, 2)
    assert (then["since"], then["until"]) == (promotion["released_at"], rollback["released_at"])
    decision = then["decision"]
    assert (decision["by"], decision["reason"]) == ("admin0001", "better")
    assert decision["evidence"] == EVIDENCE
    trail = (await used.http.get("/v1/audit")).json()["items"]
    (entry,) = [one for one in trail if one["details"].get("kind") == "promote"]
    assert decision["entry"] == {"sequence": entry["sequence"], "hash": entry["hash"]}
    admission = then["admission"]
    assert (admission["version"], admission["state"]) == (2, "deployed")
    assert (admission["decided_by"], admission["overridden"]) == ("ann", [])


@pytest.mark.anyio
async def test_a_deployment_that_was_deleted_is_told_of(used: Registry) -> None:
    await used.http.delete("/v1/deployments/risk")
    answer = await used.http.get(MAIN)
    assert answer.status_code == 404
    assert "deleted at" in answer.json()["detail"]
    report = (await used.http.get(REPORT)).json()
    assert report["deleted_at"] == report["mains"][-1]["until"]
    then = await main_of(used, report["mains"][1]["since"])
    assert (then["version"], then["deleted_at"]) == (2, report["deleted_at"])


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("at", "status", "said"),
    [
        ("2020-01-01T00:00:00Z", 404, "its first release was made at"),
        ("2999-01-01T00:00:00Z", 422, "is after"),
        ("2020-01-01T00:00:00", 422, "must have a time zone"),
        ("yesterday", 422, "at"),
        ("1577836800", 422, "time zone"),
    ],
)
async def test_a_moment_without_a_main_is_refused_clearly(
    used: Registry, at: str, status: int, said: str
) -> None:
    answer = await used.http.get(MAIN, params={"at": at})
    assert answer.status_code == status, answer.text
    assert said in answer.text


@pytest.mark.anyio
@pytest.mark.parametrize("path", [MAIN, REPORT])
async def test_what_is_out_of_reach_looks_as_if_it_were_not_there(
    used: Registry, path: str
) -> None:
    body = {"name": "n", "scopes": ["read"], "project": "shop"}
    key = (await used.http.post("/v1/keys", json=body)).json()["key"]
    headers = {"Authorization": f"Bearer {key}"}
    hidden = await used.http.get(path, headers=headers)
    missing = await used.http.get(path.replace("risk", "nothing"), headers=headers)
    assert (hidden.status_code, missing.status_code) == (404, 404)
    assert hidden.json()["detail"].replace("risk", "nothing") == missing.json()["detail"]
    await used.http.delete("/v1/deployments/risk")
    assert (await used.http.get(path, headers=headers)).status_code == 404
    own = await used.http.get(path, headers={"Authorization": f"Bearer {MONITOR}"})
    assert own.status_code != 403


@pytest.mark.anyio
async def test_a_report_tells_all_of_a_period(used: Registry) -> None:
    report = (await used.http.get(REPORT)).json()
    assert [one["kind"] for one in report["releases"]] == ["deploy", "promote", "rollback"]
    assert [one["reason"] for one in report["releases"]] == ["first", "better", "worse"]
    assert report["releases"][1]["evidence"] == EVIDENCE
    assert all(one["entry"]["hash"] for one in report["releases"])
    assert [one["version"] for one in report["mains"]] == [1, 2, 1]
    assert [one["version"] for one in report["decisions"]] == [1, 2]
    assert [one["action"] for one in report["keys"]] == ["key.issue", "key.revoke"]
    assert {one["name"] for one in report["keys"]} == {"website"}
    assert report["verification"]["whole"] is True
    newest = (await used.http.get("/v1/audit")).json()["items"][0]
    assert report["verification"]["head"]["hash"] == newest["hash"]


@pytest.mark.anyio
async def test_a_report_is_of_its_period(used: Registry) -> None:
    _, promotion, rollback = await releases_of(used)
    period = {"since": promotion["released_at"], "until": rollback["released_at"]}
    report = (await used.http.get(REPORT, params=period)).json()
    assert [one["kind"] for one in report["releases"]] == ["promote"]
    assert [one["version"] for one in report["mains"]] == [2]
    assert report["keys"] == []
    upside_down = {"since": rollback["released_at"], "until": promotion["released_at"]}
    answer = await used.http.get(REPORT, params=upside_down)
    assert answer.status_code == 422
    assert "since" in answer.text


@pytest.mark.anyio
async def test_overrides_stand_apart(used: Registry) -> None:
    version = used.memory.versions["credit", 2]
    assert version.ruling is not None
    against = type(version.ruling)(
        version.ruling.state, datetime.now(UTC), "ann", "urgent", ("review_missing:credit/2",)
    )
    used.memory.versions["credit", 2] = type(version)(2, version.draft, against)
    report = (await used.http.get(REPORT)).json()
    assert [one["version"] for one in report["overrides"]] == [2]
    assert report["overrides"][0]["overridden"] == ["review_missing:credit/2"]


@pytest.mark.anyio
async def test_a_broken_trail_is_in_the_report(used: Registry) -> None:
    del used.memory.trail[2]
    report = (await used.http.get(REPORT)).json()
    assert report["verification"]["whole"] is False
    assert report["verification"]["breaks"][0]["kind"] == "missing"
