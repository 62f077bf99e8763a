"""`Idempotency-Key`: the same request twice is one change, and answered alike."""

from dataclasses import replace
from datetime import timedelta

import httpx
import pytest
from starlette.types import Message, Receive, Scope, Send

from services.registry.adapters.sealing import AesSeal
from services.registry.api.repeating import Repeating
from services.registry.domain.replies import CUT_OFF_AFTER, Begun, StillAnsweringError
from services.registry.operations.replies import Asked, Replies
from tests.contract.registry.conftest import Registry
from tests.contract.registry.people import settle, sign_in
from tests.contract.registry.test_registry_doors import bearer, give
from tests.fakes.registry import NOON, Memory, MemoryReplies
from understudy.contracts.vocabulary import MemberRole
from understudy.contracts.vocabulary import Scope as KeyScope
from understudy.runtime.keys import Caller, Grant

pytestmark = pytest.mark.anyio

KEY = "3f1a0d4e-9d6b-4d53-8f6f-6f0a3f7f2b11"
WISH = {"name": "website", "scopes": ["predict"]}


async def post(registry: Registry, path: str, body: object, **headers: str) -> httpx.Response:
    return await registry.http.post(path, json=body, headers=headers)


async def test_a_repeated_request_is_answered_as_before_and_changes_nothing(
    registry: Registry,
) -> None:
    first = await post(registry, "/v1/keys", WISH, **{"Idempotency-Key": KEY})
    sequence = registry.memory.sequence
    again = await post(registry, "/v1/keys", WISH, **{"Idempotency-Key": KEY})
    assert (again.status_code, again.content) == (201, first.content)
    assert again.headers["Idempotency-Replayed"] == "true"
    assert "Idempotency-Replayed" not in first.headers
    assert again.headers["Cache-Control"] == first.headers["Cache-Control"] == "no-store"
    assert again.headers["X-Request-ID"] != first.headers["X-Request-ID"]
    assert registry.memory.sequence == sequence


async def test_what_is_kept_is_sealed(registry: Registry) -> None:
    issued = await post(registry, "/v1/keys", WISH, **{"Idempotency-Key": KEY})
    (held,) = registry.memory.replies.values()
    assert held.sealed is not None
    assert issued.json()["key"].encode() not in held.sealed
    assert KEY.encode() not in held.sealed


async def test_without_a_key_every_request_is_its_own(registry: Registry) -> None:
    first, second = [await post(registry, "/v1/keys", WISH) for _ in range(2)]
    assert first.json()["id"] != second.json()["id"]


async def test_another_body_or_path_is_refused(registry: Registry) -> None:
    await post(registry, "/v1/keys", WISH, **{"Idempotency-Key": KEY})
    other = await post(registry, "/v1/keys", {**WISH, "name": "x"}, **{"Idempotency-Key": KEY})
    elsewhere = await post(registry, "/v1/projects", WISH, **{"Idempotency-Key": KEY})
    for answer in (other, elsewhere):
        assert answer.status_code == 422
        assert answer.json()["code"] == "idempotency_key_reused"


async def test_a_refusal_is_repeated_too(registry: Registry) -> None:
    body = {"name": "no name"}
    first = await post(registry, "/v1/projects", body, **{"Idempotency-Key": KEY})
    again = await post(registry, "/v1/projects", body, **{"Idempotency-Key": KEY})
    assert first.status_code == again.status_code == 422
    assert again.headers["Content-Type"] == "application/problem+json"
    assert again.headers["Idempotency-Replayed"] == "true"


async def test_what_others_may_change_is_not_kept(registry: Registry) -> None:
    body = {"name": "bank"}
    taken = await post(registry, "/v1/projects", body, **{"Idempotency-Key": KEY})
    assert taken.status_code == 409
    del registry.memory.projects["bank"]
    made = await post(registry, "/v1/projects", body, **{"Idempotency-Key": KEY})
    assert made.status_code == 201


async def test_who_lost_a_role_is_not_told_old_answers(registry: Registry) -> None:
    settle(registry, "ann", MemberRole.SCIENTIST)
    client = await sign_in(registry)
    body, headers = {"name": "new", "project": "bank"}, {"Idempotency-Key": KEY}
    made = await client.post("/v1/models", json=body, headers=headers)
    again = await client.post("/v1/models", json=body, headers=headers)
    assert (made.status_code, again.headers["Idempotency-Replayed"]) == (201, "true")
    settle(registry, "ann", MemberRole.VIEWER)
    refused = await client.post("/v1/models", json=body, headers=headers)
    assert refused.status_code == 403


async def test_keys_of_different_callers_do_not_meet(registry: Registry) -> None:
    first = await post(registry, "/v1/keys", WISH, **{"Idempotency-Key": KEY})
    other = bearer(give(registry.memory, KeyScope.ADMIN))
    second = await post(registry, "/v1/keys", WISH, **{"Idempotency-Key": KEY, **other})
    assert first.json()["id"] != second.json()["id"]


@pytest.mark.parametrize("key", ["short", "x" * 256, "sixteen and spaces"])
async def test_a_bad_key_is_refused(registry: Registry, key: str) -> None:
    answer = await post(registry, "/v1/projects", {"name": "x"}, **{"Idempotency-Key": key})
    assert answer.status_code == 400
    assert answer.json()["code"] == "invalid_idempotency_key"


async def test_a_body_that_is_too_large_is_refused(registry: Registry) -> None:
    body = {"name": "x", "description": "x" * 9_000_000}
    answer = await post(registry, "/v1/projects", body, **{"Idempotency-Key": KEY})
    assert answer.status_code == 413


async def test_what_may_change_is_not_kept(registry: Registry) -> None:
    reader = bearer(give(registry.memory, KeyScope.READ))
    answer = await post(
        registry, "/v1/projects", {"name": "x"}, **{"Idempotency-Key": KEY}, **reader
    )
    assert answer.status_code == 403
    assert not registry.memory.replies


async def test_who_is_gone_is_heard_of_behind_it() -> None:
    """The body comes once; what the server says next is that the caller has gone."""
    told: list[Message] = [{"type": "http.disconnect"}, {"type": "http.request", "body": b"{}"}]
    heard: list[Message] = []

    async def app(_scope: Scope, receive: Receive, send: Send) -> None:
        heard.extend([await receive(), await receive()])
        await send({"type": "http.response.start", "status": 204, "headers": []})
        await send({"type": "http.response.body"})

    async def receive() -> Message:
        return told.pop()

    async def send(_message: Message) -> None: ...

    replies = Replies(MemoryReplies(Memory()), AesSeal(), lambda: NOON)
    caller = Caller("ann", (Grant(frozenset({KeyScope.ADMIN})),))
    scope: Scope = {
        "type": "http",
        "method": "POST",
        "path": "/v1/projects",
        "query_string": b"",
        "headers": [(b"idempotency-key", KEY.encode())],
        "state": {"caller": caller},
    }
    await Repeating(app, replies)(scope, receive, send)
    assert [message["type"] for message in heard] == ["http.request", "http.disconnect"]
    assert heard[0]["body"] == b"{}"


def test_whoever_comes_second_waits_until_the_first_is_surely_gone() -> None:
    store, now = MemoryReplies(Memory()), [NOON]
    replies = Replies(store, AesSeal(), lambda: now[0])
    asked = Asked("admin", KEY, "r" * 64)
    assert replies.begin(asked) is None
    now[0] += CUT_OFF_AFTER - timedelta(seconds=1)
    with pytest.raises(StillAnsweringError):
        replies.begin(asked)
    now[0] += timedelta(seconds=1)
    assert replies.begin(asked) is None
    with pytest.raises(StillAnsweringError):
        replies.begin(asked)
    replies.end(asked, 201, b"made")
    assert replies.begin(asked) == (201, b"made")


def test_a_failure_may_be_tried_again() -> None:
    store = MemoryReplies(Memory())
    replies = Replies(store, AesSeal(), lambda: NOON)
    asked = Asked("admin", KEY, "r" * 64)
    assert replies.begin(asked) is None
    replies.end(asked, 503, b"later")
    assert replies.begin(asked) is None
    assert store.held == {asked.id: replace(Begun("r" * 64, NOON))}
