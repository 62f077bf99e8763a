"""Where alerts are kept: the fake does what Redis does."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest
from redis.asyncio import Redis

from services.monitor.adapters.alert_store import RedisAlertStore, alerts_key
from services.monitor.domain.deciding.alerts import KEPT_SECONDS, Alert, AlertBook
from services.monitor.domain.errors import AlertsUnavailableError
from services.monitor.ports import AlertStore
from tests.conftest import free_port
from tests.fakes.monitor import MemoryAlerts
from tests.fakes.monitor_entries import NAME

pytestmark = pytest.mark.anyio

FIRES = Alert(
    name="Burn",
    version="2",
    fingerprint="f00d",
    starts_at=1_800_000_000.25,
    first_told_at=1_800_000_030.0,
    told_at=1_800_000_330.0,
    summary="5 % of requests fail – über",
    labels={"alertname": "Burn", "version": "2"},
    told_by="key:0123456789ab",
)
ENDED = replace(FIRES, fingerprint="beef", ended_at=1_800_000_300.0)


@pytest.fixture(params=["memory", "redis"])
async def store(request: pytest.FixtureRequest) -> AsyncIterator[AlertStore]:
    if request.param == "memory":
        yield MemoryAlerts()
        return
    async with Redis.from_url(request.getfixturevalue("redis_url")) as client:
        yield RedisAlertStore(client)


async def test_nothing_is_there_at_first(store: AlertStore) -> None:
    assert await store.load(NAME) == AlertBook()


async def test_what_was_kept_is_found_again(store: AlertStore) -> None:
    assert await store.commit(NAME, AlertBook(0, (FIRES, ENDED)))
    assert await store.load(NAME) == AlertBook(1, (FIRES, ENDED))
    assert await store.load("other") == AlertBook()


async def test_a_change_of_what_has_changed_meanwhile_is_refused(store: AlertStore) -> None:
    assert await store.commit(NAME, AlertBook(0, (FIRES,)))
    assert not await store.commit(NAME, AlertBook(0, (ENDED,)))
    assert await store.load(NAME) == AlertBook(1, (FIRES,))


async def test_of_many_who_change_the_same_one_does(store: AlertStore) -> None:
    changes = [AlertBook(0, (replace(FIRES, fingerprint=f"{n}"),)) for n in range(20)]
    done = await asyncio.gather(*(store.commit(NAME, change) for change in changes))
    assert sum(done) == 1
    (kept,) = (await store.load(NAME)).alerts
    assert done[int(kept.fingerprint)]


async def test_they_go_by_themselves_and_another_shape_is_none(redis_url: str) -> None:
    async with Redis.from_url(redis_url) as client:
        store = RedisAlertStore(client)
        await store.commit(NAME, AlertBook(0, (FIRES,)))
        assert 0 < await client.ttl(alerts_key(NAME)) <= KEPT_SECONDS
        for shape in (b"\x93\x01", b"\x91\x91\xa4Burn", b"never msgpack"):
            await client.hset(alerts_key(NAME), mapping={"alerts": shape})
            assert await store.load(NAME) == AlertBook(1, ())
        assert await store.commit(NAME, AlertBook(1, (FIRES,)))


async def test_without_redis_it_says_so() -> None:
    async with Redis.from_url(f"redis://127.0.0.1:{free_port()}") as client:
        store = RedisAlertStore(client)
        with pytest.raises(AlertsUnavailableError):
            await store.load(NAME)
        with pytest.raises(AlertsUnavailableError):
            await store.commit(NAME, AlertBook(0, (FIRES,)))
