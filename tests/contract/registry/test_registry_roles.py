"""What each role may and may not do: a table of routes by roles, asked by people who are signed in.

`v` viewer, `s` scientist, `o` operator, `p` approver, `a` administrator of the project, `A` of the
instance. Whoever is not named is refused with 403; members of another project alone get what a
thing that is not there gets.
"""

import pytest

from understudy.contracts.vocabulary import MemberRole

from .conftest import Registry
from .people import settle, sign_in
from .test_registry_doors import BODIES

pytestmark = pytest.mark.anyio

ROLES = {
    "v": MemberRole.VIEWER,
    "s": MemberRole.SCIENTIST,
    "o": MemberRole.OPERATOR,
    "p": MemberRole.APPROVER,
    "a": MemberRole.ADMIN,
    "A": None,
}
REGISTER = BODIES["/v1/models/credit/versions"]
ANSWERS = {"answers": {"objective": "Fewer losses."}}
MEMBER = "/v1/projects/bank/members/bob"
CREDIT = "/v1/deployments/credit"
TABLE: list[tuple[str, str, object, str, int]] = [
    # method, path, body, who may, what members of another project are told
    ("GET", "/v1/projects", None, "vsopaA", 200),
    ("GET", "/v1/models", None, "vsopaA", 200),
    ("GET", "/v1/models/credit", None, "vsopaA", 404),
    ("GET", "/v1/models/credit/versions", None, "vsopaA", 404),
    ("GET", "/v1/models/credit/versions/1", None, "vsopaA", 404),
    ("GET", f"/v1/artifacts/{'a' * 64}", None, "vsopaA", 404),
    ("GET", "/v1/deployments", None, "vsopaA", 200),
    ("GET", CREDIT, None, "vsopaA", 404),
    ("GET", f"{CREDIT}/releases", None, "vsopaA", 404),
    ("POST", "/v1/models", {"name": "new", "project": "bank"}, "saA", 422),
    ("POST", "/v1/models/credit/versions", REGISTER, "saA", 404),
    ("POST", "/v1/models/credit/versions/4/decision", {"decision": "persist"}, "paA", 404),
    ("GET", "/v1/models/credit/versions/4/gate", None, "vsopaA", 404),
    ("POST", "/v1/models/credit/versions/4/review", None, "spaA", 404),
    ("GET", "/v1/models/credit/versions/4/review/status", None, "vsopaA", 404),
    ("GET", "/v1/models/credit/versions/4/questionnaire", None, "vsopaA", 404),
    ("PUT", "/v1/models/credit/versions/4/questionnaire", ANSWERS, "spaA", 404),
    ("GET", "/v1/models/credit/versions/4/card", None, "vsopaA", 404),
    ("GET", "/v1/projects/bank/gate", None, "vsopaA", 404),
    ("GET", "/v1/projects/bank/gate/versions", None, "vsopaA", 404),
    ("PUT", "/v1/projects/bank/gate", {"second_person": True}, "aA", 404),
    ("POST", "/v1/deployments", {"name": "new", "model": "credit", "main": 1}, "oaA", 422),
    ("POST", f"{CREDIT}/releases", {"kind": "deploy", "version": 2}, "oaA", 404),
    ("POST", f"{CREDIT}/releases", {"kind": "challenge", "version": 2}, "oaA", 404),
    ("DELETE", CREDIT, None, "oaA", 404),
    (
        "POST",
        "/v1/keys",
        {"name": "k", "scopes": ["predict"], "deployment": "credit"},
        "oaA",
        422,
    ),
    ("GET", "/v1/keys", None, "oaA", 200),
    ("GET", "/v1/projects/bank/members", None, "aA", 404),
    ("PUT", MEMBER, {"roles": ["viewer"]}, "aA", 404),
    ("DELETE", MEMBER, None, "aA", 404),
    ("POST", "/v1/projects", {"name": "new"}, "A", 403),
    ("GET", "/v1/users", None, "A", 403),
    ("POST", "/v1/users", {"name": "new"}, "A", 403),
    ("PATCH", "/v1/users/bob", {"display_name": "B"}, "A", 403),
    ("PUT", "/v1/users/bob/password", {"password": "another good one"}, "A", 404),
    ("GET", "/v1/users/bob", None, "A", 404),
    ("GET", "/v1/audit", None, "A", 403),
    ("GET", "/metrics", None, "A", 403),
    ("GET", "/v1/snapshot", None, "A", 403),
    ("GET", "/v1/me", None, "vsopaA", 200),
]
CASES = [
    (method, path, body, role, role in may)
    for method, path, body, may, _ in TABLE
    for role in ROLES
]
HIDDEN = {"/v1/users/bob", "/v1/users/bob/password"}
"""Of somebody else, nobody but administrators hears whether there is one."""


def named(value: object) -> str | None:
    return None if isinstance(value, dict) else str(value)


@pytest.mark.parametrize(("method", "path", "body", "role", "may"), CASES, ids=named)
async def test_roles(
    registry: Registry, method: str, path: str, body: object, role: str, *, may: bool
) -> None:
    settle(registry, "bob", MemberRole.VIEWER)
    given = ROLES[role]
    settle(registry, "ann", *([given] if given else []), admin=given is None)
    client = await sign_in(registry)
    answer = await client.request(method, path, json=body)
    hidden = path in HIDDEN and method != "PATCH"
    assert answer.is_success if may else answer.status_code == (404 if hidden else 403)


@pytest.mark.parametrize(
    ("method", "path", "body", "status"), [(*row[:3], row[4]) for row in TABLE], ids=named
)
async def test_members_of_another_project(
    registry: Registry, method: str, path: str, body: object, status: int
) -> None:
    settle(registry, "bob", MemberRole.VIEWER)
    settle(registry, "ann", MemberRole.ADMIN, project="shop")
    client = await sign_in(registry)
    answer = await client.request(method, path, json=body)
    assert answer.status_code == status
    if status == 200 and path != "/v1/me":
        assert "credit" not in answer.text


async def test_roles_add_up(registry: Registry) -> None:
    settle(registry, "ann", MemberRole.VIEWER, MemberRole.APPROVER)
    client = await sign_in(registry)
    path = "/v1/models/credit/versions/4/decision"
    assert (await client.post(path, json={"decision": "persist"})).status_code == 200
    assert (
        await client.post("/v1/models", json={"name": "m", "project": "bank"})
    ).status_code == 403
