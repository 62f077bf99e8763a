"""What a sample does not hold, by what it holds once and twice."""

import numpy as np
import pytest

from services.monitor.domain.drifting.planning import Plan, Setup, plan_drift
from services.monitor.domain.statistics.shares import TOLERANCE, share_test
from understudy.contracts.judging import DriftTerms
from understudy.contracts.signature import Feature, Signature, Target
from understudy.contracts.vocabulary import DriftKind, DriftStrata, FeatureKind, Task
from understudy.profiles.bins import FIRST_BIN, UNSEEN
from understudy.profiles.columns import Column
from understudy.profiles.rarity import rare_rows, times_seen
from understudy.profiles.reference import build_reference

SIGNATURE = Signature(
    (Feature("shop", FeatureKind.CATEGORY, open_choices=True), Feature("sum", FeatureKind.NUMBER)),
    Target("bad", Task.CLASSIFICATION, classes=("no", "yes")),
)
ROWS = 2_000


def planned(shops: list[str | None], strata: DriftStrata = DriftStrata.NONE) -> Plan:
    columns: dict[str, Column] = {"shop": shops, "sum": np.arange(float(len(shops)))}
    at = None if strata is DriftStrata.NONE else 7 * 86_400 * np.linspace(0, 1, len(shops))
    reference = build_reference(SIGNATURE, columns, None, at)
    return plan_drift(Setup(reference, DriftTerms(strata=strata), (), {}, {}))


def limits(plan: Plan) -> dict[DriftKind, float]:
    shares = plan.subjects[2:]
    found = plan.detector.shares.limits.max(axis=0)
    return {one.kind: float(limit) for one, limit in zip(shares, found, strict=True)}


def many(alone: int, twice: int) -> list[str | None]:
    rare = [f"shop {at}" for at in range(alone)]
    pairs = [f"pair {at // 2}" for at in range(2 * twice)]
    return [*rare, *pairs, *(["big"] * (ROWS - alone - 2 * twice))]


def test_rows_are_counted_by_how_often_their_category_occurs() -> None:
    times = times_seen(["a", "b", "b", None, "c", "c", "c", "d"])
    assert times.tolist() == [1, 2, 2, 0, 0, 0, 0, 1]
    assert rare_rows(times).tolist() == [2, 2]
    assert rare_rows(times_seen(np.zeros(3))).tolist() == [0, 0]


def test_the_limit_of_unseen_categories_grows_with_those_seen_once() -> None:
    few, some = (limits(planned(many(*counts)))[DriftKind.UNSEEN] for counts in ((0, 0), (400, 50)))
    assert few == pytest.approx(TOLERANCE + 0.003, abs=0.002)
    assert some > 0.2 + 3 * np.sqrt(500) / ROWS


def test_by_stratum_as_well() -> None:
    shops = [*many(400, 50)]
    np.random.default_rng(0).shuffle(shops)
    by_day = planned(shops, DriftStrata.DAY_OF_WEEK)
    assert by_day.strata is DriftStrata.DAY_OF_WEEK
    assert limits(by_day)[DriftKind.UNSEEN] > 0.25


def test_the_limit_of_extremes_holds_as_often_as_it_says() -> None:
    """Beyond the smallest and largest of m values lies a share of Beta(2, m - 1)."""
    rows, chance = 200, 1e-2
    test = share_test(np.ones((1, 1)), np.zeros((1, 1)), np.full((1, 1), float(rows)), chance)
    beyond = np.random.default_rng(1).beta(2, rows - 1, 100_000)
    assert np.mean(beyond > test.limits[0, 0] - TOLERANCE) == pytest.approx(chance, abs=2e-3)
    assert limits(planned(many(0, 0)))[DriftKind.OUT_OF_RANGE] > TOLERANCE + 9 / ROWS / 2


def test_unseen_categories_count_as_rare_ones_where_there_are_some() -> None:
    """Else the share of rare ones would seem to fall by what the sample did not hold."""
    plan = planned(many(400, 50))
    shape = plan.subjects[0]
    vector = np.zeros((1, plan.columns.width))
    vector[0, UNSEEN], vector[0, FIRST_BIN] = 7.0, 5.0
    assert shape.counts(vector)[0, [0, -1]].tolist() == [5.0, 7.0]
    assert plan.counted(vector).shapes[0, [0, shape.places.size - 1]].tolist() == [5.0, 7.0]
    few = planned(many(0, 3))
    assert few.subjects[0].counts(vector[:, : few.columns.width]).sum() == 5.0
