"""The judge: the first rule that applies decides."""

from dataclasses import replace

from services.monitor.domain.deciding.judge import judge
from services.monitor.domain.deciding.judgement import ComparisonReading
from tests.fakes.judged import case, concept, rail, reading
from understudy.contracts.vocabulary import RuleName, Verdict


def test_without_traffic_there_is_no_data_whatever_else_is_known() -> None:
    unlabelled = replace(reading(Verdict.PROMOTE), labels=0)
    found = judge(case(unlabelled, rows=0, main_rails=[rail()]))
    assert (found.verdict, found.rule) == (Verdict.NO_DATA, RuleName.NO_TRAFFIC)


def test_a_faulty_main_is_rolled_back_before_anything_else() -> None:
    found = judge(case(reading(Verdict.PROMOTE), previous_main=7, main_rails=[rail()]))
    assert (found.verdict, found.rule, found.version) == (Verdict.ROLL_BACK, RuleName.ERRORS, 7)
    assert found.reasons == ("version 1: failed in 10.00% of 1,000 rows, 1.00% allowed",)


def test_a_faulty_main_that_replaced_none_is_kept_and_told_of() -> None:
    found = judge(case(reading(Verdict.PROMOTE), main_rails=[rail()]))
    assert (found.verdict, found.rule, found.version) == (Verdict.KEEP, RuleName.ERRORS, None)
    assert "failed in 10.00%" in found.reasons[0]
    assert "nothing to roll back to" in found.reasons[1]


def test_going_back_to_what_goes_wrong_on_the_same_rows_would_not_help() -> None:
    def beside(observed: float) -> ComparisonReading:
        paired = replace(rail(crossed=False, version=7), observed=observed)
        return reading(Verdict.WAIT, challenger=7, rails=[paired])

    both = judge(case(beside(0.0), previous_main=7, main_rails=[rail()]))
    assert (both.verdict, both.rule) == (Verdict.KEEP, RuleName.ERRORS)
    assert "would not help" in both.reasons[-1]
    better = judge(case(beside(-0.09), previous_main=7, main_rails=[rail()]))
    assert better.verdict is Verdict.ROLL_BACK


def test_rows_that_were_told_late_are_traffic_too() -> None:
    found = judge(case(reading(Verdict.WAIT), rows=0))
    assert found.verdict is Verdict.WAIT


def test_the_best_of_several_better_ones_is_promoted() -> None:
    found = judge(
        case(
            reading(Verdict.PROMOTE, RuleName.BETTER, challenger=2, better=5.0),
            reading(Verdict.PROMOTE, RuleName.BETTER, challenger=3, better=9.0),
            reading(Verdict.WAIT, challenger=4),
        )
    )
    assert (found.verdict, found.rule, found.version) == (Verdict.PROMOTE, RuleName.BETTER, 3)


def test_a_former_main_that_is_better_is_rolled_back_to() -> None:
    better = reading(Verdict.PROMOTE, RuleName.BETTER, challenger=2)
    found = judge(case(better, previous_main=2))
    assert (found.verdict, found.version) == (Verdict.ROLL_BACK, 2)


def test_a_risen_loss_rolls_back_only_where_the_former_main_is_not_measured_beside() -> None:
    undecided = reading(Verdict.WAIT)
    blind = judge(case(undecided, previous_main=7, concept=concept(alarm=True)))
    assert (blind.verdict, blind.rule, blind.version) == (Verdict.ROLL_BACK, RuleName.RISK, 7)
    measured = judge(case(undecided, previous_main=2, concept=concept(alarm=True)))
    assert measured.verdict is Verdict.WAIT
    first = judge(case(undecided, concept=concept(alarm=True)))
    assert first.verdict is Verdict.WAIT
    calm = judge(case(undecided, previous_main=7, concept=concept(alarm=False)))
    assert calm.verdict is Verdict.WAIT


def test_a_main_alone_is_kept() -> None:
    found = judge(case())
    assert (found.verdict, found.rule) == (Verdict.KEEP, RuleName.NO_CHALLENGER)


def test_one_undecided_challenger_is_waited_for() -> None:
    found = judge(
        case(
            reading(Verdict.KEEP, RuleName.WORSE, challenger=2),
            reading(Verdict.WAIT, RuleName.TOO_FEW_LABELS, challenger=3, waiting=12),
        )
    )
    assert (found.verdict, found.rule, found.version) == (Verdict.WAIT, RuleName.TOO_FEW_LABELS, 3)
    assert "12 more have come" in found.reasons[0]


def test_labels_that_are_on_their_way_are_waited_for_and_none_are_no_data() -> None:
    none = reading(Verdict.NO_DATA, RuleName.NO_LABELS)
    found = judge(case(none))
    assert (found.verdict, found.rule) == (Verdict.NO_DATA, RuleName.NO_LABELS)
    young = judge(case(reading(Verdict.NO_DATA, RuleName.NO_LABELS, waiting=5)))
    assert (young.verdict, young.rule) == (Verdict.WAIT, RuleName.NO_LABELS)


def test_equivalence_and_keeping_when_nobody_is_undecided() -> None:
    worse = reading(Verdict.KEEP, RuleName.WORSE, challenger=2)
    slow = reading(Verdict.KEEP, RuleName.SLOW, challenger=4, rails=[rail(RuleName.SLOW)])
    equal = reading(Verdict.EQUIVALENT, RuleName.EQUIVALENT, challenger=3)
    found = judge(case(worse, equal))
    assert (found.verdict, found.version) == (Verdict.EQUIVALENT, 3)
    kept = judge(case(slow, worse))
    assert (kept.verdict, kept.rule) == (Verdict.KEEP, RuleName.SLOW)
    assert len(kept.reasons) == 2
