"""What followers are told to have at hand."""

from datetime import timedelta

from services.registry.domain.deployments import (
    Pairing,
    pairings,
    previous_main,
    versions_to_serve,
)
from services.registry.domain.releases import Release, Setting
from tests.fakes.registry import NOON, release

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
