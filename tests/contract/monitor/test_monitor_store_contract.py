"""The fake store keeps what the real one keeps, and refuses what the real one refuses."""

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest
from redis.asyncio import Redis

from services.monitor.adapters.cell_codec import (
    UnknownStateError,
    decode_cell,
    decode_totals,
    encode_cell,
)
from services.monitor.adapters.cell_store import RedisCellStore, cells_key
from services.monitor.adapters.event_log import label_rows, pair_rows, prediction_rows
from services.monitor.domain.accounting import (
    Change,
    Delivery,
    Positions,
    State,
    account,
)
from services.monitor.domain.cells import CellId, empty_cell
from services.monitor.domain.errors import LabelsElsewhereError
from services.monitor.ports import CellStore
from tests.fakes.monitor import MemoryStore
from tests.fakes.monitor_entries import (
    NAME,
    NOW,
    RULES,
    label_batch,
    pair_batch,
    prediction_batch,
    reference_profile,
    sample,
)
from understudy.contracts.events import monitor_positions_key
from understudy.profiles.reference import Reference

pytestmark = pytest.mark.anyio

OUTCOMES = "0" * 32


@pytest.fixture(params=["memory", "redis"])
async def store(request: pytest.FixtureRequest, redis_url: str) -> AsyncIterator[CellStore]:
    if request.param == "memory":
        yield MemoryStore()
        return
    async with Redis.from_url(redis_url) as client:
        yield RedisCellStore(client)


@pytest.fixture(scope="module")
def reference(tmp_path_factory: pytest.TempPathFactory) -> Reference:
    return reference_profile(Path(tmp_path_factory.mktemp("reference")))


def change_from(state: State, reference: Reference, step: int, now: float = NOW) -> Change:
    delivery = Delivery(
        Positions(f"{step}-1", f"{step}-2", f"{step}-3"),
        (prediction_rows(prediction_batch(sample(7), at=now)),),
        (pair_rows(pair_batch([0.9, 0.1], [0.2, 0.3], at=now, outcomes=["ok", "error"])),),
        (label_rows(label_batch(3)),),
        malformed=1,
    )
    return account(state, delivery, lambda _: reference, RULES, now)


def counted(state: State) -> object:
    """A state without its arrays' identity."""
    cells = {name: encode_cell(cell) for name, cell in sorted(state.cells.items())}
    latency = {s: (t.counts.tolist(), t.seconds) for s, t in state.totals.latency.items()}
    return state.positions, replace(state.totals, latency={}), latency, cells


async def test_nothing_is_stored_at_first(store: CellStore) -> None:
    assert await store.load(NAME) == State()
    assert await store.positions(NAME) == Positions()


async def test_what_was_committed_is_loaded(store: CellStore, reference: Reference) -> None:
    state = State()
    for step, now in enumerate((NOW, NOW + 60, NOW + 61), start=1):
        change = change_from(state, reference, step, now)
        assert await store.commit(NAME, change, OUTCOMES)
        state = state.after(change)
    assert counted(await store.load(NAME)) == counted(state)
    assert await store.positions(NAME) == Positions("3-1", "3-2", "3-3")
    assert state.totals.predictions == {1: 21}


async def test_a_change_is_applied_once(store: CellStore, reference: Reference) -> None:
    change = change_from(State(), reference, 1)
    assert await store.commit(NAME, change, OUTCOMES)
    held = counted(await store.load(NAME))
    assert not await store.commit(NAME, change, OUTCOMES)
    assert not await store.commit(NAME, change_from(State(), reference, 2), OUTCOMES)
    assert counted(await store.load(NAME)) == held


async def test_deployments_are_kept_apart(store: CellStore, reference: Reference) -> None:
    assert await store.commit(NAME, change_from(State(), reference, 1), OUTCOMES)
    assert await store.load("churn") == State()
    assert await store.commit("churn", change_from(State(), reference, 1), OUTCOMES)


async def test_expired_cells_go_into_their_hours(store: CellStore, reference: Reference) -> None:
    first = change_from(State(), reference, 1)
    assert await store.commit(NAME, first, OUTCOMES)
    later = NOW + 3_600.0 * 2
    change = change_from(State().after(first), reference, 2, later)
    assert await store.commit(NAME, change, OUTCOMES)
    held = await store.load(NAME)
    assert sorted((name.minute, name.minutes) for name in held.cells) == [
        (int(NOW // 3_600) * 60, 60),
        (int(later // 60), 1),
    ]
    assert counted(held) == counted(State().after(first).after(change))


async def test_entities_are_kept(store: CellStore, reference: Reference) -> None:
    by_job = replace(reference, entity="job")
    assert await store.commit(NAME, change_from(State(), by_job, 1), OUTCOMES)
    (cell,) = (await store.load(NAME)).cells.values()
    assert cell.firsts is not None
    assert (cell.rows, cell.firsts.cell.rows, cell.firsts.known.size) == (7, 3, 3)


async def test_labels_stay_in_one_outcome_store(store: CellStore, reference: Reference) -> None:
    first = change_from(State(), reference, 1)
    assert await store.outcomes(NAME) is None
    assert await store.commit(NAME, first, OUTCOMES)
    assert await store.outcomes(NAME) == OUTCOMES
    held = counted(await store.load(NAME))
    second = change_from(State().after(first), reference, 2)
    with pytest.raises(LabelsElsewhereError, match=f"in the outcome store {OUTCOMES}, not in"):
        await store.commit(NAME, second, "1" * 32)
    assert counted(await store.load(NAME)) == held
    assert await store.commit("churn", first, "1" * 32)
    assert await store.commit(NAME, second, OUTCOMES)


async def test_many_cells_fit_in_one_commit(store: CellStore, reference: Reference) -> None:
    cells = {CellId(minute, "f" * 16): empty_cell(reference) for minute in range(1_440)}
    change = replace(change_from(State(), reference, 1), cells=cells)
    assert await store.commit(NAME, change, OUTCOMES)
    assert len((await store.load(NAME)).cells) == 1_440


async def test_an_emptied_server_refuses_what_goes_on_from_before(
    redis_url: str, reference: Reference
) -> None:
    async with Redis.from_url(redis_url) as client:
        store = RedisCellStore(client)
        first = change_from(State(), reference, 1)
        assert await store.commit(NAME, first, OUTCOMES)
        await client.flushall()
        assert not await store.commit(
            NAME, change_from(State().after(first), reference, 2), OUTCOMES
        )
        assert await store.load(NAME) == State()


def test_keys_of_a_deployment_share_a_shard() -> None:
    assert monitor_positions_key(NAME) == f"understudy:{{{NAME}}}:monitor:positions"
    assert cells_key(NAME).startswith(f"understudy:{{{NAME}}}:monitor:")


@pytest.mark.parametrize("data", [b"", b"\xc1", b"\x93\x02\x00\x00"])
def test_state_of_another_form_is_refused_by_name(data: bytes) -> None:
    for decode in (decode_cell, decode_totals):
        with pytest.raises(UnknownStateError):
            decode(data)
