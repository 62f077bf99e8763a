"""The design effect is 1 for exchangeable rows, and the cluster size for clustered ones."""

import numpy as np
import pytest

from understudy.profiles.stability import design_effect


def test_exchangeable_rows_have_none() -> None:
    rng = np.random.default_rng(1)
    assert [design_effect(rng.integers(0, 11, 4_000)) for _ in range(20)] == [1.0] * 20


@pytest.mark.parametrize("size", [5, 20])
def test_clusters_of_alike_rows_have_their_size(size: int) -> None:
    rng = np.random.default_rng(2)
    rows = np.repeat(rng.integers(0, 11, 5_000 // size), size)
    assert size * 0.8 < design_effect(rows) < size * 1.6


def test_what_strata_explain_is_no_effect() -> None:
    rng = np.random.default_rng(3)
    hours = (np.arange(6_000) // 10) % 24
    rows = np.clip(np.rint(rng.normal(5 + 3 * np.sin(hours / 24 * 2 * np.pi), 1.5)), 0, 10)
    assert design_effect(rows.astype(np.intp)) > 3.0
    assert design_effect(rows.astype(np.intp), hours) == 1.0


@pytest.mark.parametrize("rows", [0, 1, 30, 249])
def test_few_rows_tell_nothing(rows: int) -> None:
    assert design_effect(np.arange(rows) % 2) == 1.0


def test_a_constant_has_none() -> None:
    assert design_effect(np.zeros(1_000, dtype=np.intp)) == 1.0
