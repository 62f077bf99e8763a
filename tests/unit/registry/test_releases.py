"""How a change makes the next setting, and what is refused."""

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.registry.domain.errors import (
    AlreadyInReleaseError,
    AmbiguousSwapError,
    InvalidCommandError,
    NotAChallengerError,
    NothingChangesError,
    NothingToRollBackError,
    TooManyChallengersError,
    UnknownReferenceError,
)
from services.registry.domain.releases import MAX_CHALLENGERS, Change, Plan, Release, Setting, plan
from tests.fakes.registry import release
from understudy.contracts.policy import Policy
from understudy.contracts.refusals import Refusal
from understudy.contracts.vocabulary import Durability, FormerMain, ReleaseKind

A, B, C = Setting(1), Setting(2), Setting(3)
ROLLBACK = Change(ReleaseKind.ROLLBACK)
RELAXED = Policy(Durability.RELAXED)


def history(*settings: Setting) -> list[Release]:
    return [release(number, setting) for number, setting in enumerate(settings, 1)]


def following(past: Sequence[Release], change: Change) -> list[Release]:
    made = plan(past, change)
    return [*past, release(past[-1].number + 1, made.setting, restores=made.restores)]


@pytest.mark.parametrize(
    ("current", "change", "expected"),
    [
        (A, Change(ReleaseKind.DEPLOY, 2), B),
        (Setting(1, (2, 3)), Change(ReleaseKind.DEPLOY, 2), Setting(2, (3,))),
        (A, Change(ReleaseKind.CHALLENGE, 2), Setting(1, (2,))),
        (Setting(1, (2,)), Change(ReleaseKind.CHALLENGE, 3), Setting(1, (2, 3))),
        (Setting(1, (2, 3)), Change(ReleaseKind.WITHDRAW, 2), Setting(1, (3,))),
        (Setting(1, (2, 3)), Change(ReleaseKind.PROMOTE, 3), Setting(3, (2, 1))),
        (
            Setting(1, (2, 3)),
            Change(ReleaseKind.PROMOTE, 3, former_main=FormerMain.RETIRED),
            Setting(3, (2,)),
        ),
        (Setting(1, (2,)), Change(ReleaseKind.SWAP), Setting(2, (1,))),
        (Setting(1, (2, 3)), Change(ReleaseKind.SWAP, 2), Setting(2, (1, 3))),
        (
            Setting(1, (2,)),
            Change(ReleaseKind.CONFIGURE, policy=RELAXED),
            Setting(1, (2,), RELAXED),
        ),
        (
            Setting(1, (2,), RELAXED),
            Change(ReleaseKind.CONFIGURE, policy=Policy()),
            Setting(1, (2,)),
        ),
    ],
)
def test_a_change_makes_a_setting(current: Setting, change: Change, expected: Setting) -> None:
    assert plan(history(current), change) == Plan(expected)


@pytest.mark.parametrize(
    ("current", "change", "refusal", "words"),
    [
        (A, Change(ReleaseKind.DEPLOY, 1), NothingChangesError, "main version already"),
        (A, Change(ReleaseKind.CHALLENGE, 1), AlreadyInReleaseError, "challenge itself"),
        (Setting(1, (2,)), Change(ReleaseKind.CHALLENGE, 2), AlreadyInReleaseError, "already"),
        (A, Change(ReleaseKind.WITHDRAW, 2), NotAChallengerError, "not in the current release"),
        (A, Change(ReleaseKind.WITHDRAW, 1), NotAChallengerError, "the main version"),
        (Setting(1, (2,)), Change(ReleaseKind.PROMOTE, 3), NotAChallengerError, "now: 2"),
        (A, Change(ReleaseKind.SWAP), NotAChallengerError, "no challenger"),
        (Setting(1, (2, 3)), Change(ReleaseKind.SWAP), AmbiguousSwapError, "2, 3"),
        (A, Change(ReleaseKind.CONFIGURE, policy=Policy()), NothingChangesError, "policy already"),
        (A, Change(ReleaseKind.ROLLBACK, release=9), UnknownReferenceError, "no release 9"),
        (A, Change(ReleaseKind.ROLLBACK, release=1), NothingChangesError, "current already"),
    ],
)
def test_what_makes_no_sense_is_refused_with_the_reason(
    current: Setting, change: Change, refusal: type[Refusal], words: str
) -> None:
    with pytest.raises(refusal, match=words):
        plan(history(current), change)


def test_there_is_an_end_to_challengers() -> None:
    full = Setting(1, tuple(range(2, 2 + MAX_CHALLENGERS)))
    with pytest.raises(TooManyChallengersError):
        plan(history(full), Change(ReleaseKind.CHALLENGE, 99))


@pytest.mark.parametrize(
    ("kind", "members", "pointer"),
    [
        (ReleaseKind.ROLLBACK, {"version": 1}, "/version"),
        (ReleaseKind.PROMOTE, {"version": 1, "release": 1}, "/release"),
        (ReleaseKind.PROMOTE, {}, "/version"),
        (ReleaseKind.DEPLOY, {}, "/version"),
        (ReleaseKind.CONFIGURE, {"version": 1}, "/version"),
        (ReleaseKind.CONFIGURE, {"release": 1}, "/release"),
        (ReleaseKind.CONFIGURE, {}, "/policy"),
    ],
)
def test_members_must_belong_to_the_kind(
    kind: ReleaseKind, members: dict[str, int], pointer: str
) -> None:
    with pytest.raises(InvalidCommandError) as refused:
        Change(kind, members.get("version"), members.get("release"))
    assert refused.value.errors[0].pointer == pointer


def test_only_configure_takes_a_policy() -> None:
    with pytest.raises(InvalidCommandError) as refused:
        Change(ReleaseKind.DEPLOY, 2, policy=RELAXED)
    assert refused.value.errors[0].pointer == "/policy"


@pytest.mark.parametrize(
    "change",
    [
        Change(ReleaseKind.DEPLOY, 3),
        Change(ReleaseKind.CHALLENGE, 3),
        Change(ReleaseKind.WITHDRAW, 2),
        Change(ReleaseKind.PROMOTE, 2),
        Change(ReleaseKind.PROMOTE, 2, former_main=FormerMain.RETIRED),
        Change(ReleaseKind.SWAP),
    ],
)
def test_other_verbs_keep_the_policy(change: Change) -> None:
    assert plan(history(Setting(1, (2,), RELAXED)), change).setting.policy == RELAXED


def test_a_rollback_brings_the_policy_of_its_release_back() -> None:
    past = history(A, Setting(1, (), RELAXED))
    assert plan(past, ROLLBACK) == Plan(A, restores=1)
    past = following(past, Change(ReleaseKind.DEPLOY, 2))
    assert plan(past, Change(ReleaseKind.ROLLBACK, release=1)) == Plan(A, restores=1)
    assert plan(past, ROLLBACK) == Plan(Setting(1, (), RELAXED), restores=2)


def test_only_a_promotion_retires() -> None:
    with pytest.raises(InvalidCommandError, match="promotion"):
        Change(ReleaseKind.SWAP, former_main=FormerMain.RETIRED)


@pytest.mark.parametrize("challengers", [(1,), (2, 2)])
def test_a_setting_names_each_version_once(challengers: tuple[int, ...]) -> None:
    with pytest.raises(InvalidCommandError):
        Setting(1, challengers)


def test_a_rollback_repeats_the_setting_before() -> None:
    assert plan(history(A, B), ROLLBACK) == Plan(A, restores=1)


def test_a_rollback_goes_to_any_earlier_release() -> None:
    assert plan(history(A, B, C), Change(ReleaseKind.ROLLBACK, release=1)) == Plan(A, restores=1)


def test_rolling_back_twice_goes_two_settings_back() -> None:
    past = following(following(history(A, B, C), ROLLBACK), ROLLBACK)
    assert [held.setting for held in past] == [A, B, C, B, A]
    with pytest.raises(NothingToRollBackError):
        plan(past, ROLLBACK)


def test_after_a_rollback_and_a_change_the_rollback_is_where_one_was() -> None:
    past = following(history(A, B), ROLLBACK)
    past = following(past, Change(ReleaseKind.DEPLOY, 3))
    assert plan(past, ROLLBACK) == Plan(A, restores=3)


def test_the_first_release_has_nothing_before_it() -> None:
    with pytest.raises(NothingToRollBackError, match="no earlier setting"):
        plan(history(A), ROLLBACK)


def test_the_order_of_challengers_is_no_difference() -> None:
    past = history(A, Setting(1, (2, 3)), Setting(1, (3, 2)))
    assert plan(past, ROLLBACK).setting == A


@given(st.lists(st.integers(1, 4), min_size=1, max_size=12))
def test_rollbacks_end_and_never_repeat_themselves(mains: list[int]) -> None:
    past, made = history(*(Setting(main) for main in mains)), 0
    while made <= len(mains):
        try:
            past = following(past, ROLLBACK)
        except NothingToRollBackError:
            break
        made += 1
        assert not past[-1].setting.same_as(past[-2].setting)
    assert made < len(mains)
