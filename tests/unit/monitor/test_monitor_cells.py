"""Cells merge: any order and any split of the same rows gives the same counts."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.monitor.adapters.event_log import pair_rows, prediction_rows
from services.monitor.domain.accounting import Delivery, Positions, State, account
from services.monitor.domain.cells import Cell, CellId
from services.monitor.domain.rows import PairRows, PredictionRows
from tests.fakes.monitor_entries import (
    MINUTE,
    NOW,
    RULES,
    pair_batch,
    prediction_batch,
    reference_profile,
    sample,
)
from understudy.profiles.reference import Reference

ROWS = 40


@pytest.fixture(scope="module")
def reference(tmp_path_factory: pytest.TempPathFactory) -> Reference:
    return reference_profile(Path(tmp_path_factory.mktemp("reference")))


def all_rows() -> tuple[PredictionRows, PairRows]:
    rng = np.random.default_rng(5)
    main, other = rng.random(ROWS), rng.random(ROWS)
    main[3] = np.nan
    columns = {name: [*values] for name, values in sample(ROWS, seed=9).items()}
    columns["job"][0], columns["job"][1], columns["children"][2] = None, "juggler", None
    predictions = prediction_rows(prediction_batch(columns, probabilities=main.tolist()))
    outcomes = ["ok", "ok", "error", "timeout"] * (ROWS // 4)
    pairs = pair_rows(pair_batch(main.tolist(), other.tolist(), outcomes=outcomes))
    return predictions, pairs


def counted(deliveries: list[Delivery], reference: Reference) -> State:
    state = State()
    for delivery in deliveries:
        state = state.after(account(state, delivery, lambda _: reference, RULES, NOW))
    return state


def assert_same(left: State, right: State) -> None:
    assert left.totals.predictions == right.totals.predictions
    assert left.totals.pairs == right.totals.pairs
    assert left.cells.keys() == right.cells.keys()
    for name in left.cells:
        assert_same_cell(left.cells[name], right.cells[name])


def assert_same_cell(left: Cell, right: Cell) -> None:
    assert left.rows == right.rows
    assert left.counts.tolist() == right.counts.tolist()
    assert left.sums == pytest.approx(right.sums)
    assert left.outputs.keys() == right.outputs.keys()
    for speaker, tally in left.outputs.items():
        other = right.outputs[speaker]
        assert (tally.rows, tally.errors, tally.classes) == (
            other.rows,
            other.errors,
            other.classes,
        )
        assert tally.scores.tolist() == other.scores.tolist()
        assert tally.latency.counts.tolist() == other.latency.counts.tolist()
    for couple, held in left.agreements.items():
        assert held.difference == pytest.approx(right.agreements[couple].difference)
        assert (held.rows, held.agreed) == (
            right.agreements[couple].rows,
            right.agreements[couple].agreed,
        )


@settings(max_examples=40, deadline=None)
@given(order=st.permutations(range(ROWS)), cuts=st.sets(st.integers(1, ROWS - 1)))
def test_any_order_and_split_gives_the_same_cells(
    reference: Reference, order: list[int], cuts: set[int]
) -> None:
    predictions, pairs = all_rows()
    whole = counted([Delivery(Positions("1-0"), (predictions,), (pairs,))], reference)
    pieces = np.split(np.array(order), sorted(cuts))
    split = [
        Delivery(Positions(f"{number}-0"), (predictions.take(at),), (pairs.take(at),))
        for number, at in enumerate(pieces)
        if at.size < ROWS
    ]
    if split:
        assert_same(counted(split, reference), whole)


def test_entries_of_one_delivery_are_joined_without_a_trace(reference: Reference) -> None:
    predictions, pairs = all_rows()
    halves = np.split(np.arange(ROWS), 2)
    joined = Delivery(
        Positions("1-0"),
        tuple(predictions.take(half) for half in halves),
        tuple(pairs.take(half) for half in halves),
    )
    whole = Delivery(Positions("1-0"), (predictions,), (pairs,))
    assert_same(counted([joined], reference), counted([whole], reference))


def test_rows_go_to_the_minute_in_which_they_were_answered(reference: Reference) -> None:
    entries = [prediction_batch(sample(4), at=NOW - 60.0 * back) for back in (0, 1, 1, 5)]
    rows = tuple(prediction_rows(entry) for entry in entries)
    state = counted([Delivery(Positions("1-0"), rows)], reference)
    found = {name.minute: cell.rows for name, cell in state.cells.items()}
    assert found == {MINUTE: 4, MINUTE - 1: 8, MINUTE - 5: 4}


def test_late_rows_are_in_the_totals_and_said_to_be_late(reference: Reference) -> None:
    entries = [prediction_batch(sample(3), at=at) for at in (NOW - 7_200, NOW + 7_200, NOW)]
    rows = tuple(prediction_rows(entry) for entry in entries)
    state = counted([Delivery(Positions("1-0"), rows)], reference)
    assert (state.totals.predictions, state.totals.untimely) == ({1: 9}, 6)
    assert [cell.rows for cell in state.cells.values()] == [3]


def later(
    state: State,
    reference: Reference,
    minutes: int,
    *rows: PredictionRows,
    begun: Sequence[float] = (),
) -> State:
    now = NOW + 60.0 * minutes
    delivery = Delivery(Positions(f"{minutes}-0"), rows)
    return state.after(account(state, delivery, lambda _: reference, RULES, now, begun))


def test_minutes_beyond_the_retention_become_hours(reference: Reference) -> None:
    minutes = (0, 1, 59, 60)
    rows = [prediction_rows(prediction_batch(sample(2), at=NOW + 60.0 * m)) for m in minutes]
    state = State()
    for minute, answered in zip(minutes, rows, strict=True):
        state = later(state, reference, minute, answered)
    state = later(state, reference, RULES.retention_minutes + 59)
    hour = CellId(MINUTE - MINUTE % 60, reference.fingerprint, 60)
    found = {name: cell.rows for name, cell in state.cells.items()}
    assert found == {hour: 6, CellId(MINUTE + 60, reference.fingerprint): 2}
    assert state.totals.predictions == {1: 8}


def test_an_hour_in_which_something_began_stays_minutes_while_it_lasts(
    reference: Reference,
) -> None:
    state, began, fingerprint = State(), NOW + 60.0 * 30, reference.fingerprint
    for minute in (0, 59, 61):
        rows = prediction_rows(prediction_batch(sample(2), at=NOW + 60.0 * minute))
        state = later(state, reference, minute, rows, begun=[began])
    kept = later(state, reference, RULES.retention_minutes + 120, begun=[began])
    hour = CellId(MINUTE - MINUTE % 60, fingerprint, 60)
    next_hour = CellId(hour.minute + 60, fingerprint, 60)
    minutes = {CellId(MINUTE + at, fingerprint) for at in (0, 59)}
    assert {*kept.cells} == {*minutes, next_hour}
    over = later(kept, reference, RULES.retention_minutes + 121)
    assert {*over.cells} == {hour, next_hour}
    assert later(kept, reference, RULES.history_minutes + 240, begun=[began]).cells == {}


def test_hours_beyond_the_history_expire(reference: Reference) -> None:
    rows = prediction_rows(prediction_batch(sample(2)))
    state = later(State(), reference, 0, rows)
    state = later(state, reference, RULES.retention_minutes)
    assert [name.minutes for name in state.cells] == [60]
    assert later(state, reference, RULES.history_minutes - 1).cells.keys() == state.cells.keys()
    state = later(state, reference, RULES.history_minutes + 60)
    assert state.cells == {}
    assert state.totals.predictions == {1: 2}


def test_a_monitor_that_was_away_for_long_skips_the_hours(reference: Reference) -> None:
    state = later(State(), reference, 0, prediction_rows(prediction_batch(sample(2))))
    assert later(state, reference, RULES.history_minutes + 60).cells == {}


def test_state_is_never_altered(reference: Reference) -> None:
    rows = (prediction_rows(prediction_batch(sample(2))),)
    first = counted([Delivery(Positions("1-0"), rows)], reference)
    before = {name: cell.counts.copy() for name, cell in first.cells.items()}
    account(first, Delivery(Positions("2-0"), rows), lambda _: reference, RULES, NOW)
    assert all((first.cells[name].counts == counts).all() for name, counts in before.items())
