"""What the policy makes of a verdict, and what holds it back."""

from dataclasses import replace

import pytest

from services.monitor.domain.deciding.acting import Present, consider
from services.monitor.domain.deciding.deeds import Deed, DeedState
from services.monitor.domain.deciding.judgement import ActionReading, Conclusion
from understudy.contracts.judging import Actions
from understudy.contracts.vocabulary import ActionMode, RuleName, Verdict

AUTOMATIC = Actions(
    promote=ActionMode.AUTOMATIC,
    roll_back=ActionMode.AUTOMATIC,
    cool_down_seconds=600.0,
    minimum_rows=500,
)
PRESENT = Present("iris", 5, released_at=0.0, main=1, rows=5_000, now=10_000.0)
PROMOTE = Conclusion(Verdict.PROMOTE, RuleName.BETTER, 2)
ROLL_BACK = Conclusion(Verdict.ROLL_BACK, RuleName.ERRORS, 7)


def deed(verdict: Verdict = Verdict.PROMOTE, **changed: object) -> Deed:
    made = Deed("iris", 9_900.0, 5, verdict, version=2, former=1)
    return replace(made, **changed)  # type: ignore[arg-type]


def considered(
    conclusion: Conclusion, present: Present = PRESENT, deeds: tuple[Deed, ...] = ()
) -> ActionReading:
    found = consider(conclusion, AUTOMATIC, present, deeds)
    assert found is not None
    return found


@pytest.mark.parametrize("verdict", [Verdict.WAIT, Verdict.KEEP, Verdict.EQUIVALENT])
def test_most_verdicts_ask_for_nothing(verdict: Verdict) -> None:
    assert consider(Conclusion(verdict, RuleName.UNDECIDED), AUTOMATIC, PRESENT, ()) is None


def test_a_mode_that_is_off_does_nothing_and_one_that_recommends_is_never_due() -> None:
    assert consider(PROMOTE, replace(AUTOMATIC, promote=ActionMode.OFF), PRESENT, ()) is None
    found = consider(PROMOTE, Actions(), PRESENT, ())
    assert found is not None
    assert (found.mode, found.due) == (ActionMode.RECOMMEND, False)


def test_an_automatic_verdict_is_due() -> None:
    for conclusion in (PROMOTE, ROLL_BACK):
        found = considered(conclusion)
        assert found.due
        assert found.version == conclusion.version


@pytest.mark.parametrize(
    ("present", "reason"),
    [
        (replace(PRESENT, now=599.0), "cools down"),
        (replace(PRESENT, rows=499), "499 rows of 500"),
    ],
)
def test_a_young_or_idle_release_is_left_alone(present: Present, reason: str) -> None:
    found = considered(PROMOTE, present)
    assert not found.due
    assert reason in (found.held_by or "")


def test_a_rollback_names_the_release_that_it_goes_back_to_and_a_promotion_none() -> None:
    present = replace(PRESENT, previous_release=3)
    assert considered(ROLL_BACK, present).release == 3
    assert considered(PROMOTE, present).release is None
    assert considered(replace(ROLL_BACK, version=None), present).release is None


def test_there_must_be_a_version_to_go_to() -> None:
    found = considered(Conclusion(Verdict.ROLL_BACK, RuleName.ERRORS, None))
    assert not found.due
    assert "no version" in (found.held_by or "")


def test_what_was_done_is_not_done_again_while_its_release_is_on_its_way() -> None:
    found = considered(PROMOTE, deeds=(deed(state=DeedState.DONE, made_release=6),))
    assert not found.due
    assert found.done_release == 6
    assert found.undo == "understudy rollback iris"


def test_what_failed_is_tried_again_after_a_while() -> None:
    failed = deed(state=DeedState.FAILED, failure="ProblemError: release 6")
    assert not considered(PROMOTE, deeds=(failed,)).due
    assert considered(PROMOTE, replace(PRESENT, now=10_300.0), (failed,)).due


def test_a_version_that_was_rolled_back_from_is_not_promoted_again() -> None:
    past = deed(Verdict.ROLL_BACK, release=3, version=1, former=2, state=DeedState.DONE)
    found = considered(PROMOTE, deeds=(past,))
    assert not found.due
    assert "a person" in (found.held_by or "")


def test_a_rollback_is_not_followed_by_another_one() -> None:
    past = deed(
        Verdict.ROLL_BACK, release=4, version=1, former=9, state=DeedState.DONE, made_release=5
    )
    found = considered(ROLL_BACK, deeds=(past,))
    assert not found.due
    assert "a person" in (found.held_by or "")


def test_a_recommendation_that_was_noted_holds_nothing_back() -> None:
    assert considered(PROMOTE, deeds=(deed(),)).due


@pytest.mark.parametrize("state", [DeedState.BEGUN, DeedState.FAILED])
def test_what_was_left_half_way_is_tried_again_after_a_while(state: DeedState) -> None:
    left = deed(state=state)
    found = considered(PROMOTE, deeds=(left,))
    assert not found.due
    assert "tried again later" in (found.held_by or "")
    assert considered(PROMOTE, replace(PRESENT, now=10_300.0), (left,)).due


def test_a_monitor_that_died_while_it_rolled_back_still_does_not_flap() -> None:
    # Release 4 had main 2; the rollback to 1 made release 5, and nobody could note it.
    past = deed(Verdict.ROLL_BACK, release=4, version=1, former=2, state=DeedState.BEGUN)
    assert "rolled back from" in (considered(PROMOTE, deeds=(past,)).held_by or "")
    assert "already" in (considered(ROLL_BACK, deeds=(past,)).held_by or "")


def test_a_rollback_that_never_happened_holds_nothing_back_for_ever() -> None:
    # A person promoted 2 instead: release 5 has main 1 and not what the deed was to bring.
    past = deed(Verdict.ROLL_BACK, release=4, version=9, former=2, state=DeedState.BEGUN)
    assert considered(PROMOTE, deeds=(past,)).due


def test_what_a_person_took_back_is_not_done_again() -> None:
    # The monitor promoted 2 in release 4, a person went back to 1 in release 5.
    done = deed(release=3, state=DeedState.DONE, made_release=4)
    back = Conclusion(Verdict.ROLL_BACK, RuleName.BETTER, 2)
    for conclusion in (PROMOTE, back):
        found = considered(conclusion, deeds=(done,))
        assert not found.due
        assert "taken back" in (found.held_by or "")
    assert considered(replace(PROMOTE, version=3), deeds=(done,)).due
