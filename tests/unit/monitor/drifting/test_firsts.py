"""The first row of each entity in a minute: bounded, and the same however the log is cut."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.monitor.adapters.event_log import prediction_rows
from services.monitor.domain.accounting import Delivery, Positions, State, account
from services.monitor.domain.cells import Firsts
from tests.fakes.monitor_entries import (
    NOW,
    RULES,
    SIGNATURE,
    prediction_batch,
    reference_file,
    sample,
)
from understudy.profiles.firsts import entity_hashes, first_of_minute, newcomers
from understudy.profiles.reading import read_reference
from understudy.profiles.reference import Reference
from understudy.profiles.sample_times import Ordering

ROWS = 30


@pytest.fixture(scope="module")
def by_children(tmp_path_factory: pytest.TempPathFactory) -> Reference:
    path = Path(tmp_path_factory.mktemp("reference")) / "reference.parquet"
    path.write_bytes(reference_file())
    return read_reference(path, SIGNATURE, 10_000, Ordering(None, "children"))


def counted(reference: Reference, cuts: list[int], *, restarted: bool = False) -> Firsts:
    rows = prediction_rows(prediction_batch(sample(ROWS)))
    state = State()
    for number, at in enumerate(np.split(np.arange(ROWS), cuts)):
        delivery = Delivery(Positions(f"{number}-1"), (rows.take(at),))
        state = state.after(account(state, delivery, lambda _: reference, RULES, NOW))
        state = State(state.positions, state.totals, dict(state.cells)) if restarted else state
    (cell,) = state.cells.values()
    assert cell.rows == ROWS
    assert cell.firsts is not None
    return cell.firsts


@settings(max_examples=30, deadline=None)
@given(cuts=st.sets(st.integers(1, ROWS - 1)))
def test_how_the_log_is_cut_is_nothing(by_children: Reference, cuts: set[int]) -> None:
    whole, cut = counted(by_children, []), counted(by_children, sorted(cuts), restarted=True)
    assert whole.cell.rows == cut.cell.rows == len(set(sample(ROWS)["children"]))
    assert whole.cell.counts.tolist() == cut.cell.counts.tolist()
    assert whole.known.tolist() == cut.known.tolist()


def test_entities_are_forgotten_when_their_minute_is_long_over(by_children: Reference) -> None:
    rows = prediction_rows(prediction_batch(sample(ROWS)))
    state = State()
    for number, now in enumerate((NOW, NOW + 60.0 * 11)):
        delivery = Delivery(Positions(f"{number}-1"), (rows,) * (1 - number))
        state = state.after(account(state, delivery, lambda _: by_children, RULES, now))
    (cell,) = state.cells.values()
    assert cell.firsts is not None
    assert (cell.firsts.known.size, cell.firsts.cell.rows) == (0, 4)


def test_entities_are_bounded() -> None:
    hashes = entity_hashes(["a", "b", "a", None, "c", "d"])
    rows, known = newcomers(hashes, np.zeros(0, dtype=np.uint64), most=3)
    assert (rows.tolist(), known.size) == ([0, 1, 3], 3)
    rows, known = newcomers(hashes, known, most=3)
    assert (rows.tolist(), known.size) == ([], 3)


def test_names_have_the_same_hash_in_every_process() -> None:
    assert entity_hashes(["a", None]).tolist() == [
        2531987156634737762,
        13020603013274838756,
    ]
    assert entity_hashes(np.array([1.0, 1.0])).tolist() == [4_607_182_418_800_017_408] * 2


def test_of_a_sample_the_first_of_each_minute() -> None:
    at = np.array([0.0, 10.0, 20.0, 60.0, 61.0])
    assert first_of_minute(["a", "a", "b", "a", "a"], at).tolist() == [0, 2, 3]
