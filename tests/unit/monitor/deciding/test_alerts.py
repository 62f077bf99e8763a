"""Alerts as facts: what notices add up to, and whom they accuse."""

import itertools
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.monitor.domain.deciding.alerts import (
    KEPT_SECONDS,
    LATE_SECONDS,
    MOST_HELD,
    Alert,
    Blame,
    bounded,
    impossible,
    read,
    told,
)
from services.monitor.domain.deciding.judgement import AlertReading
from understudy.contracts.vocabulary import AlertOutcome, AlertState

T = 1_800_000_000.0
LIFE = 900.0
FIRES = Alert("Burn", "", "f00d", starts_at=T, first_told_at=T + 30, told_at=T + 30)
ENDED = replace(FIRES, told_at=T + 630, ended_at=T + 600)
BLAME = Blame(main=2, since=T - 3_600, named=("Burn",), lifetime=LIFE)


def after(*news: Alert) -> tuple[list[Alert], list[AlertOutcome]]:
    held: list[Alert] = []
    outcomes = []
    for one in news:
        kept, outcome = told(held, one, ("Burn",), LIFE)
        held = [*kept]
        outcomes.append(outcome)
    return held, outcomes


def only(*news: Alert) -> Alert:
    (found,) = after(*news)[0]
    return found


def reading(held: Alert, blame: Blame = BLAME, now: float = T + 60) -> AlertReading:
    (found,) = read([held], blame, now)
    return found


def test_it_fires_until_it_is_told_that_it_ended() -> None:
    again = replace(FIRES, told_at=T + 330)
    held, outcomes = after(FIRES, again, ENDED)
    assert outcomes == [AlertOutcome.TAKEN, AlertOutcome.TAKEN, AlertOutcome.RESOLVED]
    assert (held[0].ended_at, held[0].first_told_at) == (T + 600, T + 30)
    assert held[0].state(T + 700, LIFE) is AlertState.RESOLVED


def test_what_nobody_repeats_is_not_believed_for_ever() -> None:
    assert FIRES.state(T + 30 + LIFE, LIFE) is AlertState.FIRING
    assert FIRES.state(T + 31 + LIFE, LIFE) is AlertState.EXPIRED
    assert not reading(FIRES, now=T + 31 + LIFE).accuses


def test_a_notice_that_comes_again_after_the_end_brings_nothing_back() -> None:
    replayed = replace(FIRES, told_at=ENDED.told_at + LATE_SECONDS)
    held, outcomes = after(FIRES, ENDED, replayed, replayed)
    assert outcomes[2:] == [AlertOutcome.IGNORED, AlertOutcome.IGNORED]
    assert held == [only(FIRES, ENDED)]


def test_what_had_not_ended_after_all_fires_again_from_its_beginning() -> None:
    # Alertmanager ends what Prometheus does not repeat, and takes it up where it began.
    back = replace(FIRES, told_at=ENDED.told_at + LATE_SECONDS + 1)
    found = only(FIRES, ENDED, back)
    assert (found.ended_at, found.starts_at, found.first_told_at) == (None, T, T + 30)


def test_another_episode_begins_when_it_says() -> None:
    anew = replace(FIRES, starts_at=T + 700, first_told_at=T + 720, told_at=T + 720)
    assert only(FIRES, ENDED, anew) == anew


def test_an_end_of_an_earlier_episode_ends_no_later_one() -> None:
    anew = replace(FIRES, starts_at=T + 700, first_told_at=T + 720, told_at=T + 720)
    held, outcomes = after(anew, ENDED)
    assert (held, outcomes[1]) == ([anew], AlertOutcome.IGNORED)


def test_a_sender_that_was_started_anew_begins_nothing_anew() -> None:
    restarted = replace(FIRES, starts_at=T + 200, first_told_at=T + 230, told_at=T + 230)
    found = only(FIRES, restarted)
    assert (found.starts_at, found.told_at, found.began_at) == (T, T + 230, T)


def test_an_end_that_nobody_knew_the_beginning_of_is_no_news() -> None:
    assert after(ENDED) == ([], [AlertOutcome.IGNORED])


def test_it_began_at_the_latest_when_it_was_first_told() -> None:
    ahead = replace(FIRES, starts_at=T + 200)
    assert impossible(ahead) is None
    assert ahead.began_at == T + 30


@pytest.mark.parametrize("starts_at", [T + 30 + LATE_SECONDS + 1, 0.0, -6e10])
def test_what_can_not_be_true_is_told(starts_at: float) -> None:
    assert impossible(replace(FIRES, starts_at=starts_at)) is not None


def test_texts_are_cut() -> None:
    long = "x\0" * 10_000
    found = bounded(
        replace(FIRES, summary=long, labels={f"{number}{long}": long for number in range(99)})
    )
    size = sum(len(name) + len(text) for name, text in found.labels.items())
    assert len(found.summary) == 300
    assert found.summary.isprintable()
    assert size <= 3_200


def test_there_is_room_for_those_that_the_policy_names() -> None:
    noise = [
        replace(FIRES, name="Noise", fingerprint=f"{n}", told_at=T + 60 + n)
        for n in range(MOST_HELD)
    ]
    held, outcomes = after(*noise, replace(FIRES, told_at=T + 200))
    assert outcomes[-1] is AlertOutcome.TAKEN
    assert len(held) == MOST_HELD
    assert "Burn" in {one.name for one in held}
    burning = [replace(FIRES, fingerprint=f"{n}", told_at=T + 60 + n) for n in range(MOST_HELD)]
    late = replace(FIRES, name="Noise", told_at=T + 200)
    held, outcomes = after(*burning, late)
    assert outcomes[-1] is AlertOutcome.REFUSED
    assert {one.name for one in held} == {"Burn"}


def test_what_is_held_and_fires_stays_when_more_is_told_than_there_is_room_for() -> None:
    crowd = [replace(FIRES, name="Noise", fingerprint=f"{n}") for n in range(MOST_HELD + 8)]
    held, outcomes = after(*crowd, *(replace(one, told_at=T + 300) for one in crowd))
    taken = [AlertOutcome.TAKEN] * MOST_HELD + [AlertOutcome.REFUSED] * 8
    assert outcomes == [*taken, *taken]
    assert {one.fingerprint for one in held} == {f"{n}" for n in range(MOST_HELD)}
    over = replace(crowd[3], told_at=T + 400, ended_at=T + 390)
    late = replace(crowd[-1], told_at=T + 401)
    held, outcomes = after(*crowd[:MOST_HELD], over, late)
    assert outcomes[-2:] == [AlertOutcome.RESOLVED, AlertOutcome.TAKEN]
    assert over.fingerprint not in {one.fingerprint for one in held}


def test_what_is_over_is_forgotten_in_the_end() -> None:
    later = ENDED.told_at + KEPT_SECONDS + 1
    other = replace(FIRES, fingerprint="beef", starts_at=later, first_told_at=later, told_at=later)
    assert after(FIRES, ENDED, other)[0] == [other]
    assert read([only(FIRES, ENDED)], BLAME, later) == ()


def test_it_accuses_a_main_under_which_it_began() -> None:
    assert reading(FIRES).accuses
    assert reading(replace(FIRES, version="2")).accuses


@pytest.mark.parametrize(
    ("held", "blame", "why"),
    [
        (FIRES, replace(BLAME, since=T), "before version 2 became main"),
        (FIRES, replace(BLAME, since=T + 20), "before version 2 became main"),
        (replace(FIRES, starts_at=T + 90), replace(BLAME, since=T + 60), "before version 2"),
        (replace(FIRES, version="3"), BLAME, "about version 3"),
    ],
)
def test_what_is_not_the_mains_doing_is_excused(held: Alert, blame: Blame, why: str) -> None:
    found = reading(held, blame)
    assert not found.accuses
    assert why in (found.excused or "")


def test_an_alert_that_is_not_named_or_does_not_fire_accuses_nobody() -> None:
    unnamed = reading(FIRES, replace(BLAME, named=("Other",)))
    assert (unnamed.named, unnamed.accuses, unnamed.excused) == (False, False, None)
    ended = reading(only(FIRES, ENDED), now=T + 700)
    assert (ended.state, ended.accuses, ended.excused) == (AlertState.RESOLVED, False, None)


def test_those_that_accuse_come_first() -> None:
    other = replace(FIRES, name="Other")
    ended = replace(ENDED, fingerprint="beef")
    found = read([other, ended, FIRES], BLAME, T + 700)
    assert [(one.alert, one.accuses) for one in found] == [
        *(("Burn", True), ("Burn", False), ("Other", False)),
    ]


@given(st.lists(st.sampled_from([FIRES, replace(FIRES, told_at=T + 330), ENDED]), max_size=8))
def test_once_it_ended_no_order_of_its_notices_brings_it_back(notices: list[Alert]) -> None:
    """All of them are told now: within the time in which a notice may be late."""
    known = [replace(one, told_at=T + 640.0 + place) for place, one in enumerate(notices)]
    held = after(FIRES, ENDED, *known)[0]
    assert [one.ended_at for one in held] == [T + 600]


def test_every_order_of_three_notices_ends_as_ended_or_unknown() -> None:
    notices = (FIRES, replace(FIRES, told_at=T + 330), ENDED)
    for order in itertools.permutations(notices):
        in_time = [replace(one, told_at=T + 640.0 + n) for n, one in enumerate(order)]
        held = after(*in_time)[0]
        ends_last = order[0] is not ENDED
        assert [one.ended_at is not None for one in held] == [ends_last]
