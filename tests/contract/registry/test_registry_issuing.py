"""Nobody hands out more than they have, and what somebody lost their keys lose, too."""

from datetime import UTC, datetime, timedelta

import httpx
import pytest

from services.registry.domain.access import Key, Reach
from tests.fakes.registry import NOON
from understudy.contracts.limits import Limits
from understudy.contracts.vocabulary import MemberRole, Scope
from understudy.runtime.keys import make_key

from .conftest import Registry
from .people import settle, sign_in
from .test_registry_doors import bearer, give

pytestmark = pytest.mark.anyio

ENDS = datetime(2100, 1, 1, tzinfo=UTC)
WISH = {"name": "app", "scopes": ["predict"]}
LIMITS = Limits(requests_per_second=10, burst=5, predictions_per_day=1_000)


def issuer(registry: Registry) -> dict[str, str]:
    """The headers of a key that ends and is limited."""
    drawn = make_key()
    registry.memory.keys[drawn.id] = Key(
        drawn.id,
        drawn.digest,
        "ci",
        (Scope.DEPLOY, Scope.PREDICT),
        Reach(project="bank"),
        NOON,
        ENDS,
        limits=LIMITS,
    )
    registry.memory.sequence += 1
    return bearer(drawn.plaintext)


async def issue(client: httpx.AsyncClient, **asked: object) -> httpx.Response:
    return await client.post("/v1/keys", json={**WISH, "project": "bank", **asked})


async def test_a_key_that_ends_issues_keys_that_end_no_later(registry: Registry) -> None:
    registry.http.headers.update(issuer(registry))
    later = await issue(registry.http, expires_at=(ENDS + timedelta(seconds=1)).isoformat())
    assert later.status_code == 422
    assert later.json()["errors"][0]["pointer"] == "/expires_at"
    sooner = await issue(registry.http, expires_at=(ENDS - timedelta(days=1)).isoformat())
    assert sooner.status_code == 201
    unsaid = (await issue(registry.http)).json()
    assert datetime.fromisoformat(unsaid["expires_at"]) == ENDS


@pytest.mark.parametrize(
    ("asked", "pointer"),
    [
        ({"requests_per_second": 11}, "/limits/requests_per_second"),
        ({"requests_per_second": 10, "burst": 6}, "/limits/burst"),
        ({"predictions_per_day": 1_001}, "/limits/predictions_per_day"),
    ],
)
async def test_a_limited_key_issues_none_that_is_limited_less(
    registry: Registry, asked: object, pointer: str
) -> None:
    registry.http.headers.update(issuer(registry))
    answer = await issue(registry.http, limits=asked)
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["pointer"] == pointer


@pytest.mark.parametrize(
    ("asked", "given"),
    [
        (None, (10, 5, 1_000)),
        ({"requests_per_second": 2}, (2, 2, 1_000)),
        ({"requests_per_second": 8, "predictions_per_day": 9}, (8, 5, 9)),
        ({"predictions_per_day": 9}, (10, 5, 9)),
    ],
)
async def test_what_a_limited_key_does_not_say_its_keys_inherit(
    registry: Registry, asked: object, given: tuple[int, int, int]
) -> None:
    registry.http.headers.update(issuer(registry))
    limits = (await issue(registry.http, limits=asked)).json()["limits"]
    assert tuple(limits.values()) == given


async def test_an_access_token_issues_no_key(registry: Registry) -> None:
    key = give(registry.memory, Scope.ADMIN)
    _, key_id, secret = key.split("_", 2)
    form = {"grant_type": "client_credentials"}
    granted = await registry.http.post(
        "/v1/oauth/token", data=form, auth=httpx.BasicAuth(key_id, secret)
    )
    registry.http.headers.update(bearer(granted.json()["access_token"]))
    assert (await registry.http.get("/v1/keys")).status_code == 200
    answer = await issue(registry.http)
    assert (answer.status_code, answer.json()["code"]) == (403, "forbidden")


async def test_keys_tell_who_issued_them(registry: Registry) -> None:
    settle(registry, "ann", MemberRole.OPERATOR)
    client = await sign_in(registry)
    assert (await issue(client)).json()["issued_by"] == "user:ann"
    assert (await issue(registry.http)).json()["issued_by"] == "admin0001"
    listed = (await registry.http.get("/v1/keys")).json()["items"]
    assert sorted(key["issued_by"] for key in listed) == ["admin0001", "user:ann"]


async def test_who_may_deploy_revokes_no_administrators_key(registry: Registry) -> None:
    give(registry.memory, Scope.ADMIN, reach=Reach(project="bank"))
    (admins,) = registry.memory.keys
    deployer = bearer(
        give(registry.memory, Scope.DEPLOY, Scope.PREDICT, reach=Reach(project="bank"))
    )
    answer = await registry.http.delete(f"/v1/keys/{admins}", headers=deployer)
    assert (answer.status_code, answer.json()["code"]) == (403, "forbidden")
    assert registry.memory.keys[admins].revoked_at is None
    own = (await issue(registry.http)).json()["id"]
    assert (await registry.http.delete(f"/v1/keys/{own}", headers=deployer)).status_code == 204


@pytest.mark.parametrize("way", ["disabled", "removed", "demoted"])
async def test_what_somebody_lost_their_keys_lose(registry: Registry, way: str) -> None:
    settle(registry, "ann", MemberRole.OPERATOR)
    settle(registry, "ann", MemberRole.OPERATOR, project="shop")
    client = await sign_in(registry)
    lost = (await issue(client)).json()["id"]
    lost_there = (await issue(client, project=None, deployment="credit")).json()["id"]
    automaton = (await issue(client, scopes=["deploy", "predict"])).json()
    registry.http.headers.update(bearer(automaton["key"]))
    grandchild = (await issue(registry.http)).json()["id"]
    registry.http.headers.update(bearer("us_admin0001_aaaaaaaaaaaaaaaaaaaaaaaaaaaa"))
    kept = (await issue(client, project="shop")).json()["id"]
    others = (await issue(registry.http)).json()["id"]
    member = "/v1/projects/bank/members/ann"
    if way == "disabled":
        await registry.http.patch("/v1/users/ann", json={"disabled": True})
    elif way == "removed":
        await registry.http.delete(member)
    else:
        await registry.http.put(member, json={"roles": ["viewer"]})
    ended = {key.id for key in registry.memory.keys.values() if key.revoked_at is not None}
    expected = {lost, lost_there, automaton["id"], grandchild}
    assert ended == (expected | {kept} if way == "disabled" else expected)
    assert others not in ended
    revoked = [one.entry for one in registry.memory.trail if one.entry.action == "key.revoke"]
    assert {one.subject for one in revoked} == ended
    assert {one.actor for one in revoked} == {"admin0001"}
    assert all(one.reason for one in revoked)
