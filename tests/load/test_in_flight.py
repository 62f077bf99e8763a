"""A request that is being answered while its deployment gets another main version."""

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import aiohttp
import pytest
import redis
from sklearn.linear_model import LogisticRegression

from tests.chaos.bulk import until
from tests.chaos.flowers import Flowers, fitted, plant, row
from tests.chaos.unruly import GATED, TRUSTED, Gated
from tests.cluster import LaptopCluster, laptop_cluster
from tests.fakes.serving import entries
from understudy.contracts.events import PredictionBatch, decode_predictions, predictions_key
from understudy.contracts.registry import ReleaseRequest
from understudy.contracts.vocabulary import Component, ReleaseKind
from understudy.launch.settings import EXAMPLE_TYPES

OLD, NEW = 1, 2
ASKED_MEANWHILE: Final = 20
SECONDS: Final = 20.0


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[LaptopCluster]:
    settings = {
        "TRUSTED_TYPES": ",".join((*EXAMPLE_TYPES, *TRUSTED)),
        "SERVING_REQUEST_SECONDS": "60",
        "HEARTBEAT_SECONDS": "1",
    }
    with laptop_cluster(tmp_path, settings=settings) as running:
        yield running


@pytest.mark.timeout(240)
def test_a_request_finishes_on_the_release_that_it_began_with(cluster: LaptopCluster) -> None:
    gate = cluster.folder / "gate"
    models = {"old": fitted(Gated(str(gate))), "new": fitted(LogisticRegression(), 1)}
    flowers = plant(cluster, "gated", models)
    late, meanwhile = asyncio.run(story(flowers, gate))
    assert late == OLD
    assert meanwhile == [NEW] * ASKED_MEANWHILE
    logged = {name: (batch.release, batch.main) for batch in log(flowers) for name in batch.ids}
    assert logged["late"] == (1, OLD)
    assert [*logged.values()].count((2, NEW)) == ASKED_MEANWHILE


async def story(flowers: Flowers, gate: Path) -> tuple[int, list[int]]:
    """Which version answered the request that waits, and which those that came meanwhile."""
    headers = {"Authorization": f"Bearer {flowers.key}"}
    async with aiohttp.ClientSession(flowers.cluster.serving_url, headers=headers) as client:
        waiting = asyncio.create_task(ask(client, flowers, "late", GATED))
        await until(gate.with_name("gate.waits").exists, SECONDS, "the model to be asked")
        flowers.release(ReleaseRequest(kind=ReleaseKind.PROMOTE, version=NEW))
        await asyncio.to_thread(flowers.await_taken_up, Component.SERVING, seconds=SECONDS)
        found = [await ask(client, flowers, f"new-{n}", 1.0) for n in range(ASKED_MEANWHILE)]
        assert not waiting.done()
        await asyncio.to_thread(gate.touch)
        return await waiting, found


async def ask(
    client: aiohttp.ClientSession, flowers: Flowers, prediction_id: str, width: float
) -> int:
    path = f"/v1/deployments/{flowers.name}/predict"
    params = {"prediction_id": prediction_id}
    async with client.post(path, params=params, json=row(0, width)) as answer:
        body = await answer.json()
        assert answer.status == 200, body
        return int(body["model"]["version"])


def log(flowers: Flowers) -> list[PredictionBatch]:
    with redis.Redis.from_url(flowers.cluster.redis_url) as client:
        found = entries(client, predictions_key(flowers.name))
    return [decode_predictions(fields) for fields in found]
