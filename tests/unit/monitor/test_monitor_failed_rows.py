"""Rows that the main failed on, and rows told from elsewhere, as serving writes them."""

from pathlib import Path

import numpy as np
import pytest
from msgspec.structs import replace

from services.monitor.adapters.event_log import pair_rows, prediction_rows
from services.monitor.domain.accounting import Delivery, Positions, State, account
from tests.fakes.monitor_entries import (
    NOW,
    RULES,
    SIGNATURE,
    pair_batch,
    prediction_batch,
    reference_profile,
    sample,
)
from understudy.contracts.events import Scores, pack
from understudy.contracts.vocabulary import Role

NAN = float("nan")
FAILED = Scores(values=pack([NAN, NAN]), classes=SIGNATURE.target.classes)
"""An entry of failures alone says nothing of probabilities."""


def counted(folder: Path, delivery: Delivery) -> State:
    reference = reference_profile(folder)
    return State().after(account(State(), delivery, lambda _: reference, RULES, NOW))


def test_failures_are_errors_of_the_main_and_no_times(tmp_path: Path) -> None:
    answered = prediction_batch(sample(3))
    failed = replace(prediction_batch(sample(2), first_id=3), scores=FAILED)
    rows = tuple(prediction_rows(entry) for entry in (answered, failed))
    state = counted(tmp_path, Delivery(Positions("1-0"), rows))
    assert state.totals.predictions == {1: 5}
    assert sum(tally.rows for tally in state.totals.latency.values()) == 3
    (cell,) = state.cells.values()
    assert cell.rows == 5
    main = cell.outputs[Role.MAIN, 1]
    assert (main.rows, main.errors, sum(main.classes.values())) == (5, 2, 3)


def test_pairs_whose_main_failed_agree_in_nothing(tmp_path: Path) -> None:
    failed = replace(pair_batch([0.1, 0.1], [0.2, 0.8]), main_scores=FAILED)
    state = counted(tmp_path, Delivery(Positions("0-0", "1-0"), pairs=(pair_rows(failed),)))
    assert state.totals.pairs == {(2, "ok"): 2}
    (cell,) = state.cells.values()
    assert cell.outputs[Role.CHALLENGER, 2].errors == 0
    assert cell.agreements[1, 2].rows == 0


@pytest.mark.parametrize("seconds", [[0.25, NAN], [NAN, NAN]])
def test_rows_from_elsewhere_count_though_nobody_timed_them(
    tmp_path: Path, seconds: list[float]
) -> None:
    told = replace(prediction_batch(sample(2)), seconds=pack(seconds), elsewhere=True)
    state = counted(tmp_path, Delivery(Positions("1-0"), (prediction_rows(told),)))
    assert state.totals.predictions == {1: 2}
    timed = int(np.isfinite(seconds).sum())
    assert sum(tally.rows for tally in state.totals.latency.values()) == timed
