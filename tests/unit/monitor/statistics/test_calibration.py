"""Isotonic shares, against scikit-learn."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.isotonic import IsotonicRegression

from services.monitor.domain.statistics.calibration import isotonic


@settings(deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 20), st.integers(0, 20)), min_size=2, max_size=30).filter(
        lambda bins: any(hit + miss for hit, miss in bins)
    )
)
def test_it_is_scikit_learn_s(bins: list[tuple[int, int]]) -> None:
    hits = np.array([hit for hit, _ in bins])
    rows = hits + np.array([miss for _, miss in bins])
    used = rows > 0
    places = np.arange(len(bins))
    oracle = IsotonicRegression(out_of_bounds="clip")
    oracle.fit(places[used], hits[used] / rows[used], sample_weight=rows[used])
    found = isotonic(hits, rows)
    assert found == pytest.approx(oracle.predict(places), abs=1e-9)
    assert (np.diff(found) >= 0).all()


def test_without_rows_nothing_is_known() -> None:
    assert isotonic(np.zeros(3), np.zeros(3)).tolist() == [0.5, 0.5, 0.5]
