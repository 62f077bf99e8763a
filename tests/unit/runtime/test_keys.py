"""Keys: what is well-formed, who holds one, what it allows."""

from datetime import UTC, datetime, timedelta

import pytest
from starlette.datastructures import Headers

from understudy.contracts.registry import KeyRecord
from understudy.contracts.vocabulary import MemberRole, Scope
from understudy.runtime.keys import (
    Caller,
    Grant,
    KeyRing,
    UnauthenticatedError,
    make_key,
    parse_key,
    presented_key,
)

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def record_of(key: str, digest: str, **more: object) -> KeyRecord:
    return KeyRecord.model_validate(
        {"id": parse_key(key), "digest": digest, "scopes": ["predict"], **more}
    )


def test_a_fresh_key_is_recognised_and_no_two_are_alike() -> None:
    first, second = make_key(), make_key()
    assert parse_key(first.plaintext) == first.id
    assert first.plaintext != second.plaintext
    assert first.digest != second.digest


@pytest.mark.parametrize("text", ["", "us_", "us_short_secret", "xx_abcdefgh_" + "s" * 43, "us__"])
def test_what_is_no_key_has_no_id(text: str) -> None:
    assert parse_key(text) is None


@pytest.mark.parametrize(
    "headers",
    [
        {"authorization": "Bearer K"},
        {"authorization": "bearer  K"},
        {"x-api-key": " K "},
        {"x-api-key": "K", "authorization": "Basic abc"},
        {"x-api-key": "K", "authorization": "Bearer K"},
    ],
)
def test_a_key_may_come_in_either_header(headers: dict[str, str]) -> None:
    assert presented_key(headers) == "K"


def test_two_keys_are_none() -> None:
    with pytest.raises(UnauthenticatedError):
        presented_key({"x-api-key": "K", "authorization": "Bearer L"})


@pytest.mark.parametrize("name", ["x-api-key", "authorization"])
def test_a_header_that_stands_twice_and_differs_is_no_key(name: str) -> None:
    first, second = (name.encode(), b"Bearer K"), (name.encode(), b"Bearer L")
    with pytest.raises(UnauthenticatedError, match="stands twice"):
        presented_key(Headers(raw=[first, second]))
    assert presented_key(Headers(raw=[first, first])) in {"K", "Bearer K"}


@pytest.mark.parametrize("headers", [{}, {"authorization": "Basic K"}, {"authorization": "K"}])
def test_other_headers_carry_no_key(headers: dict[str, str]) -> None:
    assert presented_key(headers) is None


def test_the_holder_is_known_by_the_whole_key() -> None:
    key = make_key()
    ring = KeyRing([record_of(key.plaintext, key.digest, deployment="iris")])
    assert ring.authenticate(key.plaintext, NOW).grants[0].deployment == "iris"
    with pytest.raises(UnauthenticatedError):
        ring.authenticate(key.plaintext[:-1] + "!", NOW)
    with pytest.raises(UnauthenticatedError):
        ring.authenticate(f"us_{key.id}_{'x' * 43}", NOW)


def test_an_expired_key_is_told_from_an_unknown_one_by_nobody() -> None:
    key = make_key()
    ring = KeyRing([record_of(key.plaintext, key.digest, expires_at=NOW)])
    assert ring.authenticate(key.plaintext, NOW - timedelta(seconds=1))
    with pytest.raises(UnauthenticatedError) as expired:
        ring.authenticate(key.plaintext, NOW)
    with pytest.raises(UnauthenticatedError) as unknown:
        ring.authenticate(make_key().plaintext, NOW)
    assert expired.value.detail == unknown.value.detail


def test_admin_covers_every_scope_but_only_within_its_reach() -> None:
    caller = Caller("k", (Grant(frozenset({Scope.ADMIN}), project="lending"),))
    assert caller.may(Scope.PREDICT, deployment="credit", project="lending")
    assert not caller.may(Scope.PREDICT, deployment="iris", project="flowers")
    assert not caller.may(Scope.READ)


def test_a_scope_does_not_cover_another() -> None:
    caller = Caller("k", (Grant(frozenset({Scope.LABEL})),))
    assert caller.may(Scope.LABEL, deployment="any", project="any")
    assert not caller.may(Scope.PREDICT, deployment="any", project="any")


def test_what_somebody_wants_narrows_where_they_may_do_it() -> None:
    caller = Caller(
        "user:ada",
        (
            Grant(MemberRole.VIEWER.scopes, project="lending"),
            Grant(MemberRole.OPERATOR.scopes, project="flowers"),
        ),
    )
    deploying = caller.wanting(Scope.DEPLOY)
    assert deploying.able("iris", "flowers")
    assert not deploying.able("credit", "lending")
    assert deploying.reaches("credit", "lending")
    assert not deploying.whole
    assert caller.scopes_at("credit", "lending") == {Scope.READ}
    assert not caller.scopes_at("credit", "shop")


def test_administrators_of_the_instance_may_do_everything_everywhere() -> None:
    caller = Caller("user:root", (Grant(frozenset({Scope.ADMIN})),)).wanting(Scope.REVIEW)
    assert caller.whole
    assert caller.able("credit", "lending")


def test_before_something_is_wanted_nobody_is_able_of_anything() -> None:
    caller = Caller("k", (Grant(frozenset({Scope.ADMIN})),))
    assert not caller.whole
    assert not caller.able(None, None)
    assert caller.effective == ()
