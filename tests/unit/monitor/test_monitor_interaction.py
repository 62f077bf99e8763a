"""Interaction drift: found though every feature by itself stays; marginal drift is not its own."""

import numpy as np
import pytest

from services.monitor.domain.statistics.association import (
    Comparison,
    changed_pairs,
    compare,
    joint_counts,
    row_scores,
)
from services.monitor.domain.statistics.bounds import upper_bound
from services.monitor.domain.statistics.coding import (
    CODES,
    NONE,
    FeatureCoding,
    codes_of,
    edges_of,
    feature_coding,
    table_of,
)
from services.monitor.domain.statistics.interaction import (
    LOG_THRESHOLD,
    Wealth,
    Yardstick,
    look,
    yardstick,
)
from understudy.profiles.arrays import Floats
from understudy.profiles.columns import Column

ROWS = 1_000
NAN = float("nan")


def draw(rng: np.random.Generator, rows: int, correlation: float = 0.0) -> dict[str, Column]:
    first, second, third = rng.standard_normal((3, rows))
    second = correlation * first + np.sqrt(1 - correlation**2) * second
    job = rng.choice(["clerk", "nurse", "pilot"], rows).tolist()
    return {"first": first, "second": second, "third": third, "job": job}


def measure_of(columns: dict[str, Column], rows: int) -> Yardstick:
    found = [feature_coding(name, column) for name, column in columns.items()]
    codings = [coding for coding in found if coding is not None]
    return yardstick(codings, table_of(codings, columns, rows))


def run(windows: list[dict[str, Column]], seed: int = 0) -> tuple[Wealth, list[tuple[int, int]]]:
    """The end of betting on the windows, and the pairs of the last one that had any."""
    measure = measure_of(draw(np.random.default_rng(seed), 3_000), 3_000)
    wealth, history, pairs = Wealth(), list[Comparison](), list[tuple[int, int]]()
    for at, window in enumerate(windows):
        table = table_of(measure.codings, window, ROWS)
        seen = look(measure, history, wealth, table, taught_at=float(at - 1))
        wealth, history = seen.wealth, [*history, seen.taught][-4:]
        pairs = [(pair.first, pair.second) for pair in seen.pairs] or pairs
    return wealth, pairs


def test_features_that_begin_to_go_together_are_found_by_name() -> None:
    rng = np.random.default_rng(1)
    windows = [draw(rng, ROWS, 0.8 if at >= 6 else 0.0) for at in range(11)]
    wealth, pairs = run(windows)
    assert wealth.log_evidence >= LOG_THRESHOLD
    assert (wealth.since, pairs[0]) == (6.0, (0, 1))


def test_exchangeable_rows_give_little_evidence() -> None:
    rng = np.random.default_rng(2)
    wealth, _ = run([draw(rng, ROWS) for _ in range(40)])
    assert wealth.log_evidence < LOG_THRESHOLD / 2


def test_drift_of_features_by_themselves_is_not_called_interaction() -> None:
    rng = np.random.default_rng(3)
    windows = [draw(rng, ROWS) for _ in range(30)]
    for window in windows[5:]:
        assert isinstance(window["first"], np.ndarray)
        window["first"] = np.exp(window["first"] + 2.0)
        window["job"] = rng.choice(["clerk", "nurse", "pilot"], ROWS, p=[0.7, 0.2, 0.1]).tolist()
    wealth, _ = run(windows)
    assert wealth.log_evidence < LOG_THRESHOLD / 2


def test_one_window_never_alarms_alone() -> None:
    rng = np.random.default_rng(4)
    windows = [draw(rng, ROWS), draw(rng, ROWS, 0.99), draw(rng, ROWS, 0.99)]
    wealth, _ = run(windows)
    assert 0 < wealth.log_evidence <= LOG_THRESHOLD / 2 + 1.0


def test_evidence_begins_anew_when_the_features_part_again() -> None:
    rng = np.random.default_rng(5)
    together = [draw(rng, ROWS, 0.9) for _ in range(8)]
    assert run(together)[0].log_evidence >= LOG_THRESHOLD
    # What was learnt is forgotten after 4 windows, what was won after four without a pair.
    apart = [draw(rng, ROWS) for _ in range(24)]
    assert run([*together, *apart])[0].log_evidence < LOG_THRESHOLD


@pytest.mark.parametrize(
    "odd",
    [
        np.full(ROWS, NAN),
        np.full(ROWS, 7.0),
        np.full(ROWS, np.inf),
        ["clerk"] * ROWS,
        [None] * ROWS,
    ],
)
def test_odd_columns_of_a_window_do_no_harm(odd: Column) -> None:
    rng = np.random.default_rng(6)
    windows = [draw(rng, ROWS, 0.8) for _ in range(3)]
    for window in windows:
        window["third"], window["job"] = odd, odd
    wealth, _ = run(windows)
    assert np.isfinite(wealth.log_evidence)


def test_a_feature_without_two_values_is_left_out() -> None:
    assert feature_coding("x", np.full(10, NAN)) is None
    assert feature_coding("x", np.full(10, 3.0)) is None
    assert feature_coding("x", ["one"] * 10) is None
    assert feature_coding("x", [None] * 10) is None


def coded(coding: FeatureCoding, column: Column) -> list[int]:
    table = table_of([coding], {coding.name: column}, len(column))
    return [int(code) for code in codes_of(table, edges_of([coding], table))[:, 0]]


def test_codes_of_a_continuous_feature_are_its_own_fifths() -> None:
    coding = feature_coding("x", np.arange(100.0))
    assert coding is not None
    assert coding.ranked
    live = np.array([1e9, 0.0, 3.0, 2.0, -5.0, NAN])
    assert coded(coding, live) == [4, 1, 3, 2, 0, NONE]
    assert coded(coding, np.exp(live / 1e9)) == coded(coding, live)


def test_few_values_and_frequent_values_keep_the_references_bins() -> None:
    few = feature_coding("x", np.array([0.0, 1.0] * 10))
    zeros = feature_coding("x", np.concatenate([np.zeros(50), np.arange(50.0)]))
    assert few is not None
    assert zeros is not None
    assert coded(few, np.array([0.0, 1.0, 5.0, NAN])) == [0, 1, 1, NONE]
    assert not zeros.ranked


def test_categories_beyond_the_commonest_share_a_code() -> None:
    names = [*"aaaaaabbbbbccccdddeef"]
    coding = feature_coding("x", names)
    assert coding is not None
    assert coded(coding, ["a", "e", "f", "unseen", None]) == [0, 4, 4, 4, NONE]


def test_a_feature_that_changed_its_form_is_missing() -> None:
    coding = feature_coding("x", np.arange(100.0))
    assert coding is not None
    assert coded(coding, ["1", "2"]) == [NONE, NONE]


def test_joint_counts_add_and_reweighting_changes_no_association() -> None:
    rng = np.random.default_rng(7)
    codes = rng.integers(0, CODES + 1, (4_000, 3)).astype(np.int8)
    counted = joint_counts(codes)
    assert np.array_equal(counted, joint_counts(codes[:900]) + joint_counts(codes[900:]))
    drawn = codes[codes[:, 0] != 2][:2_000]
    assert changed_pairs(compare((drawn,), counted), counted) == ()
    assert row_scores((), codes).tolist() == [0.0] * 4_000


@pytest.mark.parametrize("mean", [-0.5, 0.0, 0.4])
def test_the_upper_bound_covers(mean: float) -> None:
    rng = np.random.default_rng(8)

    def scores() -> Floats:
        return np.clip(rng.normal(mean, 0.3, 1_000), -1, 1)

    bounds = [upper_bound(scores(), 0.05) for _ in range(200)]
    assert np.mean([bound < np.mean(scores()) - 0.02 for bound in bounds]) <= 0.05
    assert np.median(bounds) < mean + 0.06
