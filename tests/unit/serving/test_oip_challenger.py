"""A challenger addressed by its version: for those who may read what challengers answer."""

import asyncio
from typing import Any

import httpx
import pytest
from msgspec import structs
from prometheus_client import CollectorRegistry
from starlette.applications import Starlette

from services.serving.api.routes import routes
from services.serving.metrics import ServingMetrics
from services.serving.operations import Elsewhere, Facts, Serving
from services.serving.operations.challenged import Challenged
from services.serving.operations.models import Models
from services.serving.operations.releases import Releases
from services.serving.operations.scoring import Limits
from tests.fakes.pairs import ListPairs, pairs_of
from tests.fakes.serving import ListLog, RuleLibrary, deployment, key_record, ruled
from understudy.contracts.events import pack
from understudy.contracts.registry import Snapshot
from understudy.contracts.vocabulary import AccessLevel, Outcome, Scope
from understudy.runtime.http import EXCEPTION_HANDLERS
from understudy.runtime.keys import KeyRing, NewKey, make_key

pytestmark = pytest.mark.anyio

LATE_SECONDS = 0.2
PREDICTS, READS, ALL, FOREIGN = (make_key() for _ in range(4))
RECORDS = [
    key_record(PREDICTS, Scope.PREDICT),
    key_record(READS, Scope.READ, Scope.PREDICT),
    key_record(ALL, Scope.ADMIN),
    key_record(FOREIGN, Scope.ADMIN, project="elsewhere"),
]
VERSION = "/v2/models/flowers/versions/2"
TWO_ROWS = {
    "id": "a",
    "inputs": [{"name": "x", "shape": [2, 2], "datatype": "FP64", "data": [2.0, 1.0, 8.0, 1.0]}],
}


class World:
    def __init__(self) -> None:
        self.log, self.pairs, ring = ListLog(), ListPairs(), KeyRing(RECORDS)
        metrics = ServingMetrics(CollectorRegistry())
        serving = Serving(
            keys=lambda: ring, log=self.log, metrics=metrics, limits=Limits(5, 0.002, 1, 1)
        )
        facts, elsewhere = Facts(serving, self.log, metrics), Elsewhere(serving, self.log, metrics)
        models = Models(serving, challenged=Challenged(self.pairs, LATE_SECONDS))
        api = routes(serving, facts, elsewhere, 10_000, models=models)
        self.app = Starlette(routes=api, exception_handlers={**EXCEPTION_HANDLERS})
        self.releases = Releases(serving, RuleLibrary(), metrics, "here:1")

    async def ask(
        self, path: str, key: NewKey | None, said: dict[str, Any] | None = None
    ) -> httpx.Response:
        headers = {} if key is None else {"X-API-Key": key.plaintext}
        transport = httpx.ASGITransport(app=self.app)
        async with httpx.AsyncClient(transport=transport, base_url="http://here") as client:
            if said is None:
                return await client.get(path, headers=headers)
            return await client.post(path, headers=headers, json=said)

    async def answer(self, *batches: Any) -> None:
        """A challenger that reads the log."""
        while not self.log.answered:  # noqa: ASYNC110 - the log is no event
            await asyncio.sleep(0.001)
        at = self.log.answered[-1].at
        self.pairs.entries += [
            batch and structs.replace(batch, at=pack([at] * len(batch.ids))) for batch in batches
        ]


@pytest.fixture
async def world() -> World:
    world = World()
    versions = [ruled(1), ruled(2)]
    levels = (("flowers", AccessLevel.PUBLIC), ("orchids", AccessLevel.PROJECT))
    found = tuple(
        deployment(versions, name=name, access=access, challengers=(2,)) for name, access in levels
    )
    await world.releases.take_up(Snapshot(sequence=1, deployments=found))
    return world


async def test_its_answer_comes_from_the_pairs_of_the_same_rows(world: World) -> None:
    before = pairs_of(["a.0", "a.1"], [0.0, 0.0], [1.0, 0.0, 1.0, 0.0])
    world.pairs.entries.append(before)
    another = pairs_of(["a.0", "a.1"], [0.0, 0.0], [1.0, 0.0, 1.0, 0.0], challenger=3)
    first = pairs_of(["z", "a.1"], [1.0, 0.0], [0.0, 1.0, 0.75, 0.25])
    second = pairs_of(["a.0"], [1.0], [0.125, 0.875])
    answering = asyncio.create_task(world.answer(another, None, first, second))
    found = await world.ask(f"{VERSION}/infer", READS, TWO_ROWS)
    await answering
    told = found.json()
    assert (found.status_code, told["id"], told["model_version"]) == (200, "a", "2")
    assert [one["data"] for one in told["outputs"]] == [
        ["virginica", "setosa"],
        [0.125, 0.875, 0.75, 0.25],
    ]
    assert found.headers["X-Model-Version"] == "2"
    # The main was asked as by anybody, and once.
    assert [[*answered.ids] for answered in world.log.answered] == [["a.0", "a.1"]]


@pytest.mark.parametrize("key", [None, PREDICTS, FOREIGN], ids=["nobody", "predicts", "foreign"])
@pytest.mark.parametrize("suffix", ["", "/ready", "/config", "/stats", "/infer"])
async def test_to_others_it_is_as_if_there_were_none(
    world: World, key: NewKey | None, suffix: str
) -> None:
    said = TWO_ROWS if suffix == "/infer" else None
    found = await world.ask(f"{VERSION}{suffix}", key, said)
    unknown = await world.ask(f"/v2/models/flowers/versions/7{suffix}", key, said)
    assert found.status_code == unknown.status_code == 404
    told = {name: value for name, value in found.json().items() if name != "instance"}
    assert str(told).replace("'2'", "'7'") == str(
        {name: value for name, value in unknown.json().items() if name != "instance"}
    )
    assert not world.log.answered


@pytest.mark.parametrize("key", [READS, ALL], ids=["reads", "admin"])
async def test_those_who_may_read_are_told_of_it(world: World, key: NewKey) -> None:
    for suffix in ("", "/ready", "/config", "/stats"):
        assert (await world.ask(f"{VERSION}{suffix}", key)).status_code == 200
    assert (await world.ask("/v2/models/flowers", key)).json()["versions"] == ["1", "2"]
    assert (await world.ask("/v2/models/flowers", None)).json()["versions"] == ["1"]


async def test_one_that_does_not_answer_in_time_is_told(world: World) -> None:
    found = await world.ask(f"{VERSION}/infer", READS, TWO_ROWS)
    assert (found.status_code, found.json()["code"]) == (504, "challenger_late")
    assert len(world.log.answered) == 1


async def test_one_that_failed_is_told(world: World) -> None:
    nan = float("nan")
    failed = pairs_of(["a.0", "a.1"], [nan, nan], outcome=Outcome.ERROR)
    answering = asyncio.create_task(world.answer(failed))
    found = await world.ask(f"{VERSION}/infer", READS, TWO_ROWS)
    await answering
    assert (found.status_code, found.json()["code"]) == (500, "scoring_failed")
    assert "prediction a.0: error" in found.json()["detail"]


async def test_without_redis_the_main_is_not_asked(world: World) -> None:
    world.pairs.away = True
    found = await world.ask(f"{VERSION}/infer", READS, TWO_ROWS)
    assert (found.status_code, found.json()["code"]) == (503, "pairs_unavailable")
    assert not world.log.answered


async def test_rows_that_are_refused_are_refused_as_ever(world: World) -> None:
    found = await world.ask(f"{VERSION}/infer", READS, {"inputs": []})
    assert found.status_code == 400
