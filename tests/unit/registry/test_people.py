"""Passwords, sessions and waits after failures, as rules without a store."""

from datetime import timedelta

import pytest

from services.registry.domain.attempts import (
    FORGOTTEN_AFTER,
    FREE_BY_ADDRESS,
    LONGEST_BY_NAME,
    LONGEST_WAIT,
    Attempts,
    address_subject,
    name_from_subject,
    name_subject,
)
from services.registry.domain.people import (
    Membership,
    Session,
    User,
    UserChange,
    require_good_password,
)
from services.registry.domain.people_refusals import PasswordRefusedError
from tests.fakes.registry import NOON
from understudy.contracts.vocabulary import MemberRole, Scope

SECOND, HOUR = timedelta(seconds=1), timedelta(hours=1)
HERE = name_from_subject("ann", "192.0.2.1")


@pytest.mark.parametrize(
    "password", ["six blue cups", "x" * 11 + "y", "Ω" * 11 + "ß", "y" + "x" * 199]
)
def test_a_good_password_is_taken(password: str) -> None:
    require_good_password("ann", password)


@pytest.mark.parametrize(
    "password",
    [
        "",
        "short",
        "x" * 11,
        "y" + "x" * 200,
        "ann.of.the.north",
        "ANN.of.the.north",
        "PasswordPassword",
        "qwerty123456",
        "aaaaaaaaaaaaaaa",
    ],
)
def test_what_would_be_guessed_is_no_password(password: str) -> None:
    with pytest.raises(PasswordRefusedError) as caught:
        require_good_password("ann.of.the.north", password)
    assert caught.value.errors[0].pointer == "/password"
    assert not password or password not in caught.value.detail


@pytest.mark.parametrize(
    ("failures", "seconds"),
    [(0, 0), (4, 0), (5, 1), (6, 2), (7, 4), (10, 32), (14, 512), (15, 900), (10_000, 900)],
)
def test_waits_double_up_to_a_quarter_of_an_hour(failures: int, seconds: int) -> None:
    assert Attempts(failures, NOON).wait(HERE, NOON) == timedelta(seconds=seconds)


def test_by_name_alone_nobody_waits_long() -> None:
    for failures, seconds in ((4, 0), (5, 1), (9, 16), (10, 30), (10_000, 30)):
        wait = Attempts(failures, NOON).wait(name_subject("ann"), NOON)
        assert wait == timedelta(seconds=seconds) <= LONGEST_BY_NAME


def test_a_wait_ends() -> None:
    held = Attempts(8, NOON)
    assert held.wait(HERE, NOON + 3 * SECOND) == 5 * SECOND
    assert held.wait(HERE, NOON + 8 * SECOND) == timedelta()


def test_failures_are_forgotten_after_an_hour() -> None:
    held = Attempts(100, NOON)
    assert held.wait(HERE, NOON + FORGOTTEN_AFTER) == timedelta()
    assert held.failed(NOON + FORGOTTEN_AFTER) == Attempts(1, NOON + FORGOTTEN_AFTER)
    assert held.failed(NOON + SECOND).failures == 101


def test_a_clock_that_was_put_back_keeps_nobody_out_longer() -> None:
    assert Attempts(100, NOON + 24 * HOUR).wait(HERE, NOON) == LONGEST_WAIT


def test_subjects_hide_names_and_join_networks() -> None:
    assert "ann" not in name_subject("ann").id
    assert name_subject("ann") != name_subject("bob")
    assert address_subject("2001:db8::1") == address_subject("2001:db8::ffff:1")
    assert address_subject("2001:db8::1") != address_subject("2001:db8:0:1::1")
    assert address_subject("fe80::1%eth0") == address_subject("fe80::2")
    assert address_subject("192.0.2.1") != address_subject("192.0.2.2")
    assert HERE.id.startswith(name_subject("ann").id)
    assert name_from_subject("ann", "192.0.2.2") != HERE
    assert len(name_from_subject("ann", "x" * 1_000).id) <= 200
    assert len(address_subject("x" * 1_000).id) <= 200
    assert address_subject("192.0.2.1").free == FREE_BY_ADDRESS


def test_a_session_lives_until_it_is_idle_or_old() -> None:
    session = Session("d", "ann", "c", NOON, NOON + HOUR, NOON + 10 * HOUR)
    assert session.lives(NOON + 2 * HOUR, 2 * HOUR)
    assert not session.lives(NOON + 3 * HOUR, 2 * HOUR)
    assert not session.lives(NOON + 10 * HOUR, 100 * HOUR)


def test_a_change_says_what_it_changes() -> None:
    user = User("ann", "Ann", admin=True, created_at=NOON, password="h", identity="i s")
    changed = UserChange(disabled=True).of(user, NOON)
    assert (changed.disabled_at, changed.admin, changed.password) == (NOON, True, "h")
    assert UserChange(disabled=True).of(changed, NOON + HOUR).disabled_at == NOON
    assert UserChange(disabled=False).of(changed, NOON).enabled
    assert UserChange(display_name="A", admin=False).details == {
        "display_name": "A",
        "admin": False,
    }


def test_roles_add_up() -> None:
    roles = frozenset({MemberRole.SCIENTIST, MemberRole.APPROVER})
    scopes = Membership("bank", "ann", roles, NOON).scopes
    assert scopes == {Scope.READ, Scope.PREDICT, Scope.LABEL, Scope.REGISTER, Scope.REVIEW}
    assert MemberRole.ADMIN.scopes == {Scope.ADMIN}
