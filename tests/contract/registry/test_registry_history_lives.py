"""A name that was taken again: whose releases, decisions and keys are whose, and who may know."""

from datetime import timedelta
from typing import Any

import pytest

from services.registry.domain.catalogue import Model
from services.registry.domain.versions import Version, decide
from tests.fakes.registry import NOON, draft
from understudy.contracts.vocabulary import Decision

from .conftest import Registry
from .test_registry_doors import bearer
from .test_registry_gate import DEPLOY, reviewed

pytestmark = pytest.mark.anyio

MAIN = "/v1/deployments/risk/main"
REPORT = "/v1/deployments/risk/audit-report"


async def make(registry: Registry, model: str, main: int, key: str) -> str:
    """The deployment `risk`, and a key for it alone."""
    body = {"name": "risk", "model": model, "main": main, "reason": f"{model} begins"}
    answer = await registry.http.post("/v1/deployments", json=body)
    assert answer.status_code == 201, answer.text
    asked = {"name": key, "scopes": ["read", "predict"], "deployment": "risk"}
    issued: str = (await registry.http.post("/v1/keys", json=asked)).json()["key"]
    return issued


@pytest.fixture
async def reused(registry: Registry) -> Registry:
    """`risk` was the bank's with versions 1 and 2 of `credit`, and is the shop's with `basket`."""
    registry.memory.models["basket"] = Model("basket", "shop", "", NOON)
    for number in (1, 2):
        pending = Version(number, draft("basket"))
        registry.memory.versions["basket", number] = decide(
            pending,
            Decision.DEPLOY,
            by="bob",
            at=NOON + timedelta(days=number),
            reason=f"the shop's {number}",
        )
    await make(registry, "credit", 1, "of the bank")
    promoted = {"kind": "deploy", "version": 2, "reason": "the bank's second"}
    answer = await registry.http.post("/v1/deployments/risk/releases", json=promoted)
    assert answer.status_code == 201, answer.text
    await registry.http.delete("/v1/deployments/risk")
    return registry


async def told(registry: Registry, path: str, key: str | None = None, **params: str) -> Any:
    headers = {} if key is None else bearer(key)
    answer = await registry.http.get(path, params=params, headers=headers)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def made_entries(registry: Registry) -> list[dict[str, Any]]:
    """Of the deployments that were made, the newest first."""
    items = (await registry.http.get("/v1/audit")).json()["items"]
    return [one for one in items if one["action"] == "deployment.make"]


async def test_each_life_has_its_own_releases_decisions_and_keys(reused: Registry) -> None:
    await make(reused, "basket", 2, "of the shop")
    report = await told(reused, REPORT)
    mains = [(one["project"], one["model"], one["version"]) for one in report["mains"]]
    assert mains == [("bank", "credit", 1), ("bank", "credit", 2), ("shop", "basket", 2)]
    shop, bank = await made_entries(reused)
    first, _, last = report["releases"]
    assert (first["model"], first["entry"]["hash"]) == ("credit", bank["hash"])
    assert (last["model"], last["entry"]["hash"]) == ("basket", shop["hash"])
    decisions = {(one["model"], one["version"]): one["reason"] for one in report["decisions"]}
    assert decisions["basket", 2] == "the shop's 2"
    assert decisions["credit", 2] == decisions["credit", 1] == ""
    assert ("basket", 1) not in decisions
    then = await told(reused, MAIN, at=report["mains"][1]["since"])
    assert (then["model"], then["admission"]["model"], then["admission"]["decided_by"]) == (
        "credit",
        "credit",
        "ann",
    )
    assert [one["name"] for one in report["keys"]] == ["of the bank", "of the shop"]


@pytest.mark.parametrize("limit", ["project", "deployment"])
async def test_who_is_limited_learns_nothing_of_another_projects_life(
    reused: Registry, limit: str
) -> None:
    then = (await told(reused, REPORT))["mains"][0]["since"]
    key = await make(reused, "basket", 2, "of the shop")
    if limit == "project":
        body = {"name": "n", "scopes": ["read"], "project": "shop"}
        key = (await reused.http.post("/v1/keys", json=body)).json()["key"]
    (shop, _) = await made_entries(reused)
    answer = await reused.http.get(REPORT, headers=bearer(key))
    report = answer.json()
    (only,) = report["releases"]
    assert (only["reason"], only["entry"]["hash"]) == ("basket begins", shop["hash"])
    assert [one["model"] for one in report["mains"]] == ["basket"]
    assert [one["name"] for one in report["keys"]] == ["of the shop"]
    assert {one["model"] for one in report["decisions"]} == {"basket"}
    for secret in ("credit", "the bank", then):
        assert secret not in answer.text
    answer = await reused.http.get(MAIN, params={"at": then}, headers=bearer(key))
    assert (answer.status_code, "bank" in answer.text) == (404, False)


async def test_who_may_not_read_there_any_more_reads_nothing(reused: Registry) -> None:
    """The name is the shop's now; what the bank had under it, the bank reads."""
    await make(reused, "basket", 2, "of the shop")
    body = {"name": "n", "scopes": ["read"], "project": "bank"}
    key = (await reused.http.post("/v1/keys", json=body)).json()["key"]
    report = await told(reused, REPORT, key)
    assert (report["model"], {one["model"] for one in report["mains"]}) == ("credit", {"credit"})
    assert report["deleted_at"] == report["mains"][-1]["until"]


FORMS = ("as it is", "as it is from now on", "as it was")


@pytest.mark.parametrize("form", FORMS)
async def test_the_review_that_was_decided_on_is_told(registry: Registry, form: str) -> None:
    """A later one was not there, whoever looks at it since."""
    decided_on = reviewed(registry)
    decision = "/v1/models/credit/versions/4/decision"
    assert (await registry.http.post(decision, json=DEPLOY)).is_success
    details = registry.memory.trail[-1].entry.details
    assert isinstance(details, dict)
    if form == "as it is from now on":
        details.pop("file", None)
        details |= {"review": decided_on, "review_number": 1}
    if form == "as it was":
        details.pop("review_number", None)
        details |= {"review": 1, "file": decided_on}
    registry.artifacts.files["c" * 64] = registry.artifacts.files[decided_on]
    later = registry.memory.reviews["credit", 4][0]
    assert later.made is not None
    again = type(later.made)("c" * 64, NOON + timedelta(days=9_000), (), None)
    registry.memory.reviews["credit", 4].append(
        type(later)("credit", 4, 2, "job", NOON, "ann", again)
    )
    await make(registry, "credit", 4, "k")
    assert (await told(registry, MAIN))["admission"]["review"] == decided_on
    report = await told(registry, REPORT)
    (admission,) = [one for one in report["decisions"] if one["version"] == 4]
    assert admission["review"] == decided_on


async def test_where_there_was_no_review_none_is_told(registry: Registry) -> None:
    decision = "/v1/models/credit/versions/4/decision"
    assert (await registry.http.post(decision, json=DEPLOY)).is_success
    reviewed(registry)
    await make(registry, "credit", 4, "k")
    assert (await told(registry, MAIN))["admission"]["review"] is None
