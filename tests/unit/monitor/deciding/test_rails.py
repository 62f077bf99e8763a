"""Guard-rails, from the counts of minutes."""

import numpy as np
import pytest

from services.monitor.domain.cells import AgreementTally, FaultTally, OutputTally
from services.monitor.domain.deciding.fairness_rail import fairness_rail, sides
from services.monitor.domain.deciding.rails import (
    Allowance,
    challenger_rails,
    crossed,
    main_rails,
    rails_in_words,
)
from services.monitor.domain.latency import LatencyTally
from services.monitor.domain.outcomes.tallies import GroupTally
from understudy.contracts.judging import GuardRails
from understudy.contracts.vocabulary import RuleName
from understudy.profiles.moments import no_sums

EDGES = np.array([0.001, 0.01, 0.1])
WIDTH = EDGES.size + 1


def allowance(rails: GuardRails | None = None) -> Allowance:
    return Allowance(rails or GuardRails(slow_seconds=0.008), EDGES, 0.05, 1)


def agreement(
    *, asked: int = 2_000, challenger_failed: int = 0, main_failed: int = 0, invalid: int = 0
) -> AgreementTally:
    faults = FaultTally(asked, main_failed, challenger_failed, 0, invalid)
    return AgreementTally(asked, asked, asked, 0.0, faults, np.zeros(WIDTH * WIDTH, dtype=np.int64))


def minute(rows: int, errors: int = 0, slow: int = 0) -> OutputTally:
    counts = np.array([rows - errors - slow, 0, slow, 0], dtype=np.int64)
    scores = np.zeros(0, dtype=np.int64)
    return OutputTally(rows, errors, {}, scores, no_sums(), LatencyTally(counts))


def by_rule(found: tuple[object, ...]) -> dict[RuleName, object]:
    return {rail.rule: rail for rail in found}  # type: ignore[attr-defined]


def test_a_challenger_that_fails_where_the_main_does_not_is_vetoed() -> None:
    failing = challenger_rails(2, agreement(challenger_failed=100), allowance())
    worst = crossed(failing)
    assert worst is not None
    assert (worst.rule, worst.observed) == (RuleName.ERRORS, 0.05)
    assert rails_in_words(failing) == ("version 2: failed in 5.00% of 2,000 rows, 1.00% allowed",)


def test_what_both_do_wrong_is_no_fault_of_the_challenger() -> None:
    both = challenger_rails(2, agreement(challenger_failed=100, main_failed=100), allowance())
    assert crossed(both) is None


def test_invalid_answers_have_a_rail_of_their_own() -> None:
    worst = crossed(challenger_rails(2, agreement(invalid=30), allowance()))
    assert worst is not None
    assert worst.rule is RuleName.INVALID


def test_slowness_is_judged_on_rows_that_both_scored_alone() -> None:
    timed = np.zeros((WIDTH, WIDTH), dtype=np.int64)
    timed[0, 0], timed[0, 2] = 900, 100  # main fast; challenger beyond 10 ms in a tenth
    tally = AgreementTally(0, 0, 0, 0.0, FaultTally(0, 0, 0, 0, 0), timed.ravel())
    worst = crossed(challenger_rails(2, tally, allowance()))
    assert worst is not None
    assert (worst.rule, worst.rows) == (RuleName.SLOW, 1_000)
    assert worst.observed == pytest.approx(0.1)
    assert crossed(challenger_rails(2, tally, allowance(GuardRails()))) is None


def test_a_main_that_begins_to_fail_is_found_with_its_beginning() -> None:
    minutes = {at: minute(200, errors=20 if at >= 90 else 1) for at in range(100)}
    found = main_rails(1, minutes, allowance())
    worst = crossed(found)
    assert worst is not None
    assert worst.rule is RuleName.ERRORS
    assert worst.since is not None
    assert 80 * 60 <= worst.since.timestamp() <= 92 * 60


def test_a_main_within_its_allowance_is_left_alone() -> None:
    rng = np.random.default_rng(4)
    minutes = {at: minute(500, errors=int(rng.binomial(500, 0.01))) for at in range(1_440)}
    assert crossed(main_rails(1, minutes, allowance())) is None
    assert main_rails(1, {}, allowance()) == ()


def test_a_slow_main_is_found() -> None:
    worst = crossed(main_rails(1, {at: minute(100, slow=50) for at in range(5)}, allowance()))
    assert worst is not None
    assert worst.rule is RuleName.SLOW


def test_a_wider_gap_between_groups_is_found_and_small_groups_are_left_out() -> None:
    def group(rate: float, rows: int = 20_000) -> GroupTally:
        return GroupTally(rows=rows, selected=int(rate * rows))

    groups = {
        (1, "sex", "f"): group(0.50),
        (1, "sex", "m"): group(0.52),
        (1, "sex", "x"): group(0.0, 99),
        (2, "sex", "f"): group(0.40),
        (2, "sex", "m"): group(0.60),
        (2, "sex", "x"): group(1.0, 99),
    }
    found = fairness_rail(sides(groups, "sex", 1, 2), 2, 0.05, 4.4)
    assert found is not None
    assert found.crossed
    assert found.observed == pytest.approx(0.18)
    same = fairness_rail(sides(groups, "sex", 1, 1), 1, 0.05, 4.4)
    assert same is not None
    assert not same.crossed
    assert fairness_rail(sides(groups, "age", 1, 2), 2, 0.05, 4.4) is None
