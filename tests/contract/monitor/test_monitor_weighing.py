"""Density weights from a real child: what comes more often weighs more, odd columns do no harm."""

import numpy as np
import pytest

from services.monitor.adapters.event_log import prediction_rows
from services.monitor.adapters.weighing import coded
from services.monitor.adapters.weighing_process import WeighingProcess
from services.monitor.domain.errors import WeighingFailedError
from services.monitor.domain.rows import PredictionRows
from tests.fakes.monitor_entries import SIGNATURE, Columns, prediction_batch, sample
from understudy.profiles.columns import Column

pytestmark = pytest.mark.anyio

ROWS = 3_000
NAN = float("nan")


def live_rows(columns: Columns) -> list[PredictionRows]:
    return [prediction_rows(prediction_batch(columns))]


def baseline_rows() -> dict[str, Column]:
    found: dict[str, Column] = {}
    for name, values in sample(ROWS, seed=1).items():
        texts = [None if value is None else str(value) for value in values]
        found[name] = texts if name == "job" else np.array(values, dtype=float)
    return found


async def test_rows_whose_like_comes_more_often_weigh_more() -> None:
    live, baseline = live_rows(sample(ROWS, seed=2, shift=1.0)), baseline_rows()
    weights = await WeighingProcess().weights(SIGNATURE, live, baseline, 100.0)
    assert weights is not None
    assert weights.shape == (ROWS,)
    assert weights.mean() == pytest.approx(1.0)
    income = baseline["income"]
    assert isinstance(income, np.ndarray)
    assert np.average(income, weights=weights) == pytest.approx(115.0, abs=3.0)


async def test_alike_samples_and_odd_columns_have_no_weights() -> None:
    odd: Columns = {
        **sample(ROWS, seed=3),
        "children": [None] * ROWS,
        "owner": [float("inf")] * ROWS,
        "job": [None] * ROWS,
    }
    baseline: dict[str, Column] = {
        **baseline_rows(),
        "children": np.full(ROWS, NAN),
        "owner": np.full(ROWS, NAN),
        "job": [None] * ROWS,
    }
    assert await WeighingProcess().weights(SIGNATURE, live_rows(odd), baseline, 100.0) is None


async def test_a_child_that_fails_or_takes_too_long_is_told_without_values() -> None:
    live, baseline = live_rows(sample(2)), baseline_rows()
    with pytest.raises(WeighingFailedError, match=r"not ready within 0.05 s"):
        await WeighingProcess().weights(SIGNATURE, live, baseline, 0.05)
    with pytest.raises(WeighingFailedError, match=r"^status 1: [\w.]+ at [\w.]+:\d+$"):
        await WeighingProcess().weights(SIGNATURE, live, {}, 100.0)


def test_rare_categories_share_a_code() -> None:
    live, baseline = coded(["a", "new", None], ["b", "a", "a", None])
    assert baseline[:3].tolist() == [1.0, 0.0, 0.0]
    assert live[:2].tolist() == [0.0, 2.0]
    assert np.isnan([live[2], baseline[3]]).all()
