"""Main against one challenger, from counted differences."""

from dataclasses import replace

import numpy as np
import pytest

from services.monitor.domain.deciding.comparison import Contest, compare, interval, thresholds
from services.monitor.domain.deciding.terms import Terms, resolve
from services.monitor.domain.statistics.spectrum import Spectrum, no_spectrum, spectrum
from tests.fakes.judged import AT, rail
from understudy.contracts.judging import ComparisonTerms
from understudy.contracts.signature import Target
from understudy.contracts.vocabulary import LossName, RuleName, Task, Verdict

TERMS = resolve(ComparisonTerms(), Target("y", Task.CLASSIFICATION, (0, 1)), None)


def contest(found: Spectrum, waiting: int = 0) -> Contest:
    return Contest(2, 3, AT, AT, found, waiting)


def drawn(mean: float, deviation: float, rows: int, seed: int = 0) -> Spectrum:
    return spectrum(np.random.default_rng(seed).normal(mean, deviation, rows))


@pytest.mark.parametrize(
    ("found", "rule", "verdict"),
    [
        (no_spectrum(), RuleName.NO_LABELS, Verdict.NO_DATA),
        (drawn(0.5, 0.1, 99), RuleName.TOO_FEW_LABELS, Verdict.WAIT),
        (drawn(0.1, 0.3, 3_000), RuleName.BETTER, Verdict.PROMOTE),
        (drawn(-0.1, 0.3, 3_000), RuleName.WORSE, Verdict.KEEP),
        (drawn(0.0, 0.05, 9_000), RuleName.EQUIVALENT, Verdict.EQUIVALENT),
        (drawn(0.0, 0.5, 300), RuleName.UNDECIDED, Verdict.WAIT),
    ],
)
def test_what_labels_say(found: Spectrum, rule: RuleName, verdict: Verdict) -> None:
    read = compare(contest(found), TERMS, 1)
    assert (read.rule, read.verdict) == (rule, verdict)


def test_a_rail_takes_a_promotion_away_and_nothing_else() -> None:
    slow = rail(RuleName.SLOW)
    better = compare(contest(drawn(0.1, 0.3, 3_000)), TERMS, 1, (slow,))
    assert (better.rule, better.verdict) == (RuleName.SLOW, Verdict.KEEP)
    assert better.vetoed_by == (RuleName.SLOW,)
    worse = compare(contest(drawn(-0.1, 0.3, 3_000)), TERMS, 1, (slow,))
    assert (worse.rule, worse.verdict) == (RuleName.WORSE, Verdict.KEEP)
    calm = compare(contest(drawn(0.1, 0.3, 3_000)), TERMS, 1, (rail(crossed=False),))
    assert calm.verdict is Verdict.PROMOTE


def test_more_challengers_ask_for_more_evidence() -> None:
    assert thresholds(0.05, 1).decided == pytest.approx(np.log(40))
    assert thresholds(0.05, 4).decided == pytest.approx(np.log(160))
    assert thresholds(0.05, 0) == thresholds(0.05, 1)


def test_the_labels_still_expected_are_about_those_that_decide() -> None:
    ratios = [_expected_by_needed(np.random.default_rng(seed)) for seed in range(20)]
    assert 1 / 3 < float(np.median(ratios)) < 3


def _expected_by_needed(rng: np.random.Generator) -> float:
    """What is told after 200 labels, by what is then needed."""
    stream = rng.normal(0.03, 0.3, 20_000)
    early = compare(contest(spectrum(stream[:200])), TERMS, 1)
    if early.rule is not RuleName.UNDECIDED or early.expected_labels is None:
        return 1.0
    looks = range(250, 20_000, 50)
    read = (compare(contest(spectrum(stream[:n])), TERMS, 1) for n in looks)
    rules = {RuleName.BETTER, RuleName.EQUIVALENT}
    at = next(n for n, found in zip(looks, read, strict=True) if found.rule in rules)
    return early.expected_labels / (at - 200)


def test_nothing_is_expected_of_what_does_not_move() -> None:
    tied = compare(contest(spectrum(np.zeros(20))), TERMS, 1)
    assert tied.expected_labels is None
    alike = compare(contest(spectrum(np.zeros(200))), TERMS, 1)
    assert alike.expected_labels is not None  # always the same answer: equivalent before long


def test_the_interval_is_in_units_of_the_loss() -> None:
    shown = interval(drawn(0.2, 0.1, 2_000), clip=0.5)
    assert shown is not None
    assert shown.low is not None
    assert shown.high is not None
    assert shown.low < 0.1 < shown.high
    assert shown.high - shown.low < 0.02
    assert interval(drawn(0.2, 0.1, 29), clip=0.5) is None


def test_the_state_reproduces_the_evidence() -> None:
    read = compare(contest(drawn(0.02, 0.2, 500)), TERMS, 1)
    from_state = spectrum(
        np.repeat(np.array([*read.state]), [*read.state.values()]).astype(float) / 2**14
    )
    again = compare(contest(from_state), TERMS, 1)
    assert again.log_evidence_better == read.log_evidence_better


def test_terms_left_open_follow_the_task() -> None:
    assert (TERMS.loss, TERMS.clip, TERMS.margin, TERMS.span) == (LossName.BRIER, 0.5, 0.005, 1.0)
    number = Target("y", Task.REGRESSION)
    found = resolve(ComparisonTerms(), number, 12.0)
    assert (found.loss, found.clip, found.scale) == (LossName.ABSOLUTE, 12.0, 12.0)
    squared = resolve(ComparisonTerms(loss=LossName.SQUARED), number, 3.0)
    assert squared.clip == 9.0
    assert resolve(ComparisonTerms(), number, None).scale == 1.0


def test_cohorts_mature_as_wholes_and_what_tallies_depend_on_names_them() -> None:
    short = replace(TERMS, horizon_seconds=60.0, cohort_seconds=10)
    assert short.cohort_start(1_234.5) == 1_230
    assert short.matured_until(1_299.0) < 1_240 <= short.matured_until(1_300.0)
    assert short.maturing_seconds == 70.0
    assert short.fingerprint != TERMS.fingerprint
    assert replace(TERMS, horizon_seconds=90.0).fingerprint != TERMS.fingerprint
    assert replace(TERMS, alpha=0.01, margin=0.2).fingerprint == TERMS.fingerprint


def test_short_horizons_have_short_cohorts() -> None:
    assert [_cohort(s) for s in (10, 600, 7_200, 30 * 86_400)] == [10, 60, 600, 3_600]


def _cohort(horizon: float) -> int:
    stated = ComparisonTerms(label_horizon_seconds=horizon)
    found: Terms = resolve(stated, Target("y", Task.REGRESSION), 1.0)
    return found.cohort_seconds
