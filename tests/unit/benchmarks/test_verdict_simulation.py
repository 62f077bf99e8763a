"""What the simulation of verdicts computes is what the monitor would compute."""

import numpy as np
import pytest

from benchmarks.simulations.verdict import wealth
from benchmarks.simulations.verdict.classifiers import DISCORDANCE, better_by, equals
from benchmarks.simulations.verdict.intervals import spreads
from benchmarks.simulations.verdict.rails import FAULTS, vetoes
from benchmarks.simulations.verdict.tables import Scale, streams
from services.monitor.domain.deciding.comparison import interval, thresholds
from services.monitor.domain.statistics.betting import (
    log_evidence_above,
    log_evidence_below,
    log_evidence_within,
)
from services.monitor.domain.statistics.spectrum import STEPS, Spectrum, spectrum

RUNS, LABELS = 4, 600


@pytest.fixture
def places() -> wealth.Places:
    drawn = np.random.default_rng(7).normal(0.03, 0.4, (RUNS, LABELS))
    return wealth.places_of(drawn, 0.5)


def looked_at(places: wealth.Places, run: int, look: int) -> Spectrum:
    return spectrum(places[run, : (look + 1) * wealth.LOOK] / STEPS)


@pytest.mark.parametrize("look", [0, 4, 11])
def test_evidence_at_each_look_is_the_monitors(places: wealth.Places, look: int) -> None:
    above, below = wealth.log_evidence_above(places), wealth.log_evidence_above(-places)
    within = wealth.log_evidence_within(places, 0.02)
    for run in range(RUNS):
        seen = looked_at(places, run, look)
        assert above[run, look] == pytest.approx(log_evidence_above(seen), abs=1e-9)
        assert below[run, look] == pytest.approx(log_evidence_below(seen), abs=1e-9)
        assert within[run, look] == pytest.approx(log_evidence_within(seen, 0.02), abs=1e-9)


def test_the_interval_is_the_monitors(places: wealth.Places) -> None:
    seen = looked_at(places, 0, 9)
    found = interval(seen, 1.0)
    assert found is not None
    half = float(np.sqrt(seen.variance)) * spreads(10)[9]
    assert found.high == pytest.approx(seen.mean + half)


def test_the_first_look_that_counts() -> None:
    crossed = np.array([[True, False, True], [False, False, False]])
    assert wealth.first(crossed, minimum=100).tolist() == [150.0, np.inf]


def test_nothing_is_decided_below_the_fewest_labels(places: wealth.Places) -> None:
    sure = np.full_like(places, STEPS // 2)
    assert wealth.reached(sure, None, thresholds(0.05, 1), 200).better.tolist() == [200.0] * RUNS


@pytest.mark.parametrize("gain", [0.01, 0.02])
def test_a_better_rival_is_better_by_as_much(gain: float) -> None:
    rows = better_by(gain).rows(np.random.default_rng(3), 100, 10_000)
    differ = (rows.main > 0.5) != (rows.challengers[:, 0] > 0.5)
    assert rows.zero_one().mean() == pytest.approx(gain, abs=0.001)
    assert differ.mean() == pytest.approx(DISCORDANCE, abs=0.001)


def test_equals_are_equal() -> None:
    rows = equals().rows(np.random.default_rng(3), 100, 10_000)
    assert rows.brier().mean() == pytest.approx(0.0, abs=3e-4)


def test_a_question_answers_with_a_table_and_the_same_for_the_same_seed() -> None:
    scale = Scale(runs=20, labels=400)
    first, again = (vetoes(scale, streams(1, 2)[1]) for _ in range(2))
    assert str(first) == str(again)
    assert len(first.rows) == 4 * len(FAULTS)
