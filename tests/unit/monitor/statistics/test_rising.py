"""Evidence that a mean has risen, or that a share has left its expectation."""

from collections.abc import Sequence

import numpy as np
import pytest

from services.monitor.domain.statistics.rising import departing, rising
from services.monitor.domain.statistics.spectrum import Spectrum, spectrum


def blocks(rng: np.random.Generator, means: Sequence[float], rows: int = 100) -> list[Spectrum]:
    return [spectrum(rng.beta(8 * mean, 8 * (1 - mean), rows)) for mean in means]


def test_a_mean_below_the_bound_gives_no_evidence() -> None:
    found = rising(np.arange(300), blocks(np.random.default_rng(1), [0.1] * 300), 0.12)
    assert found is not None
    assert found.log_evidence < np.log(300)


def test_a_rise_is_found_where_it_began() -> None:
    held = blocks(np.random.default_rng(2), [0.1] * 280 + [0.2] * 20)
    found = rising(np.arange(300), held, 0.12)
    assert found is not None
    assert found.log_evidence > 20
    assert found.start == pytest.approx(280, abs=6)


def test_it_is_one_of_the_counts_however_they_were_split() -> None:
    held = blocks(np.random.default_rng(3), [0.15] * 40)
    again = [Spectrum(block.places[::1], block.counts.copy()) for block in held]
    assert rising(np.arange(40), held, 0.1) == rising(np.arange(40), again, 0.1)


def test_there_is_nothing_to_say_without_blocks_or_above_the_top() -> None:
    nothing = np.zeros(0, dtype=np.int64)
    assert rising(nothing, [], 0.1) is None
    assert rising(np.arange(1), [spectrum(np.ones(10))], 1.0) is None
    assert departing(nothing, nothing, nothing, np.zeros(0), 0.02) is None


def test_the_evidence_of_one_block_is_fair_on_average() -> None:
    rng = np.random.default_rng(4)
    runs = []
    for _ in range(1_000):
        found = rising(np.arange(1), [spectrum((rng.random(50) < 0.1).astype(float))], 0.1)
        assert found is not None
        runs.append(np.exp(found.log_evidence))
    assert np.mean(runs) <= 1.05


@pytest.mark.parametrize("chance", [0.1, 0.3])
def test_a_departure_is_found_in_either_direction(chance: float) -> None:
    rng, rows = np.random.default_rng(5), np.full(200, 100)
    expected = rows * 0.2
    quiet = departing(np.arange(200), rng.binomial(rows, 0.21), rows, expected, 0.02)
    found = departing(np.arange(200), rng.binomial(rows, chance), rows, expected, 0.02)
    assert quiet is not None
    assert found is not None
    assert quiet.log_evidence < np.log(200)
    assert found.log_evidence > 50
