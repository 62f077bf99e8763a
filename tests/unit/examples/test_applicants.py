from typing import Any

import numpy as np
import pandas as pd
import pytest

from examples.credit.applicants import (
    NO_CHANGE,
    NO_DRIFT,
    REPAID,
    WRITTEN_OFF,
    Applicants,
    ConceptChange,
    Drift,
    draw_applicants,
)
from examples.credit.signature import SIGNATURE
from understudy.contracts.vocabulary import FeatureKind

ROWS = 40_000
DRIFTING = {*Drift.shifted, *Drift.withheld}


def draw(
    seed: int, drift: Drift = NO_DRIFT, concept: ConceptChange = NO_CHANGE, rows: int = ROWS
) -> Applicants:
    return draw_applicants(rows, np.random.default_rng(seed), drift, concept)


@pytest.fixture(scope="module")
def usual() -> Applicants:
    return draw(1)


@pytest.fixture(scope="module")
def drifted() -> Applicants:
    """Other people than `usual`, not the same ones changed."""
    return draw(2, Drift())


def distance(one: "pd.Series[Any]", other: "pd.Series[Any]") -> float:
    """Kolmogorov and Smirnov's for numbers, total variation for categories; missing is a value."""
    if one.dtype == object:
        shares = [column.fillna("-").value_counts(normalize=True) for column in (one, other)]
        return float(shares[0].sub(shares[1], fill_value=0.0).abs().sum() / 2)
    first, second = (np.sort(column.fillna(-1.0).to_numpy()) for column in (one, other))
    grid = np.union1d(first, second)
    steps = [np.searchsorted(values, grid, "right") / values.size for values in (first, second)]
    return float(np.abs(steps[0] - steps[1]).max())


def test_the_same_seed_draws_the_same_applicants() -> None:
    first, second = draw(5, rows=200), draw(5, rows=200)
    pd.testing.assert_frame_equal(first.features, second.features)
    assert (first.outcomes == second.outcomes).all()


def test_columns_are_the_signatures_in_its_order_and_types(usual: Applicants) -> None:
    assert tuple(usual.features.columns) == SIGNATURE.names
    for feature in SIGNATURE.features:
        expected = object if feature.kind is FeatureKind.CATEGORY else np.float64
        assert usual.features[feature.name].dtype == expected


def test_every_value_is_legal_by_the_signature(usual: Applicants, drifted: Applicants) -> None:
    for applicants in (usual, drifted):
        for feature in SIGNATURE.features:
            column = applicants.features[feature.name]
            assert feature.nullable or column.notna().all()
            stated = column.dropna()
            if feature.kind is FeatureKind.CATEGORY:
                assert set(stated) <= set(feature.choices)
                continue
            assert feature.minimum is None or stated.min() >= feature.minimum
            assert feature.maximum is None or stated.max() <= feature.maximum
            if feature.kind in {FeatureKind.INTEGER, FeatureKind.BOOLEAN}:
                assert (stated % 1 == 0).all()


def test_about_one_in_six_loans_is_written_off(usual: Applicants) -> None:
    assert 0.15 <= usual.default_probability.mean() <= 0.20
    assert abs((usual.outcomes == WRITTEN_OFF).mean() - usual.default_probability.mean()) < 0.01
    assert set(usual.outcomes) == {REPAID, WRITTEN_OFF} == set(SIGNATURE.target.classes)


@pytest.mark.parametrize(
    ("one", "other", "at_least"),
    [("income", "loan_amount", 0.35), ("age", "employment_years", 0.35), ("age", "income", 0.2)],
)
def test_features_hang_together(usual: Applicants, one: str, other: str, at_least: float) -> None:
    assert usual.features[one].corr(usual.features[other], method="spearman") >= at_least


def test_drift_shifts_what_it_names_and_nothing_else(
    usual: Applicants, drifted: Applicants
) -> None:
    for name in SIGNATURE.names:
        moved = distance(usual.features[name], drifted.features[name])
        # Two samples of 40,000 from one distribution are further apart once in 10^4 times.
        assert (moved > 0.1) == (name in DRIFTING), (name, moved)
        assert name in DRIFTING or moved < 0.0158, (name, moved)


def test_with_the_same_seed_the_other_features_are_equal_to_the_last_bit(usual: Applicants) -> None:
    shifted = draw(1, Drift())
    untouched = [name for name in SIGNATURE.names if name not in DRIFTING]
    pd.testing.assert_frame_equal(usual.features[untouched], shifted.features[untouched])


def test_withholding_leaves_what_is_stated_as_it_was(
    usual: Applicants, drifted: Applicants
) -> None:
    for name in Drift.withheld:
        before, after = usual.features[name], drifted.features[name]
        assert after.isna().mean() > before.isna().mean() + 0.1
        assert distance(before.dropna(), after.dropna()) < 0.0158


def test_each_part_of_drift_can_be_switched_by_itself(usual: Applicants) -> None:
    poorer = draw(1, Drift(surge_ratio=0.0, employment_missing_ratio=0.02))
    changed = [n for n in SIGNATURE.names if not usual.features[n].equals(poorer.features[n])]
    assert changed == ["income"]


def test_a_concept_change_leaves_the_inputs_and_changes_the_chances(usual: Applicants) -> None:
    changed = draw(1, concept=ConceptChange())
    pd.testing.assert_frame_equal(usual.features, changed.features)
    assert np.abs(changed.default_probability - usual.default_probability).mean() > 0.05


def test_write_offs_are_known_before_repayments(usual: Applicants) -> None:
    term = usual.features["loan_term_months"].to_numpy()
    lost = usual.outcomes == WRITTEN_OFF
    assert (usual.months_until_label[~lost] == term[~lost]).all()
    assert (usual.months_until_label[lost] >= 3.0).all()
    assert (usual.months_until_label <= term).all()
    early = usual.months_until_label < 12
    assert lost[early].all(), "whoever looks at early labels alone sees only losses"
