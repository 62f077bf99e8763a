"""People, sessions and failed sign-ins: the SQL stores and the fakes do the same."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta

import pytest

from services.registry.domain.access import Key, Reach
from services.registry.domain.attempts import (
    FORGOTTEN_AFTER,
    address_subject,
    name_from_subject,
    name_subject,
)
from services.registry.domain.audit import Action
from services.registry.domain.catalogue import Project
from services.registry.domain.errors import NameTakenError, NotFoundError
from services.registry.domain.paging import Paging
from services.registry.domain.people import Membership, Session, User, UserChange
from services.registry.domain.people_refusals import (
    AdministratorExistsError,
    IdentityTakenError,
    LastAdministratorError,
)
from services.registry.ports import Store
from tests.fakes.registry import NOON
from understudy.contracts.vocabulary import MemberRole, Scope

from .test_registry_stores import entry, store

__all__ = ["store"]

HOUR = timedelta(hours=1)
MADE = entry(Action.MAKE_USER, "ann")
ANN = User("ann", "Ann", admin=True, created_at=NOON, password="hash one")
BOB = User("bob", "Bob", admin=False, created_at=NOON, identity="https://id.example 17")
SESSION = Session("d" * 64, "ann", "c" * 43, NOON, NOON, NOON + 24 * HOUR)
NAME, ADDRESS = name_subject("ann"), address_subject("192.0.2.1")
HERE = name_from_subject("ann", "192.0.2.1")


@pytest.fixture
def peopled(store: Store) -> Store:
    """Ann, who administers, and Bob; two projects."""
    for project in ("bank", "shop"):
        store.catalogue.add_project(Project(project, "", NOON), entry())
    store.people.add(ANN, MADE)
    store.people.add(BOB, MADE)
    return store


def member(user: str = "bob", project: str = "bank", *roles: MemberRole) -> Membership:
    return Membership(project, user, frozenset(roles or [MemberRole.VIEWER]), NOON)


def test_users_are_found_by_name_and_identity(peopled: Store) -> None:
    assert peopled.people.find("ann") == ANN
    assert peopled.people.find("nobody") is None
    assert peopled.people.of_identity("https://id.example 17") == BOB
    assert peopled.people.of_identity("https://id.example 18") is None


def test_users_come_by_name_in_pages(peopled: Store) -> None:
    first = peopled.people.page(Paging(limit=1))
    assert first.items == (ANN,)
    assert peopled.people.page(Paging(1, first.next_cursor)).items == (BOB,)


def test_names_and_identities_are_taken_once(peopled: Store) -> None:
    before = peopled.state.sequence()
    with pytest.raises(NameTakenError, match="'ann'") as taken:
        peopled.people.add(replace(ANN, identity="https://id.example 1"), MADE)
    assert taken.value.code == "name_taken"
    with pytest.raises(IdentityTakenError):
        peopled.people.add(replace(BOB, name="carl"), MADE)
    assert peopled.state.sequence() == before


def test_every_change_of_people_is_in_the_trail(peopled: Store) -> None:
    before = peopled.state.sequence()
    peopled.people.change("bob", UserChange(display_name="B"), entry(Action.CHANGE_USER, "bob"))
    peopled.people.set_password("bob", "hash", entry(Action.SET_PASSWORD, "bob"))
    peopled.people.put_member(member(), entry(Action.PUT_MEMBER, "bank"))
    peopled.people.remove_member("bank", "bob", entry(Action.REMOVE_MEMBER, "bank"))
    assert peopled.state.sequence() == before + 4
    actions = [one.entry.action for one in peopled.state.trail(Paging(limit=4)).items]
    assert actions == [
        Action.REMOVE_MEMBER,
        Action.PUT_MEMBER,
        Action.SET_PASSWORD,
        Action.CHANGE_USER,
    ]


def test_a_change_keeps_the_rest(peopled: Store) -> None:
    made = peopled.people.change("ann", UserChange(display_name="Anne"), MADE)
    assert made == replace(ANN, display_name="Anne") == peopled.people.find("ann")
    with pytest.raises(NotFoundError):
        peopled.people.change("nobody", UserChange(admin=True), MADE)


@pytest.mark.parametrize("change", [UserChange(disabled=True), UserChange(admin=False)])
def test_the_last_administrator_stays(peopled: Store, change: UserChange) -> None:
    before = peopled.state.sequence()
    with pytest.raises(LastAdministratorError):
        peopled.people.change("ann", change, MADE)
    assert (peopled.people.find("ann"), peopled.state.sequence()) == (ANN, before)
    peopled.people.change("bob", UserChange(admin=True), MADE)
    peopled.people.change("ann", change, MADE)
    with pytest.raises(LastAdministratorError):
        peopled.people.change("bob", change, MADE)


def test_two_administrators_do_not_disable_each_other(peopled: Store) -> None:
    peopled.people.change("bob", UserChange(admin=True), MADE)

    def disabled(name: str) -> bool:
        try:
            peopled.people.change(name, UserChange(disabled=True), MADE)
        except LastAdministratorError:
            return False
        return True

    with ThreadPoolExecutor(2) as pool:
        assert sorted(pool.map(disabled, ["ann", "bob"])) == [False, True]


def test_the_first_administrator_is_made_once(store: Store) -> None:
    store.people.add(BOB, MADE)
    store.people.add_first(ANN, MADE)
    with pytest.raises(AdministratorExistsError):
        store.people.add_first(replace(ANN, name="eve"), MADE)
    assert store.people.find("eve") is None


def test_members_have_the_roles_that_were_set_last(peopled: Store) -> None:
    people = peopled.people
    people.put_member(member("bob", "bank", MemberRole.VIEWER), MADE)
    later = replace(member("bob", "bank", MemberRole.OPERATOR, MemberRole.APPROVER))
    people.put_member(replace(later, created_at=NOON + HOUR), MADE)
    people.put_member(member("bob", "shop"), MADE)
    people.put_member(member("ann", "bank"), MADE)
    assert people.memberships("bob") == (later, member("bob", "shop"))
    first = people.members("bank", Paging(limit=1))
    assert first.items == (member("ann", "bank"),)
    assert people.members("bank", Paging(1, first.next_cursor)).items == (later,)
    assert people.remove_member("bank", "bob", MADE)
    before = peopled.state.sequence()
    assert not people.remove_member("bank", "bob", MADE)
    assert peopled.state.sequence() == before
    assert people.memberships("bob") == (member("bob", "shop"),)


def test_a_session_tells_its_holder_of_now(peopled: Store) -> None:
    peopled.sessions.begin(SESSION)
    peopled.people.put_member(member("ann", "shop", MemberRole.ADMIN), MADE)
    found = peopled.sessions.holder(SESSION.digest)
    assert found is not None
    assert (found.session, found.user) == (SESSION, ANN)
    assert found.memberships == (member("ann", "shop", MemberRole.ADMIN),)
    assert peopled.sessions.holder("e" * 64) is None


def test_sessions_are_no_changes(peopled: Store) -> None:
    before = peopled.state.sequence()
    peopled.sessions.begin(SESSION)
    peopled.sessions.seen(SESSION.digest, NOON + HOUR)
    peopled.sessions.attempt([NAME], NOON)
    peopled.sessions.end(SESSION.digest)
    assert peopled.state.sequence() == before


def test_a_session_is_seen_and_ends(peopled: Store) -> None:
    peopled.sessions.begin(SESSION)
    peopled.sessions.seen(SESSION.digest, NOON + HOUR)
    peopled.sessions.seen(SESSION.digest, NOON)
    found = peopled.sessions.holder(SESSION.digest)
    assert found is not None
    assert found.session.seen_at == NOON + HOUR
    peopled.sessions.end(SESSION.digest)
    peopled.sessions.end(SESSION.digest)
    assert peopled.sessions.holder(SESSION.digest) is None


def test_expired_sessions_go_when_one_begins(peopled: Store) -> None:
    peopled.sessions.begin(SESSION)
    later = replace(SESSION, digest="e" * 64, created_at=NOON + 24 * HOUR)
    peopled.sessions.begin(replace(later, expires_at=NOON + 48 * HOUR))
    assert peopled.sessions.holder(SESSION.digest) is None
    assert peopled.sessions.holder("e" * 64) is not None


def test_another_password_or_disabling_ends_all_sessions_of_the_user(peopled: Store) -> None:
    for digest, user in (("1" * 64, "ann"), ("2" * 64, "ann"), ("3" * 64, "bob")):
        peopled.sessions.begin(replace(SESSION, digest=digest, user=user))
    peopled.people.set_password("ann", "hash two", MADE)
    assert [peopled.sessions.holder(n * 64) is None for n in "123"] == [True, True, False]
    changed = peopled.people.find("ann")
    assert changed == replace(ANN, password="hash two")
    peopled.people.change("bob", UserChange(disabled=True), MADE)
    assert peopled.sessions.holder("3" * 64) is None


def test_a_rehash_does_not_undo_another_password(peopled: Store) -> None:
    peopled.people.rehash("ann", "hash zero", "hash nine")
    assert peopled.people.find("ann") == ANN
    peopled.people.rehash("ann", "hash one", "hash nine")
    assert peopled.people.find("ann") == replace(ANN, password="hash nine")


def test_failures_make_wait_by_name_and_by_address(store: Store) -> None:
    for _ in range(NAME.free):
        assert store.sessions.attempt([NAME, ADDRESS], NOON) == timedelta()
    wait = store.sessions.attempt([NAME, ADDRESS], NOON)
    assert wait == timedelta(seconds=1)
    assert store.sessions.attempt([NAME], NOON) == wait
    assert store.sessions.attempt([ADDRESS], NOON) == timedelta()
    assert store.sessions.attempt([name_subject("bob")], NOON) == timedelta()


def test_who_has_to_wait_is_not_counted(store: Store) -> None:
    for _ in range(20):
        store.sessions.attempt([NAME], NOON)
    assert store.sessions.attempt([NAME], NOON) == timedelta(seconds=1)
    assert store.sessions.attempt([NAME], NOON + timedelta(seconds=1)) == timedelta()
    assert store.sessions.attempt([NAME], NOON + timedelta(seconds=1)) == timedelta(seconds=2)


def test_success_forgets_the_name_and_its_own_try_from_the_address(store: Store) -> None:
    for _ in range(ADDRESS.free - 1):
        store.sessions.attempt([ADDRESS], NOON)
    assert store.sessions.attempt([NAME, HERE, ADDRESS], NOON) == timedelta()
    store.sessions.succeeded([NAME, HERE], ADDRESS)
    assert store.sessions.attempt([NAME, ADDRESS], NOON) == timedelta()
    assert store.sessions.attempt([NAME], NOON) == timedelta()
    assert store.sessions.attempt([ADDRESS], NOON) == timedelta(seconds=1)


def test_failures_are_forgotten(store: Store) -> None:
    for _ in range(NAME.free):
        store.sessions.attempt([NAME], NOON)
    later = NOON + FORGOTTEN_AFTER
    for _ in range(NAME.free):
        assert store.sessions.attempt([NAME], later) == timedelta()
    assert store.sessions.attempt([NAME], later) == timedelta(seconds=1)


def test_another_password_ends_the_wait(peopled: Store) -> None:
    for _ in range(NAME.free):
        peopled.sessions.attempt([NAME, HERE], NOON)
    peopled.sessions.attempt([name_subject("bob")], NOON)
    peopled.people.set_password("ann", "hash two", MADE)
    assert peopled.sessions.attempt([NAME], NOON) == timedelta()
    assert peopled.sessions.attempt([HERE], NOON) == timedelta()


def test_keys_are_found_by_who_issued_them(store: Store) -> None:
    for key_id, issuer, revoked in (
        ("bbbbbbbb", "user:ann", None),
        ("aaaaaaaa", "user:ann", None),
        ("cccccccc", "user:ann", NOON),
        ("dddddddd", "user:bob", None),
    ):
        key = Key(key_id, "c" * 64, "app", (Scope.PREDICT,), Reach(), NOON, issued_by=issuer)
        store.keys.add(replace(key, revoked_at=revoked), entry())
    found = store.keys.issued_by("user:ann")
    assert [key.id for key in found] == ["aaaaaaaa", "bbbbbbbb"]
    assert found[0].issued_by == "user:ann"
    assert not store.keys.issued_by("user:eve")


def test_those_who_try_at_once_are_all_counted(store: Store) -> None:
    def tried(_: int) -> bool:
        return store.sessions.attempt([NAME], NOON) == timedelta()

    with ThreadPoolExecutor(4) as pool:
        assert sum(pool.map(tried, range(12))) == NAME.free
