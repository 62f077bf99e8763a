"""Signing in and out: cookies, the token of changes, failures, and what ends a session."""

from contextlib import ExitStack
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import httpx
import pytest

from services.registry.domain.attempts import (
    LONGEST_BY_NAME,
    Attempts,
    address_subject,
    name_from_subject,
    name_subject,
)
from services.registry.domain.people import User
from services.registry.operations.people import People
from services.registry.operations.sessions import digest_of
from tests.fakes.registry import NOON
from understudy.contracts.vocabulary import MemberRole

from .conftest import ADMIN, Registry
from .people import PASSWORD, browser, settle, sign_in

pytestmark = pytest.mark.anyio

SIGN_IN = "/v1/sessions"
RIGHT = {"name": "ann", "password": PASSWORD}


def now() -> datetime:
    return datetime.now(UTC)


async def test_a_cookie_is_kept_from_scripts_and_other_sites(registry: Registry) -> None:
    settle(registry)
    answer = await browser(registry).post(SIGN_IN, json=RIGHT)
    name, _, rest = answer.headers["set-cookie"].partition("=")
    token, *attributes = rest.split("; ")
    assert name == "understudy_session"
    assert sorted(attributes) == ["HttpOnly", "Max-Age=604800", "Path=/", "SameSite=lax"]
    assert answer.headers["cache-control"] == "no-store"
    assert list(registry.memory.sessions) == [digest_of(token)]
    assert token not in answer.text
    assert len(token) >= 43


async def test_by_https_the_cookie_is_secure_and_of_this_host_alone(registry: Registry) -> None:
    settle(registry)
    client = browser(registry, "https://registry.example")
    answer = await client.post(SIGN_IN, json=RIGHT)
    said = answer.headers["set-cookie"]
    assert said.startswith("__Host-understudy_session=")
    assert "; Secure" in said
    assert "Domain" not in said
    assert (await client.get("/v1/me")).json()["actor"] == "user:ann"
    # The plain name could have been planted by a neighbouring host.
    token = said.partition("=")[2].partition(";")[0]
    planted = {"Cookie": f"understudy_session={token}"}
    other = browser(registry, "https://registry.example")
    assert (await other.get("/v1/me", headers=planted)).status_code == 401


async def test_who_is_signed_in_is_told(registry: Registry) -> None:
    settle(registry, "ann", MemberRole.SCIENTIST)
    client = await sign_in(registry)
    told = (await client.get("/v1/me")).json()
    assert told["actor"] == "user:ann"
    assert told["user"]["memberships"] == [
        {"project": "bank", "user": "ann", "roles": ["scientist"]}
    ]
    assert told["grants"][0]["project"] == "bank"
    assert told["csrf_token"] == client.headers["X-CSRF-Token"]
    assert PASSWORD not in str(told)


async def test_a_key_is_told_what_it_may(registry: Registry) -> None:
    told = (await registry.http.get("/v1/me")).json()
    assert (told["actor"], told["user"], told["csrf_token"]) == ("admin0001", None, None)
    assert told["grants"] == [{"scopes": ["admin"], "project": None, "deployment": None}]


async def test_each_sign_in_is_another_session(registry: Registry) -> None:
    settle(registry)
    client = await sign_in(registry)
    first = client.cookies["understudy_session"]
    await client.post(SIGN_IN, json=RIGHT)
    assert client.cookies["understudy_session"] != first
    planted = browser(registry)
    planted.cookies.set("understudy_session", "planted")
    answer = await planted.post(SIGN_IN, json=RIGHT)
    assert "planted" not in answer.headers["set-cookie"]


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 403),
        ({"X-CSRF-Token": ""}, 403),
        ({"X-CSRF-Token": "wrong"}, 403),
        ({"X-CSRF-Token": "é"}, 403),
        ({"right": "yes"}, 201),
        ({"right": "yes", "Origin": "http://registry"}, 201),
        ({"right": "yes", "Sec-Fetch-Site": "same-origin", "Origin": "null"}, 201),
        ({"right": "yes", "Sec-Fetch-Site": "none"}, 201),
        ({"right": "yes", "Origin": "http://evil.example"}, 403),
        ({"right": "yes", "Origin": "null"}, 403),
        ({"right": "yes", "Origin": "http://registry:8080"}, 403),
        ({"right": "yes", "Sec-Fetch-Site": "cross-site"}, 403),
        ({"right": "yes", "Sec-Fetch-Site": "same-site"}, 403),
    ],
)
async def test_changes_by_cookie_need_the_token_from_a_page_of_ours(
    registry: Registry, headers: dict[str, str], status: int
) -> None:
    settle(registry, admin=True)
    client = await sign_in(registry)
    right = client.headers.pop("X-CSRF-Token")
    sent = {name.encode(): value.encode() for name, value in headers.items() if name != "right"}
    if "right" in headers:
        sent[b"X-CSRF-Token"] = right.encode()
    answer = await client.post("/v1/projects", json={"name": "new"}, headers=sent)
    assert answer.status_code == status
    assert status == 201 or answer.json()["code"] == "csrf"


async def test_another_sessions_token_is_no_token(registry: Registry) -> None:
    settle(registry, admin=True)
    client, other = await sign_in(registry), await sign_in(registry)
    client.headers["X-CSRF-Token"] = other.headers["X-CSRF-Token"]
    assert (await client.post("/v1/projects", json={"name": "new"})).status_code == 403


async def test_reads_by_cookie_need_no_token(registry: Registry) -> None:
    settle(registry, "ann", MemberRole.VIEWER)
    client = await sign_in(registry)
    del client.headers["X-CSRF-Token"]
    assert (await client.get("/v1/deployments")).status_code == 200


async def test_keys_need_no_token_and_come_before_cookies(registry: Registry) -> None:
    settle(registry)
    client = await sign_in(registry)
    del client.headers["X-CSRF-Token"]
    key = {"Authorization": f"Bearer {ADMIN}", "Origin": "http://evil.example"}
    assert (await client.post("/v1/projects", json={"name": "new"}, headers=key)).status_code == 201
    wrong = {"X-API-Key": "us_absent01_aaaaaaaaaaaaaaaaaaaaaaaaaaaa"}
    assert (await client.get("/v1/me", headers=wrong)).status_code == 401


@pytest.mark.parametrize(
    "headers", [{"Origin": "http://evil.example"}, {"Sec-Fetch-Site": "cross-site"}]
)
async def test_no_other_site_signs_anybody_in(registry: Registry, headers: dict[str, str]) -> None:
    settle(registry)
    answer = await browser(registry).post(SIGN_IN, json=RIGHT, headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (403, "csrf")
    assert registry.memory.sessions == {}


async def test_what_fails_to_sign_in_fails_alike(registry: Registry) -> None:
    settle(registry)
    settle(registry, "gone")
    settle(registry, "elsewhere")
    users = registry.memory.users
    users["gone"] = replace(users["gone"], disabled_at=NOON)
    users["elsewhere"] = replace(users["elsewhere"], password=None)

    async def told(name: str, password: str) -> object:
        body = {"name": name, "password": password}
        answer = await browser(registry).post(SIGN_IN, json=body)
        problem = answer.json()
        del problem["request_id"]
        return answer.status_code, problem

    wrong = await told("ann", "six blue cups 43")
    assert wrong == await told("nobody", PASSWORD)
    assert wrong == await told("gone", PASSWORD)
    assert wrong == await told("elsewhere", PASSWORD)
    assert wrong == await told("ann", "x" * 900)
    assert wrong == await told("No such name!", PASSWORD)
    # Each of them cost one check of a password.
    assert len(registry.passwords.checked) == 6


async def test_names_are_read_as_people_type_them(registry: Registry) -> None:
    settle(registry)
    body = {"name": " Ann ", "password": PASSWORD}
    assert (await browser(registry).post(SIGN_IN, json=body)).status_code == 201


@pytest.mark.parametrize("name", ["ann", "nobody"])
async def test_failures_in_a_row_make_wait_whether_the_name_is_known(
    registry: Registry, name: str
) -> None:
    settle(registry)
    client = browser(registry)
    for _ in range(5):
        body = {"name": name, "password": "wrong password"}
        assert (await client.post(SIGN_IN, json=body)).status_code == 401
    subject = name_subject(name).id
    assert registry.memory.attempts[subject].failures == 5
    registry.memory.attempts[subject] = Attempts(11, now())  # half a minute to wait
    answer = await client.post(SIGN_IN, json={"name": name, "password": PASSWORD})
    assert (answer.status_code, answer.json()["code"]) == (429, "too_many_attempts")
    assert 10 <= int(answer.headers["retry-after"]) <= 30
    assert registry.memory.attempts[subject].failures == 11


async def test_who_fails_in_a_name_keeps_nobody_out_elsewhere(registry: Registry) -> None:
    settle(registry)
    here, name = name_from_subject("ann", "127.0.0.1").id, name_subject("ann").id
    await browser(registry).post(SIGN_IN, json={**RIGHT, "password": "wrong password"})
    assert registry.memory.attempts[here].failures == 1
    long_ago = now() - LONGEST_BY_NAME
    registry.memory.attempts = {here: Attempts(50, long_ago), name: Attempts(50, long_ago)}
    assert (await browser(registry).post(SIGN_IN, json=RIGHT)).status_code == 429
    there = httpx.ASGITransport(registry.app, client=("192.0.2.7", 1))
    async with httpx.AsyncClient(transport=there, base_url="http://registry") as elsewhere:
        assert (await elsewhere.post(SIGN_IN, json=RIGHT)).status_code == 201
    assert name not in registry.memory.attempts
    assert registry.memory.attempts[here].failures == 50


async def test_one_address_waits_whatever_the_names(registry: Registry) -> None:
    settle(registry)
    client = browser(registry)
    for number in range(3):
        await client.post(SIGN_IN, json={"name": f"n{number}", "password": "wrong password"})
    address = address_subject("127.0.0.1").id
    assert registry.memory.attempts[address].failures == 3
    registry.memory.attempts[address] = Attempts(30, now())
    assert (await client.post(SIGN_IN, json=RIGHT)).status_code == 429


async def test_success_forgets_failures(registry: Registry) -> None:
    settle(registry)
    registry.memory.attempts[name_subject("ann").id] = Attempts(4, now())
    assert (await browser(registry).post(SIGN_IN, json=RIGHT)).status_code == 201
    assert name_subject("ann").id not in registry.memory.attempts


async def test_a_wait_is_over_after_a_quarter_of_an_hour(registry: Registry) -> None:
    settle(registry)
    held = Attempts(1_000, now() - timedelta(minutes=15))
    registry.memory.attempts[name_from_subject("ann", "127.0.0.1").id] = held
    assert (await browser(registry).post(SIGN_IN, json=RIGHT)).status_code == 201


async def test_when_too_many_passwords_are_checked_others_try_again(registry: Registry) -> None:
    settle(registry)
    with ExitStack() as turns:
        for _ in range(4):
            turns.enter_context(registry.passwords.turn())
        answer = await browser(registry).post(SIGN_IN, json=RIGHT)
    assert (answer.status_code, answer.json()["code"]) == (503, "sign_in_busy")
    assert answer.headers["retry-after"]
    assert registry.memory.attempts == {}


async def test_a_hash_of_older_parameters_is_renewed(registry: Registry) -> None:
    settle(registry)
    users = registry.memory.users
    users["ann"] = replace(users["ann"], password=f"2025 {PASSWORD}")
    await sign_in(registry)
    assert users["ann"].password == f"2026 {PASSWORD}"


async def test_signing_out_ends_the_session(registry: Registry) -> None:
    settle(registry)
    client = await sign_in(registry)
    cookies = dict(client.cookies)
    answer = await client.delete("/v1/sessions/current")
    assert answer.status_code == 204
    assert "Max-Age=0" in answer.headers["set-cookie"]
    kept = browser(registry)
    kept.cookies.update(cookies)
    assert (await kept.get("/v1/me")).status_code == 401


@pytest.mark.parametrize(("idle", "age"), [(12, 12), (0, 7 * 24)])
async def test_sessions_end_by_themselves(registry: Registry, idle: int, age: int) -> None:
    settle(registry)
    client = await sign_in(registry)
    ((digest, session),) = registry.memory.sessions.items()
    seen, made = now() - timedelta(hours=idle), now() - timedelta(hours=age)
    ended = replace(session, seen_at=seen, expires_at=made + timedelta(days=7))
    registry.memory.sessions[digest] = ended
    assert (await client.get("/v1/me")).status_code == 401
    assert registry.memory.sessions == {}


@pytest.mark.parametrize(("seconds", "moved"), [(30, False), (90, True)])
async def test_use_is_noted_once_a_minute(registry: Registry, seconds: int, moved: bool) -> None:
    settle(registry)
    client = await sign_in(registry)
    ((digest, session),) = registry.memory.sessions.items()
    before = now() - timedelta(seconds=seconds)
    registry.memory.sessions[digest] = replace(session, seen_at=before)
    assert (await client.get("/v1/me")).status_code == 200
    assert (registry.memory.sessions[digest].seen_at > before) is moved


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("PATCH", "/v1/users/ann", {"disabled": True}),
        ("PUT", "/v1/users/ann/password", {"password": "another good one"}),
    ],
)
async def test_who_is_disabled_or_gets_a_password_is_out_at_once(
    registry: Registry, method: str, path: str, body: object
) -> None:
    settle(registry)
    first, second = await sign_in(registry), await sign_in(registry)
    answer: httpx.Response = await registry.http.request(method, path, json=body)
    assert answer.is_success
    for client in (first, second):
        assert (await client.get("/v1/me")).status_code == 401
    assert (await first.post(SIGN_IN, json=RIGHT)).status_code == 401


async def test_rights_are_those_of_now(registry: Registry) -> None:
    settle(registry, "ann", MemberRole.VIEWER)
    client = await sign_in(registry)
    assert (await client.get("/v1/deployments/credit")).status_code == 200
    del registry.memory.members["bank", "ann"]
    assert (await client.get("/v1/deployments/credit")).status_code == 403
    settle(registry, "ann", MemberRole.VIEWER, project="shop")
    assert (await client.get("/v1/deployments/credit")).status_code == 404


async def test_an_identity_signs_in_and_is_made_a_user_once(registry: Registry) -> None:
    people: People = registry.api.state.operations.people
    first = people.sign_in_by_identity("https://id.example 17", "ann", "Ann")
    again = people.sign_in_by_identity("https://id.example 17", "other", "Other")
    assert first.user == again.user == registry.memory.users["ann"]
    assert first.token != again.token
    client = browser(registry)
    client.cookies.set("understudy_session", first.token)
    assert (await client.get("/v1/me")).json()["actor"] == "user:ann"


async def test_an_identity_does_not_become_somebody_else(registry: Registry) -> None:
    settle(registry)
    people: People = registry.api.state.operations.people
    with pytest.raises(Exception, match="already"):
        people.sign_in_by_identity("https://id.example 17", "ann", "Ann")
    made = User("bob", "Bob", admin=False, created_at=NOON, identity="i s", disabled_at=NOON)
    registry.memory.users["bob"] = made
    with pytest.raises(Exception, match="belong together"):
        people.sign_in_by_identity("i s", "bob", "Bob")
    assert registry.memory.sessions == {}


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"name": "ann"}, 422),
        ({"name": "ann", "password": ""}, 422),
        ({"name": "ann", "password": "x" * 1_001}, 422),
        ({"name": "x" * 201, "password": PASSWORD}, 422),
        ({"name": "ann", "password": 7}, 422),
        ({"name": "ann", "password": PASSWORD, "next": "/"}, 422),
        ([], 422),
    ],
)
async def test_bodies_that_do_not_fit_are_told(
    registry: Registry, body: object, status: int
) -> None:
    answer = await browser(registry).post(SIGN_IN, json=body)
    assert answer.status_code == status
    assert PASSWORD not in answer.text
