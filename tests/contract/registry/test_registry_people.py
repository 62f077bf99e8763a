"""Users and members by HTTP: made, changed, told, and nothing of passwords anywhere."""

import pytest

from services.registry.domain.access import Reach
from tests.fakes.registry import NOON
from understudy.contracts.vocabulary import MemberRole, Scope

from .conftest import Registry
from .people import PASSWORD, settle, sign_in
from .test_registry_doors import bearer, give

pytestmark = pytest.mark.anyio


async def test_a_user_is_made_and_signs_in(registry: Registry) -> None:
    body = {"name": "ann", "display_name": "Ann", "password": PASSWORD}
    answer = await registry.http.post("/v1/users", json=body)
    assert answer.status_code == 201
    made = answer.json()
    assert made.pop("created_at") > NOON.isoformat()
    assert made == {
        "name": "ann",
        "display_name": "Ann",
        "admin": False,
        "has_password": True,
        "identity": None,
        "disabled_at": None,
        "memberships": [],
    }
    client = await sign_in(registry)
    assert (await client.get("/v1/users/ann")).json()["name"] == "ann"
    trail = registry.memory.trail[-1].entry
    assert (trail.action.value, trail.subject, trail.actor) == ("user.make", "ann", "admin0001")
    assert PASSWORD not in str(registry.memory.trail)


async def test_a_name_is_taken_once(registry: Registry) -> None:
    settle(registry)
    answer = await registry.http.post("/v1/users", json={"name": "ann", "password": PASSWORD})
    assert (answer.status_code, answer.json()["code"]) == (409, "name_taken")


@pytest.mark.parametrize(
    ("change", "pointer"),
    [
        ({"name": "Ann"}, "/name"),
        ({"name": "-ann"}, "/name"),
        ({"name": "a" * 128}, "/name"),
        ({"name": ""}, "/name"),
        ({"name": "ann\n"}, "/name"),
        ({"password": "short"}, "/password"),
        ({"password": "passwordpassword"}, "/password"),
        ({"name": "ann.of.the.north", "password": "ann.of.the.north"}, "/password"),
        ({"password": ""}, "/password"),
        ({"password": "x" * 201 + "y"}, "/password"),
        ({"display_name": "a\u0007"}, "/display_name"),
        ({"identity": "nospace"}, "/identity"),
        ({"admin": "perhaps"}, "/admin"),
        ({"disabled": True}, "/disabled"),
    ],
)
async def test_a_user_that_does_not_fit_is_told_where(
    registry: Registry, change: dict[str, object], pointer: str
) -> None:
    body = {"name": "ann", "password": PASSWORD, **change}
    answer = await registry.http.post("/v1/users", json=body)
    assert answer.status_code == 422
    assert [error["pointer"] for error in answer.json()["errors"]] == [pointer]
    assert registry.memory.users == {}


async def test_users_are_listed_by_name_in_pages(registry: Registry) -> None:
    for name in ("carl", "ann", "bob"):
        settle(registry, name)
    first = (await registry.http.get("/v1/users", params={"limit": 2})).json()
    assert [user["name"] for user in first["items"]] == ["ann", "bob"]
    rest = await registry.http.get("/v1/users", params={"cursor": first["next_cursor"]})
    assert [user["name"] for user in rest.json()["items"]] == ["carl"]


async def test_a_user_changes(registry: Registry) -> None:
    settle(registry, "ann", MemberRole.VIEWER)
    body = {"display_name": "Anne", "admin": True, "disabled": True}
    changed = (await registry.http.patch("/v1/users/ann", json=body)).json()
    assert (changed["display_name"], changed["admin"]) == ("Anne", True)
    assert changed["disabled_at"]
    assert registry.memory.trail[-1].entry.details == body
    again = (await registry.http.patch("/v1/users/ann", json={"disabled": False})).json()
    assert (again["disabled_at"], again["display_name"]) == (None, "Anne")
    assert again["memberships"][0]["roles"] == ["viewer"]


@pytest.mark.parametrize("body", [{"disabled": True}, {"admin": False}])
async def test_the_last_administrator_stays(registry: Registry, body: object) -> None:
    settle(registry, admin=True)
    answer = await registry.http.patch("/v1/users/ann", json=body)
    assert (answer.status_code, answer.json()["code"]) == (409, "last_administrator")
    settle(registry, "bob", admin=True)
    assert (await registry.http.patch("/v1/users/ann", json=body)).status_code == 200


async def test_ones_own_password_is_changed_with_the_old_one(registry: Registry) -> None:
    settle(registry)
    client = await sign_in(registry)
    path, new = "/v1/users/ann/password", "another good one"
    without = await client.put(path, json={"password": new})
    assert (without.status_code, without.json()["code"]) == (422, "wrong_password")
    wrong = await client.put(path, json={"password": new, "old_password": "guessed wrongly"})
    assert (wrong.status_code, wrong.json()["errors"][0]["pointer"]) == (422, "/old_password")
    same = await client.put(path, json={"password": PASSWORD, "old_password": PASSWORD})
    assert same.json()["code"] == "password_refused"
    right = await client.put(path, json={"password": new, "old_password": PASSWORD})
    assert right.status_code == 204
    assert registry.memory.users["ann"].password == f"2026 {new}"
    assert registry.memory.sessions == {}
    assert new not in str(registry.memory.trail)


async def test_guessing_the_old_password_makes_wait(registry: Registry) -> None:
    settle(registry)
    client = await sign_in(registry)
    body = {"password": "another good one", "old_password": "guessed wrongly"}
    for _ in range(5):
        await client.put("/v1/users/ann/password", json=body)
    ((_, name), *_) = sorted(registry.memory.attempts.items(), key=lambda one: "name" not in one[0])
    assert name.failures == 5


async def test_an_administrator_as_person_changes_the_own_password_no_other_way(
    registry: Registry,
) -> None:
    settle(registry, admin=True)
    client = await sign_in(registry)
    answer = await client.put("/v1/users/ann/password", json={"password": "another good one"})
    assert answer.json()["code"] == "wrong_password"


async def test_others_passwords_are_administrators_business(registry: Registry) -> None:
    settle(registry)
    settle(registry, "bob", MemberRole.ADMIN)
    client = await sign_in(registry, "bob")
    body = {"password": "another good one", "old_password": PASSWORD}
    assert (await client.put("/v1/users/ann/password", json=body)).status_code == 404
    assert (await client.get("/v1/users/ann")).status_code == 404
    assert (await client.get("/v1/users/bob")).status_code == 200


async def test_members_are_set_listed_and_removed(registry: Registry) -> None:
    settle(registry)
    path = "/v1/projects/bank/members"
    made = await registry.http.put(f"{path}/ann", json={"roles": ["viewer", "operator", "viewer"]})
    assert made.json() == {"project": "bank", "user": "ann", "roles": ["operator", "viewer"]}
    assert (await registry.http.get(path)).json()["items"] == [made.json()]
    assert (await registry.http.delete(f"{path}/ann")).status_code == 204
    assert (await registry.http.delete(f"{path}/ann")).status_code == 404
    actions = [one.entry.action.value for one in registry.memory.trail[-2:]]
    assert actions == ["member.put", "member.remove"]


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        ("/v1/projects/absent/members/ann", {"roles": ["viewer"]}, 404),
        ("/v1/projects/bank/members/nobody", {"roles": ["viewer"]}, 422),
        ("/v1/projects/bank/members/ann", {"roles": []}, 422),
        ("/v1/projects/bank/members/ann", {"roles": ["king"]}, 422),
        ("/v1/projects/bank/members/Ann", {"roles": ["viewer"]}, 422),
    ],
)
async def test_members_that_do_not_fit_are_told(
    registry: Registry, path: str, body: object, status: int
) -> None:
    settle(registry)
    assert (await registry.http.put(path, json=body)).status_code == status


@pytest.mark.parametrize(
    ("reach", "status"),
    [(Reach(project="bank"), 200), (Reach(project="shop"), 404), (Reach(deployment="credit"), 404)],
)
async def test_a_projects_key_keeps_its_own_members(
    registry: Registry, reach: Reach, status: int
) -> None:
    settle(registry)
    headers = bearer(give(registry.memory, Scope.ADMIN, reach=reach))
    path = "/v1/projects/bank/members/ann"
    answer = await registry.http.put(path, json={"roles": ["viewer"]}, headers=headers)
    assert answer.status_code == status
    assert (await registry.http.get("/v1/users", headers=headers)).status_code == 403
    made = await registry.http.post("/v1/users", json={"name": "eve"}, headers=headers)
    assert made.status_code == 403
    changed = await registry.http.patch("/v1/users/ann", json={"admin": True}, headers=headers)
    assert changed.status_code == 403
