"""What followers are told to have at hand."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from services.registry.domain.deployments import (
    Couple,
    Pairing,
    couples,
    last_of_previous_main,
    main_since,
    pairings,
    previous_main,
    versions_to_serve,
)
from services.registry.domain.releases import Release, Setting
from tests.fakes.registry import NOON, release
from understudy.contracts.judging import ComparisonTerms, Judging
from understudy.contracts.policy import Policy
from understudy.contracts.vocabulary import Durability, ReleaseKind

HOUR = timedelta(hours=1)


def history(*settings: Setting, every: timedelta = HOUR) -> list[Release]:
    return [
        release(number, setting, at=NOON + (number - 1) * every)
        for number, setting in enumerate(settings, 1)
    ]


def test_a_challenger_owes_pairs_since_it_was_first_named() -> None:
    past = history(Setting(1), Setting(1, (2,)), Setting(1, (2, 3)))
    assert pairings(past, NOON + 5 * HOUR) == (
        Pairing(2, NOON + HOUR),
        Pairing(3, NOON + 2 * HOUR),
    )


def test_a_former_challenger_owes_pairs_for_a_day() -> None:
    past = history(Setting(1, (2,)), Setting(2))
    assert pairings(past, NOON + 25 * HOUR) == (Pairing(2, NOON),)
    assert pairings(past, NOON + 26 * HOUR) == ()


def test_one_that_came_back_soon_keeps_its_beginning_and_one_that_came_late_does_not() -> None:
    soon = history(Setting(1, (2,)), Setting(1), Setting(1, (2,)))
    assert pairings(soon, NOON + 99 * HOUR) == (Pairing(2, NOON),)
    late = history(Setting(1, (2,)), Setting(1), Setting(1, (2,)), every=30 * HOUR)
    assert pairings(late, NOON + 99 * HOUR) == (Pairing(2, NOON + 60 * HOUR),)


def test_the_previous_main_is_the_last_other_one() -> None:
    assert previous_main(history(Setting(1))) is None
    assert previous_main(history(Setting(1), Setting(1, (2,)))) is None
    assert previous_main(history(Setting(1), Setting(2), Setting(2, (3,)))) == 1


def test_all_of_them_are_served() -> None:
    past = history(Setting(1), Setting(2, (3,)), Setting(2, (4,)))
    assert versions_to_serve(past, NOON + 3 * HOUR) == {1, 2, 3, 4}
    assert versions_to_serve(past, NOON + 99 * HOUR) == {1, 2, 4}


STRICTER = Policy(judging=Judging(ComparisonTerms(alpha=0.01)))


def begun(past: Sequence[Release]) -> dict[int, int]:
    return {couple.challenger: couple.release for couple in couples(past)}


def test_a_couple_begins_with_the_challenger_or_the_main_whichever_is_later() -> None:
    assert begun(history(Setting(1), Setting(1, (2,)), Setting(1, (2, 3)))) == {2: 2, 3: 3}
    assert begun(history(Setting(1, (2,)), Setting(3, (2,)))) == {2: 2}
    assert begun(history(Setting(1, (2,)), Setting(1))) == {}
    assert couples(history(Setting(1), Setting(1, (2,)))) == (Couple(2, 2, NOON + HOUR),)


def test_a_couple_that_was_parted_begins_anew() -> None:
    assert begun(history(Setting(1, (2,)), Setting(1), Setting(1, (2,)))) == {2: 3}
    assert begun(history(Setting(1, (2,)), Setting(2, (1,)), Setting(1, (2,)))) == {2: 3}


def test_other_terms_begin_anew_and_other_guards_do_not() -> None:
    strict = history(Setting(1, (2,)), Setting(1, (2,), STRICTER))
    assert begun(strict) == {2: 2}
    relaxed = history(Setting(1, (2,)), Setting(1, (2,), Policy(Durability.RELAXED)))
    assert begun(relaxed) == {2: 1}


def test_a_rollback_begins_anew_whatever_it_changes() -> None:
    past = history(Setting(1, (2,)), Setting(1, (2,), Policy(Durability.RELAXED)), Setting(1, (2,)))
    past[-1] = replace(past[-1], kind=ReleaseKind.ROLLBACK, restores=1)
    assert begun(past) == {2: 3}


def naive(past: Sequence[Release], challenger: int) -> int:
    """The release that began the couple, walked forwards."""
    began = 0
    for place, held in enumerate(past):
        before = past[place - 1] if place else None
        together = challenger in held.setting.challengers
        goes_on = (
            before is not None
            and before.setting.main == held.setting.main
            and challenger in before.setting.challengers
            and before.setting.policy.judging.comparison == held.setting.policy.judging.comparison
            and held.kind not in {ReleaseKind.PROMOTE, ReleaseKind.SWAP, ReleaseKind.ROLLBACK}
        )
        if together and not goes_on:
            began = held.number
    return began


SETTINGS = st.builds(
    lambda main, beside, policy: Setting(main, tuple(sorted(beside - {main})), policy),
    st.integers(1, 3),
    st.sets(st.integers(1, 4)),
    st.sampled_from([Policy(), STRICTER, Policy(Durability.RELAXED)]),
)


@given(st.lists(st.tuples(SETTINGS, st.sampled_from(ReleaseKind)), min_size=1, max_size=12))
def test_couples_are_those_of_a_walk_through_the_history(
    made: list[tuple[Setting, ReleaseKind]],
) -> None:
    past = [
        replace(release(number, setting, at=NOON + number * HOUR), kind=kind)
        for number, (setting, kind) in enumerate(made, 1)
    ]
    current = past[-1].setting.challengers
    assert begun(past) == {challenger: naive(past, challenger) for challenger in current}
    assert all(couple.since == NOON + couple.release * HOUR for couple in couples(past))


def test_the_main_is_dated_and_the_release_of_the_former_one_is_named() -> None:
    past = history(Setting(1), Setting(1, (2,)), Setting(2), Setting(2, (3,)))
    before = last_of_previous_main(past)
    assert before is not None
    assert (before.number, main_since(past)) == (2, NOON + 2 * HOUR)
    only = history(Setting(1), Setting(1, (2,)))
    assert (last_of_previous_main(only), main_since(only)) == (None, NOON)
