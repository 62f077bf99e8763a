"""Quantiles off the histogram lie within a bucket's ratio of the true ones."""

import numpy as np
import pytest

from services.monitor.domain.latency import no_latency, quantile, tally_latency
from understudy.runtime.buckets import LATENCY_SECONDS

EDGES = np.array(LATENCY_SECONDS)


@pytest.mark.parametrize("q", [0.01, 0.5, 0.95, 0.99])
def test_quantiles_are_near_the_true_ones(q: float) -> None:
    seconds = np.random.default_rng(3).lognormal(np.log(0.01), 0.7, 20_000)
    found = quantile(tally_latency(seconds, EDGES), EDGES, q)
    assert found == pytest.approx(float(np.quantile(seconds, q)), rel=0.14)


def test_a_value_on_an_edge_is_counted_below_it_as_prometheus_does() -> None:
    assert tally_latency(EDGES[:1], EDGES).counts[0] == 1


def test_beyond_the_last_edge_nothing_more_is_known() -> None:
    tally = tally_latency(np.array([100.0]), EDGES)
    assert quantile(tally, EDGES, 0.5) == EDGES[-1]
    assert (tally.rows, tally.seconds) == (1, 100.0)


def test_without_rows_there_is_no_quantile() -> None:
    assert quantile(no_latency(EDGES), EDGES, 0.5) is None
    assert tally_latency(np.array([np.nan]), EDGES).rows == 0


def test_tallies_add() -> None:
    left, right = np.array([0.001, 0.2]), np.array([0.05])
    both = tally_latency(np.concatenate([left, right]), EDGES)
    added = tally_latency(left, EDGES) + tally_latency(right, EDGES)
    assert added.counts.tolist() == both.counts.tolist()
    assert added.seconds == pytest.approx(both.seconds)
