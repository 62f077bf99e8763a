"""The bound is a bound, and close: against what a general optimiser finds."""

import numpy as np
import pytest
from scipy.optimize import minimize

from services.monitor.domain.statistics.ball import log_likelihood_bound, radius
from services.monitor.domain.statistics.segments import segments
from understudy.profiles.arrays import Floats


def best_inside(counts: Floats, shares: Floats, delta: float) -> float:
    """The supremum by sequential quadratic programming over ln q."""

    def q(logits: Floats) -> Floats:
        grown = np.exp(logits - logits.max())
        return np.asarray(grown / grown.sum())

    def room(logits: Floats) -> float:
        return delta - float((shares * np.log(shares / q(logits))).sum())

    found = minimize(
        lambda logits: -float(counts @ np.log(q(logits))) / counts.sum(),
        np.log(shares),
        constraints=[{"type": "ineq", "fun": room}],
        method="SLSQP",
        options={"maxiter": 500, "ftol": 1e-12},
    )
    return -float(found.fun) * float(counts.sum())


@pytest.mark.parametrize("seed", range(6))
def test_bound_is_the_supremum_outside_the_ball(seed: int) -> None:
    rng = np.random.default_rng(seed)
    shares = rng.dirichlet(np.full(6, 5.0))
    counts = rng.multinomial(400, rng.dirichlet(np.full(6, 5.0))).astype(float)
    delta = 0.01
    tables = segments(np.array([6]))
    bound = log_likelihood_bound(counts, shares, np.array([delta]), tables)
    best = best_inside(counts, shares, delta)
    assert bound[0] >= best - 1e-4
    assert bound[0] == pytest.approx(best, abs=0.05)


def test_tables_side_by_side_are_as_alone() -> None:
    rng = np.random.default_rng(3)
    shares, counts = rng.dirichlet(np.ones(4)), rng.integers(1, 90, 4).astype(float)
    alone = log_likelihood_bound(counts, shares, np.array([0.01]), segments(np.array([4])))
    both = log_likelihood_bound(
        np.tile(counts, 2), np.tile(shares, 2), np.full(2, 0.01), segments(np.array([4, 4]))
    )
    assert both == pytest.approx(np.tile(alone, 2))


def test_bins_that_the_reference_lacks_are_no_way_out_of_the_ball() -> None:
    counts, shares = np.array([50.0, 50.0, 30.0]), np.array([0.5, 0.5, 0.0])
    bound = log_likelihood_bound(counts, shares, np.array([0.005]), segments(np.array([3])))
    free = float((counts * np.log(counts / counts.sum())).sum())
    assert np.isfinite(bound[0])
    assert bound[0] < free - 20.0


def test_radius_shrinks_to_the_tolerance() -> None:
    radii = radius(np.array([1e3, 1e9]), np.array([10.0, 10.0]), 0.002, 1e-4)
    assert radii[0] > radii[1] == pytest.approx(0.002, rel=0.01)
