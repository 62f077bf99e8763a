"""The detector on small tables: silent without drift; names and dates what drifted."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.monitor.domain.statistics.detector import (
    LOG_AVERAGE_RUN,
    Counted,
    Detector,
    Evidence,
    Suffixes,
    Usual,
    detector,
)
from services.monitor.domain.statistics.segments import segments
from services.monitor.domain.statistics.suffixes import retained_starts, suffix_sums
from understudy.profiles.arrays import Floats

TABLES = 3
BINS = 5
ROWS = 4_000


def made(effects: float = 1.0, strata: int = 1) -> Detector:
    """Uniform bins, and one share of 2 %."""
    shapes = np.full((strata, TABLES * BINS), ROWS / BINS)
    return detector(
        Usual(
            shapes,
            np.full((strata, 1), 0.02 * ROWS),
            np.zeros((strata, 1)),
            np.full((strata, 1), float(ROWS)),
        ),
        segments(np.full(TABLES, BINS)),
        np.full(TABLES + 1, effects),
        np.array([1.0, 1.0, 1.0, 1.0]),
        0.002,
    )


def blocks(
    number: int, rows: int, seed: int, *, tilt: float = 0.0, missing: float = 0.02
) -> Floats:
    """Tables' counts, then missing rows, then all rows; the first table may be tilted."""
    rng = np.random.default_rng(seed)
    even = np.full(BINS, 1 / BINS)
    first = even + tilt * np.linspace(-1, 1, BINS) / BINS
    found = [rng.multinomial(rows, p, number) for p in (first, even, even)]
    bad = rng.binomial(rows, missing, (number, 1))
    return np.concatenate([*found, bad, np.full((number, 1), rows)], axis=1).astype(float)


def look(found: Detector, stream: Floats) -> Evidence:
    numbers = np.arange(len(stream))
    starts = retained_starts(numbers, numbers[-1])
    sums = suffix_sums(stream, starts)
    each = np.arange(starts.size)
    split = (sums[:, : TABLES * BINS], sums[:, -2:-1], sums[:, -1:])
    return found.look(Suffixes(Counted(*split), np.zeros_like(each), each, each), each.size)


@pytest.mark.parametrize("seed", range(5))
def test_no_drift_is_no_alarm(seed: int) -> None:
    evidence = look(made(), blocks(400, 50, seed))
    assert not evidence.alarm
    assert not evidence.alarms.any()


@pytest.mark.parametrize(("tilt", "missing", "row"), [(0.7, 0.02, 0), (0.0, 0.15, 3)])
def test_drift_is_named_and_dated(tilt: float, missing: float, row: int) -> None:
    drifted = blocks(24, 50, 8, tilt=tilt, missing=missing)
    stream = np.concatenate([blocks(104, 50, 7), drifted])
    evidence = look(made(), stream)
    assert evidence.alarms.tolist() == [at == row for at in range(4)]
    starts = retained_starts(np.arange(128), 127)
    assert abs(int(starts[evidence.starts[row]]) - 104) <= 4


def test_any_alarm_is_an_alarm_of_all_together() -> None:
    evidence = look(made(), blocks(30, 100, 3, tilt=0.9))
    assert evidence.alarms.any()
    assert evidence.pooled >= LOG_AVERAGE_RUN


def test_a_design_effect_needs_so_many_more_rows() -> None:
    stream = blocks(12, 50, 8, tilt=0.7)
    plain, divided = look(made(), stream), look(made(effects=5.0), stream)
    assert plain.alarms[0]
    assert not divided.alarms[0]
    assert look(made(effects=5.0), blocks(60, 50, 8, tilt=0.7)).alarms[0]


@settings(max_examples=30, deadline=None)
@given(order=st.permutations(range(8)), seed=st.integers(0, 10))
def test_within_a_block_the_order_of_rows_is_nothing(order: list[int], seed: int) -> None:
    pieces = blocks(8, 30, seed, tilt=0.4)
    whole = look(made(), pieces.sum(axis=0, keepdims=True))
    again = look(made(), pieces[order].sum(axis=0, keepdims=True))
    assert whole.rows.tolist() == again.rows.tolist()
    assert whole.pooled == again.pooled


def test_tolerance_is_practically_nothing() -> None:
    """A tenth of a percent of divergence is no drift however many rows there are."""
    evidence = look(made(), blocks(40, 20_000, 5, tilt=0.05))
    assert not evidence.alarm


def test_evidence_of_strata_multiplies_and_empty_ones_say_nothing() -> None:
    found = made(strata=2)
    half = blocks(1, 600, 4, tilt=0.6)
    split = (half[:, : TABLES * BINS], half[:, -2:-1], half[:, -1:])
    zero = np.zeros(1, dtype=np.intp)
    alone = found.look(Suffixes(Counted(*split), zero, zero, zero), 1)
    twice = Counted(*(np.concatenate([part, part]) for part in split))
    both = found.look(Suffixes(twice, np.array([0, 1]), np.array([0, 0]), np.array([0, 1])), 1)
    assert both.rows[0] == pytest.approx(2 * alone.rows[0], rel=1e-6)
    nothing = np.zeros(0, dtype=np.intp)
    none = Counted(np.zeros((0, TABLES * BINS)), np.zeros((0, 1)), np.zeros((0, 1)))
    assert found.look(Suffixes(none, nothing, nothing, nothing), 1).rows == pytest.approx(
        np.zeros(4)
    )


def test_evidence_has_a_mean_of_at_most_one() -> None:
    """Of shares at their limit, the worst of the null: exactly, over all outcomes."""
    shares = made().shares
    limit, rows = float(shares.limits[0, 0]), 60
    bad = np.arange(rows + 1.0)
    logs = shares.log_evidence(bad[:, None], np.full((rows + 1, 1), float(rows)), np.zeros(61, int))
    ways = np.array([float(_choose(rows, k)) for k in range(rows + 1)])
    chances = ways * limit**bad * (1 - limit) ** (rows - bad)
    assert float((chances * np.exp(logs[:, 0])).sum()) == pytest.approx(1.0)


def _choose(n: int, k: int) -> int:
    found = 1
    for at in range(k):
        found = found * (n - at) // (at + 1)
    return found
