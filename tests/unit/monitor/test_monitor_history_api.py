"""History over HTTP: parts of the archive, and replays from their beginning to a judgement."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from fastapi import FastAPI
from prometheus_client import CollectorRegistry

from services.monitor.api.archive import archive_routes
from services.monitor.api.door import readable_by
from services.monitor.api.replays import replay_routes
from services.monitor.domain.outcomes.facts import Incoming
from services.monitor.domain.parts import EntryId, PartId, Stream
from services.monitor.domain.rows import LabelRows, PredictionRows, Responses
from services.monitor.metrics import MonitorMetrics
from services.monitor.operations import Monitoring, Sources
from services.monitor.operations.history import History
from services.monitor.operations.replaying import Replaying
from services.monitor.ports import Piece
from tests.fakes.labelled_rows import BINARY, DAY, START, terms
from tests.fakes.monitor import MemoryLog, MemoryReferences, MemoryStore, SnapshotShelf
from tests.fakes.monitor_archive import MemoryArchive
from tests.fakes.monitor_entries import (
    NAME,
    OUTSIDER,
    PREDICTOR,
    READER,
    RULES,
    bearer,
    deployment,
    snapshot,
)
from tests.fakes.outcomes import MemoryOutcomes
from understudy.contracts.registry import KeyRecord, Snapshot
from understudy.contracts.replays import ReplayView
from understudy.contracts.vocabulary import Scope
from understudy.runtime.following import Follower, SnapshotCache
from understudy.runtime.http import EXCEPTION_HANDLERS
from understudy.runtime.keys import make_key

pytestmark = pytest.mark.anyio

ARCHIVE = f"/v1/deployments/{NAME}/archive"
REPLAYS = f"/v1/deployments/{NAME}/replays"
BASE = 1_700_000_000_000
SINCE = datetime.fromtimestamp(START, UTC).isoformat()
UNTIL = datetime.fromtimestamp(START + 30 * DAY, UTC).isoformat()


OTHER, ADMIN = make_key(), make_key()


def told() -> Snapshot:
    """What the registry says, with another reader's key and an administrator's."""
    found = snapshot(deployment())
    more = (
        KeyRecord(id=OTHER.id, digest=OTHER.digest, scopes=(Scope.READ,), project="bank"),
        KeyRecord(id=ADMIN.id, digest=ADMIN.digest, scopes=(Scope.ADMIN,)),
    )
    return found.model_copy(update={"keys": (*found.keys, *more)})


@dataclass
class World:
    """What is behind the routes."""

    folder: Path

    def __post_init__(self) -> None:
        self.archive, self.outcomes = MemoryArchive(), MemoryOutcomes()
        self.follower = Follower(SnapshotShelf(told()), SnapshotCache(self.folder / "s.json"), 0.0)
        sources = Sources(
            log=MemoryLog(),
            store=MemoryStore(),
            outcomes=self.outcomes,
            references=MemoryReferences({}),
            metrics=MonitorMetrics(CollectorRegistry()),
            rules=RULES,
            clock=self.now,
        )
        self.monitoring = Monitoring(self.follower, sources)

    def now(self) -> float:
        return START + 30 * DAY

    def app(self, *, archived: bool = True) -> FastAPI:
        app = FastAPI(exception_handlers=dict(EXCEPTION_HANDLERS))
        readable = readable_by(self.monitoring)
        replaying = Replaying(self.outcomes, MemoryReferences({}), self.now)
        app.include_router(archive_routes(readable, History(self.archive if archived else None)))
        app.include_router(replay_routes(self.monitoring, replaying))
        return app

    async def keep(self, stream: Stream, milliseconds: int) -> PartId:
        first = EntryId(BASE + milliseconds, 0)
        part = PartId(NAME, stream, first, EntryId(first.milliseconds + 500, 0), 3)
        await self.archive.write(Piece(part, [(first, {})], 0))
        return part


@pytest.fixture
async def world(tmp_path: Path) -> World:
    made = World(tmp_path)
    await made.follower.step()
    return made


@pytest.fixture
async def http(world: World) -> AsyncIterator[httpx.AsyncClient]:
    async with client(world.app()) as found:
        yield found


def client(app: FastAPI, key: Any = READER) -> httpx.AsyncClient:
    transport = httpx.ASGITransport(app)
    return httpx.AsyncClient(
        transport=transport, base_url="http://monitor", headers=bearer(key) if key else {}
    )


def moment(milliseconds: int) -> str:
    return datetime.fromtimestamp((BASE + milliseconds) / 1_000, UTC).isoformat()


async def test_parts_are_listed_by_time_and_page(world: World, http: httpx.AsyncClient) -> None:
    parts = [await world.keep(Stream.PREDICTIONS, at) for at in range(0, 5_000, 1_000)]
    await world.keep(Stream.LABELS, 0)
    found = (await http.get(ARCHIVE)).json()
    assert [each["name"] for each in found["items"]] == [part.name for part in parts]
    assert found["items"][0]["begins"].startswith("2023-11-14T22:13:20")
    window = {"since": moment(1_400), "until": moment(3_000)}
    some = (await http.get(ARCHIVE, params=window)).json()["items"]
    assert [each["name"] for each in some] == [part.name for part in parts[1:3]]
    page = (await http.get(ARCHIVE, params={"limit": 2})).json()
    rest = (await http.get(ARCHIVE, params={"limit": 9, "cursor": page["next_cursor"]})).json()
    assert len(page["items"]) + len(rest["items"]) == 5
    assert rest["next_cursor"] is None


async def test_a_part_is_handed_out_but_no_protected_one(
    world: World, http: httpx.AsyncClient
) -> None:
    part, hidden = [await world.keep(s, 0) for s in (Stream.PREDICTIONS, Stream.PROTECTED)]
    got = await http.get(f"{ARCHIVE}/predictions/{part.name}")
    assert (got.status_code, got.content) == (200, str(part.first).encode())
    for path in (
        f"protected/{hidden.name}",
        "predictions/1-0_2-0_3.parquet",
        "predictions/..%2F..%2Fsecrets",
    ):
        assert (await http.get(f"{ARCHIVE}/{path}")).status_code in {404, 422}
    assert (await http.get(ARCHIVE, params={"stream": "protected"})).status_code == 422


async def test_who_may_not_read_sees_nothing(world: World) -> None:
    part = await world.keep(Stream.PREDICTIONS, 0)
    for key, status in ((None, 401), (PREDICTOR, 403), (OUTSIDER, 404)):
        async with client(world.app(), key) as http:
            for path in (ARCHIVE, f"{ARCHIVE}/predictions/{part.name}", REPLAYS):
                assert (await http.get(path)).status_code == status
            body = {"version": 2, "since": SINCE, "until": UNTIL}
            assert (await http.post(REPLAYS, json=body)).status_code == status


async def test_without_an_archive_it_says_so(world: World) -> None:
    async with client(world.app(archived=False)) as http:
        answer = await http.get(ARCHIVE)
    assert (answer.status_code, answer.json()["code"]) == (404, "nothing_archived")
    assert "UNDERSTUDY_MONITOR_ARCHIVE_URL" in answer.json()["detail"]


async def test_a_replay_from_beginning_to_judgement(world: World, http: httpx.AsyncClient) -> None:
    await world.outcomes.apply(history(400))
    begun = await http.post(REPLAYS, json={"version": 2, "since": SINCE, "until": UNTIL})
    assert begun.status_code == 201
    path = f"{REPLAYS}/{begun.json()['id']}"
    for sequence in range(2):
        ids = [f"p{row}" for row in range(200 * sequence, 200 * sequence + 200)]
        body = {
            "sequence": sequence,
            "ids": ids,
            "values": [1.0] * 199 + [None],
            "probabilities": [[0.1, 0.9]] * 199 + [None],
            "classes": ["no", "yes"],
        }
        told = await http.post(f"{path}/pairs", json=body)
        assert told.status_code == 200, told.text
    done = ReplayView.model_validate_json((await http.post(f"{path}/finish")).content)
    assert (done.rows, done.compared, done.unknown) == (400, 400, 0)
    assert done.judgement is not None
    assert done.judgement.replay
    assert done.judgement.comparisons[0].labels == 400
    assert (await http.get(path)).json() == done.model_dump(mode="json")
    listed = (await http.get(REPLAYS)).json()["items"]
    assert [each["id"] for each in listed] == [done.id]
    assert (await http.delete(path)).status_code == 204
    assert (await http.get(path)).status_code == 404


@pytest.mark.parametrize(
    "wrong",
    [
        {"values": [0.0]},
        {"values": [0.5, 0.0]},
        {"values": [2.0, 0.0]},
        {"probabilities": [[0.5, 0.5]]},
        {"probabilities": [[1.0], [1.0]]},
        {"sequence": -1},
        {"ids": []},
    ],
)
async def test_answers_that_do_not_fit_are_refused(
    http: httpx.AsyncClient, wrong: dict[str, object]
) -> None:
    begun = await http.post(REPLAYS, json={"version": 2, "since": SINCE, "until": UNTIL})
    body = {"sequence": 0, "ids": ["a", "b"], "values": [0.0, 1.0], "classes": ["no", "yes"]}
    answer = await http.post(f"{REPLAYS}/{begun.json()['id']}/pairs", json={**body, **wrong})
    assert answer.status_code == 422


async def test_a_replay_that_is_asked_for_again_is_begun_once(http: httpx.AsyncClient) -> None:
    asked = {"version": 2, "since": SINCE, "until": UNTIL}
    headers = {"Idempotency-Key": "3f1a0d4e-9d6b-4d53-8f6f-6f0a3f7f2b11"}
    first, again = [await http.post(REPLAYS, json=asked, headers=headers) for _ in range(2)]
    assert (first.status_code, again.status_code) == (201, 201)
    assert first.json() == again.json()
    other = await http.post(REPLAYS, json={**asked, "version": 1}, headers=headers)
    assert (other.status_code, other.json()["code"]) == (422, "idempotency_key_reused")


async def test_only_its_owner_or_an_admin_changes_a_replay(
    world: World,
) -> None:
    app = world.app()
    body = {"sequence": 0, "ids": ["a"], "values": [1.0], "classes": ["no", "yes"]}
    async with client(app) as mine, client(app, OTHER) as other, client(app, ADMIN) as admin:
        begun = await mine.post(REPLAYS, json={"version": 2, "since": SINCE, "until": UNTIL})
        path = f"{REPLAYS}/{begun.json()['id']}"
        for method, what in (("POST", "/pairs"), ("POST", "/finish"), ("DELETE", "")):
            refused = await other.request(method, path + what, json=body)
            assert (refused.status_code, refused.json()["code"]) == (403, "forbidden")
        assert (await mine.get(path)).json()["batches"] == 0
        assert [each["id"] for each in (await other.get(REPLAYS)).json()["items"]]
        assert (await mine.post(f"{path}/pairs", json=body)).status_code == 200
        assert (await admin.post(f"{path}/finish")).status_code == 200


async def test_a_replay_needs_a_span_of_time(http: httpx.AsyncClient) -> None:
    backwards = {"version": 2, "since": UNTIL, "until": SINCE}
    assert (await http.post(REPLAYS, json=backwards)).status_code == 422
    answer = await http.post(REPLAYS, json={"version": "two", "since": SINCE, "until": UNTIL})
    assert [one["pointer"] for one in answer.json()["errors"]] == ["/version"]
    assert (await http.post(REPLAYS, content="{")).json()["code"] == "malformed_request"
    assert (await http.get(f"{REPLAYS}/none")).json()["code"] == "unknown_replay"


def history(rows: int) -> Incoming:
    ids = [f"p{row}" for row in range(rows)]
    at = np.linspace(START, START + rows * 60.0, rows)
    yes = np.full(rows, 0.6)
    said = Responses(np.ones(rows), np.stack([1 - yes, yes], axis=1), ("no", "yes"))
    asked = PredictionRows(1, 1, ids, at, np.full(rows, np.nan), {}, said)
    received = tuple((at + 60.0).tolist())
    labels = LabelRows(tuple(ids), ("yes",) * rows, received, (None,) * rows, (None,) * rows)
    return Incoming(NAME, BINARY, terms(), (asked,), labels=(labels,))
