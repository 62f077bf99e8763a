"""Deny by default: every route, without a key, with a wrong one, and with one that may not."""

import re
from datetime import datetime

import httpx
import pytest
from fastapi.routing import APIRoute

from services.registry.api import ROUTERS
from services.registry.domain.access import Key, Reach
from tests.fakes.registry import NOON, Memory
from understudy.contracts.vocabulary import Scope
from understudy.runtime.keys import make_key

from .conftest import ADMIN, METRICS, MONITOR, SERVICE, Registry
from .people import settle

pytestmark = pytest.mark.anyio

OPEN = {"/livez", "/readyz"}
WITH_CREDENTIALS = {"/v1/oauth/token"}
SIGNING_IN = {"/v1/sessions", "/signin/oidc", "/signin/oidc/callback"}
ANYBODYS = {
    ("GET", "/v1/me"),
    ("DELETE", "/v1/sessions/current"),
}
"""What concerns oneself, whatever one may do."""
ONES_OWN = {("GET", "/v1/users/ann"), ("PUT", "/v1/users/ann/password")}
"""To others than an administrator and the user, it is as if the user were not there."""
PUBLISHED = {"/v1/oauth/jwks", "/.well-known/oauth-authorization-server"}
VALUES = {
    "job": "0" * 12 + "-" + "0" * 16,
    "model": "credit",
    "version": "1",
    "deployment": "credit",
    "sha256": "a" * 64,
    "key_id": "abcdefgh",
    "user": "ann",
    "project": "bank",
    "type": "sklearn.dummy.DummyClassifier",
    "path": "folder/model.skops",
    "rest": "2.0/mlflow/runs/create",
}


def routes() -> list[tuple[str, str]]:
    found = [
        (method, re.sub(r"\{(\w+)(:path)?\}", lambda match: VALUES[match[1]], route.path))
        for router in ROUTERS
        for route in router.routes
        if isinstance(route, APIRoute)
        for method in route.methods or ()
    ]
    return sorted(found)


ROUTES = [
    route for route in routes() if route[1] not in OPEN | WITH_CREDENTIALS | PUBLISHED | SIGNING_IN
]


def give(
    memory: Memory,
    *scopes: Scope,
    reach: Reach | None = None,
    expires_at: datetime | None = None,
    revoked_at: datetime | None = None,
) -> str:
    """A key in the store."""
    drawn, reach = make_key(), reach or Reach()
    memory.keys[drawn.id] = Key(
        drawn.id, drawn.digest, "app", scopes, reach, NOON, expires_at, revoked_at
    )
    memory.sequence += 1
    return drawn.plaintext


def bearer(key: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {key}"}


def test_there_are_routes() -> None:
    assert len(ROUTES) >= 25


@pytest.mark.parametrize(("method", "path"), ROUTES)
async def test_without_a_key_nothing_answers(registry: Registry, method: str, path: str) -> None:
    del registry.http.headers["Authorization"]
    answer = await registry.http.request(method, path)
    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"] == "Bearer"
    mlflow = path.startswith("/api/")
    kind = "application/json" if mlflow else "application/problem+json"
    assert answer.headers["Content-Type"] == kind


@pytest.mark.parametrize(("method", "path"), [route for route in ROUTES if route not in ANYBODYS])
async def test_a_key_without_the_scope_is_turned_away(
    registry: Registry, method: str, path: str
) -> None:
    key = give(registry.memory, Scope.PREDICT, Scope.LABEL)
    settle(registry)
    body = None if method in {"GET", "HEAD", "DELETE"} else BODIES.get(path)
    content = b"" if method == "PUT" and body is None else None
    answer = await registry.http.request(
        method, path, headers=bearer(key), content=content, json=body
    )
    assert answer.status_code == (404 if (method, path) in ONES_OWN else 403)


ADMINISTRATORS = [
    route
    for route in ROUTES
    if route not in ANYBODYS and re.match(r"/v1/(users|projects/bank/members|sessions)", route[1])
]


@pytest.mark.parametrize("scope", [scope for scope in Scope if scope is not Scope.ADMIN])
@pytest.mark.parametrize(("method", "path"), ADMINISTRATORS)
async def test_reaching_everything_administers_nobody(
    registry: Registry, method: str, path: str, scope: Scope
) -> None:
    settle(registry, admin=True)
    before = {**registry.memory.users}, {**registry.memory.members}
    body = None if method in {"GET", "DELETE"} else BODIES[path]
    headers = bearer(give(registry.memory, scope))
    answer = await registry.http.request(method, path, headers=headers, json=body)
    assert answer.status_code == (404 if (method, path) in ONES_OWN else 403)
    assert (registry.memory.users, registry.memory.members) == before


BODIES: dict[str, object] = {
    "/v1/projects": {"name": "x"},
    "/v1/models": {"name": "x", "project": "bank"},
    "/v1/models/credit/versions": {
        "artifact": "a" * 64,
        "reference": "b" * 64,
        "signature": {
            "features": [{"name": "age", "kind": "integer"}],
            "target": {"name": "y", "task": "regression"},
        },
    },
    "/v1/models/credit/versions/1/decision": {"decision": "deploy"},
    "/v1/deployments": {"name": "x", "model": "credit", "main": 1},
    "/v1/deployments/credit/releases": {"kind": "deploy", "version": 2},
    "/v1/keys": {"name": "x", "scopes": ["read"]},
    "/v1/users": {"name": "ann"},
    "/v1/users/ann": {"disabled": True},
    "/v1/users/ann/password": {"password": "another good one"},
    "/v1/projects/bank/members/ann": {"roles": ["viewer"]},
    "/v1/followers": {"instance": "x", "component": "serving", "releases": {}},
}


@pytest.mark.parametrize("path", ["/nothing", "/docs", "/openapi.json", "/v1/nothing", "/redoc"])
async def test_what_does_not_exist_is_no_news_without_a_key(registry: Registry, path: str) -> None:
    answer = await registry.http.get(path, headers={"Authorization": ""})
    assert answer.status_code == 401
    assert (await registry.http.get(path)).status_code == 404


@pytest.mark.parametrize("path", sorted(PUBLISHED))
async def test_what_verifies_tokens_is_published(registry: Registry, path: str) -> None:
    answer = await registry.http.get(path, headers={"Authorization": ""})
    assert answer.status_code == 200


@pytest.mark.parametrize("path", sorted(WITH_CREDENTIALS))
async def test_tokens_are_had_by_credentials_of_their_own(registry: Registry, path: str) -> None:
    form = {"grant_type": "client_credentials"}
    answer = await registry.http.post(path, headers={"Authorization": ""}, data=form)
    assert answer.status_code == 401


@pytest.mark.parametrize("path", sorted(OPEN))
async def test_probes_are_open(registry: Registry, path: str) -> None:
    answer = await registry.http.get(path, headers={"Authorization": ""})
    assert answer.status_code == 200


@pytest.mark.parametrize(
    ("key", "path", "status"),
    [
        (SERVICE, "/v1/snapshot", 200),
        (SERVICE, "/v1/deployments/credit", 200),
        (SERVICE, "/v1/audit", 403),
        (SERVICE, "/metrics", 403),
        (MONITOR, "/v1/snapshot", 200),
        (MONITOR, "/v1/audit", 403),
        (METRICS, "/metrics", 200),
        (METRICS, "/v1/snapshot", 403),
        (ADMIN, "/v1/audit", 200),
        (ADMIN, "/metrics", 200),
        (ADMIN[:-1] + "x", "/v1/audit", 401),
        ("us_absent01_aaaaaaaaaaaaaaaaaaaaaaaaaaaa", "/v1/audit", 401),
        ("secret", "/v1/audit", 401),
    ],
)
async def test_keys_of_the_installation_do_what_their_scope_says(
    registry: Registry, key: str, path: str, status: int
) -> None:
    assert (await registry.http.get(path, headers=bearer(key))).status_code == status


async def test_both_headers_carry_a_key(registry: Registry) -> None:
    headers = {"Authorization": "", "X-API-Key": ADMIN}
    assert (await registry.http.get("/v1/audit", headers=headers)).status_code == 200


@pytest.mark.parametrize(("expires_at", "revoked_at"), [(NOON, None), (None, NOON)])
async def test_an_ended_key_is_as_good_as_none(
    registry: Registry, expires_at: datetime | None, revoked_at: datetime | None
) -> None:
    key = give(registry.memory, Scope.ADMIN, expires_at=expires_at, revoked_at=revoked_at)
    assert (await registry.http.get("/v1/projects", headers=bearer(key))).status_code == 401


async def test_a_revocation_holds_from_the_next_request_on(registry: Registry) -> None:
    issued = (await registry.http.post("/v1/keys", json={"name": "ci", "scopes": ["read"]})).json()
    headers = bearer(issued["key"])
    assert (await registry.http.get("/v1/projects", headers=headers)).status_code == 200
    revoked = await registry.http.delete(f"/v1/keys/{issued['id']}")
    assert revoked.status_code == 204
    assert (await registry.http.get("/v1/projects", headers=headers)).status_code == 401


REACHES = {
    "project": Reach(project="bank"),
    "deployment": Reach(deployment="credit"),
    "elsewhere": Reach(project="shop"),
}


@pytest.mark.parametrize(
    ("reach", "path", "status"),
    [
        ("project", "/v1/deployments/credit", 200),
        ("project", "/v1/deployments/credit/releases", 200),
        ("project", "/v1/models/credit", 200),
        ("project", "/v1/models/credit/versions/1", 200),
        ("project", f"/v1/artifacts/{'a' * 64}", 200),
        ("project", "/v1/audit", 403),
        ("project", "/v1/snapshot", 403),
        ("deployment", "/v1/deployments/credit", 200),
        ("deployment", "/v1/models/credit", 404),
        ("deployment", f"/v1/artifacts/{'a' * 64}", 404),
        ("elsewhere", "/v1/deployments/credit", 404),
        ("elsewhere", "/v1/deployments/credit/releases", 404),
        ("elsewhere", "/v1/models/credit", 404),
        ("elsewhere", "/v1/models/credit/versions", 404),
        ("elsewhere", f"/v1/artifacts/{'a' * 64}", 404),
    ],
)
async def test_a_limited_key_reaches_its_own(
    registry: Registry, reach: str, path: str, status: int
) -> None:
    headers = bearer(give(registry.memory, Scope.ADMIN, reach=REACHES[reach]))
    assert (await registry.http.get(path, headers=headers)).status_code == status


async def test_out_of_reach_looks_like_not_there(registry: Registry) -> None:
    headers = bearer(give(registry.memory, Scope.READ, reach=REACHES["elsewhere"]))

    async def told(name: str) -> object:
        body = (await registry.http.get(f"/v1/deployments/{name}", headers=headers)).json()
        del body["request_id"], body["instance"]
        body["detail"] = body["detail"].replace(name, "…")
        return body

    assert await told("credit") == await told("absent")


@pytest.mark.parametrize("path", ["/v1/projects", "/v1/models", "/v1/deployments", "/v1/keys"])
async def test_lists_hold_what_is_in_reach(registry: Registry, path: str) -> None:
    async def listed(reach: Reach) -> int:
        headers = bearer(give(registry.memory, Scope.ADMIN, reach=reach))
        answer: httpx.Response = await registry.http.get(path, headers=headers)
        return len(answer.json()["items"])

    own_key = path == "/v1/keys"
    assert await listed(REACHES["elsewhere"]) == (1 if path in {"/v1/projects", "/v1/keys"} else 0)
    assert await listed(REACHES["project"]) == 1
    assert await listed(REACHES["deployment"]) == (own_key or path == "/v1/deployments")


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("POST", "/v1/projects", {"name": "new"}, 403),
        ("POST", "/v1/models", {"name": "m", "project": "bank"}, 422),
        ("POST", "/v1/deployments", {"name": "d", "model": "credit", "main": 1}, 422),
        ("POST", "/v1/deployments/credit/releases", {"kind": "deploy", "version": 2}, 404),
        ("POST", "/v1/keys", {"name": "k", "scopes": ["admin"]}, 422),
        ("POST", "/v1/keys", {"name": "k", "scopes": ["admin"], "project": "bank"}, 422),
        ("POST", "/v1/keys", {"name": "k", "scopes": ["read"], "deployment": "credit"}, 422),
        ("POST", "/v1/keys", {"name": "k", "scopes": ["read"], "project": "shop"}, 201),
        ("DELETE", "/v1/deployments/credit", None, 404),
    ],
)
async def test_a_limited_admin_changes_nothing_beyond(
    registry: Registry, method: str, path: str, body: object, status: int
) -> None:
    headers = bearer(give(registry.memory, Scope.ADMIN, reach=REACHES["elsewhere"]))
    answer = await registry.http.request(method, path, json=body, headers=headers)
    assert answer.status_code == status


@pytest.mark.parametrize("reach", [Reach(deployment="credit"), Reach(project="bank")])
async def test_metrics_need_a_key_for_the_whole_installation(
    registry: Registry, reach: Reach
) -> None:
    key = give(registry.memory, Scope.ADMIN, reach=reach)
    answer = await registry.http.get("/metrics", headers=bearer(key))
    assert (answer.status_code, answer.json()["code"]) == (403, "forbidden")
    whole = give(registry.memory, Scope.ADMIN)
    assert (await registry.http.get("/metrics", headers=bearer(whole))).status_code == 200


@pytest.mark.parametrize("path", sorted(OPEN))
async def test_probes_answer_head(registry: Registry, path: str) -> None:
    assert (await registry.http.head(path)).status_code == 200
