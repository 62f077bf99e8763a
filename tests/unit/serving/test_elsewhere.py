"""Predictions made elsewhere: what of them is taken, and what each refusal says."""

import json
import math
from collections.abc import AsyncIterator, Mapping
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest
from prometheus_client import CollectorRegistry
from starlette.applications import Starlette

from services.serving.api.routes import routes
from services.serving.metrics import ServingMetrics
from services.serving.operations import Elsewhere, Facts, Serving
from services.serving.operations.releases import Releases
from services.serving.operations.scoring import Limits
from tests.fakes.serving import ListLog, RuleLibrary, deployment, key_record, ruled
from understudy.contracts.registry import Snapshot
from understudy.contracts.vocabulary import AccessLevel, Scope
from understudy.runtime.http import EXCEPTION_HANDLERS
from understudy.runtime.keys import KeyRing, make_key

pytestmark = pytest.mark.anyio

NOW = 1_800_000_000.0
ROW = {"length": 1.0, "width": 2.0}
LIKELY = {"setosa": 0.25, "virginica": 0.75}
MAIN = {"prediction": "virginica", "probabilities": LIKELY, "seconds": 0.002}
OTHER = {"version": 2, "prediction": "setosa", "seconds": 0.003}
KEY, PREDICT_KEY, LABEL_KEY = make_key(), make_key(), make_key()


class World:
    """A deployment whose main is 3, its challengers 2 and 4, and 1 was main before."""

    def __init__(self) -> None:
        records = [
            key_record(KEY, Scope.PREDICT, Scope.LABEL),
            key_record(PREDICT_KEY, Scope.PREDICT),
            key_record(LABEL_KEY, Scope.LABEL),
        ]
        self.numbers = CollectorRegistry()
        metrics = ServingMetrics(self.numbers)
        self.log = ListLog()
        self.serving = Serving(
            keys=lambda: KeyRing(records), log=self.log, metrics=metrics, limits=Limits(5, 1, 1, 1)
        )
        self.releases = Releases(self.serving, RuleLibrary(), metrics, "here:1")
        facts = Facts(self.serving, self.log, metrics)
        elsewhere = Elsewhere(self.serving, self.log, metrics, clock=lambda: NOW)
        api = routes(self.serving, facts, elsewhere, 100_000)
        self._app = Starlette(routes=api, exception_handlers={**EXCEPTION_HANDLERS})

    async def begin(self) -> None:
        found = deployment(
            [ruled(number) for number in (1, 2, 3, 4)],
            name="flowers",
            release=7,
            main=3,
            challengers=(2, 4),
            previous_main=1,
            access=AccessLevel.PUBLIC,
        )
        assert await self.releases.take_up(Snapshot(sequence=1, deployments=(found,)))

    async def post(self, body: Any, key: str | None = KEY.plaintext) -> httpx.Response:
        transport = httpx.ASGITransport(app=self._app)
        async with httpx.AsyncClient(transport=transport, base_url="http://here") as client:
            return await client.post(
                "/v1/deployments/flowers/predictions",
                content=body if isinstance(body, str) else json.dumps(body),
                headers={} if key is None else {"X-API-Key": key},
            )

    async def tell(self, *items: Mapping[str, object]) -> list[dict[str, Any]]:
        answer = await self.post([*items])
        assert answer.status_code == 202, answer.text
        return answer.json()["results"]  # type: ignore[no-any-return]

    def number(self, role: str, status: str) -> float | None:
        labels = {"deployment": "flowers", "role": role, "status": status}
        return self.numbers.get_sample_value("understudy_told_predictions_total", labels)


@pytest.fixture
async def world() -> AsyncIterator[World]:
    world = World()
    await world.begin()
    yield world
    world.serving.close()


async def test_a_row_with_the_mains_answer_is_a_prediction_that_challengers_owe(
    world: World,
) -> None:
    (result,) = await world.tell({"row": ROW, "main": MAIN})
    assert result["status"] == "accepted"
    (row,) = world.log.rows
    assert row.prediction_id == result["prediction_id"]
    assert (row.at, row.version, row.challengers) == (NOW, 3, (2, 4))
    assert row.cells == (1.0, 2.0)
    assert (row.said.value, row.said.probabilities, row.said.seconds) == (1.0, (0.25, 0.75), 0.002)
    assert world.log.pairs == []
    assert world.number("main", "accepted") == 1


async def test_what_is_told_of_a_challenger_it_owes_no_more(world: World) -> None:
    item = {"prediction_id": "a", "row": ROW, "main": MAIN, "challengers": [OTHER]}
    assert await world.tell(item) == [{"prediction_id": "a", "status": "accepted"}]
    (row,), (pair,) = world.log.rows, world.log.pairs
    assert row.challengers == (4,)
    assert (pair.prediction_id, pair.main, pair.challenger, pair.at) == ("a", 3, 2, NOW)
    assert (pair.main_said, pair.challenger_said.value) == (row.said, 0.0)
    assert world.number("challenger", "accepted") == 1


async def test_challengers_alone_add_to_a_prediction_that_is_there(world: World) -> None:
    item = {"prediction_id": "a", "main": MAIN, "challengers": [OTHER, {**OTHER, "version": 4}]}
    assert [one["status"] for one in await world.tell(item)] == ["accepted"]
    assert world.log.rows == []
    assert [pair.challenger for pair in world.log.pairs] == [2, 4]


async def test_what_a_version_failed_on_is_told_too(world: World) -> None:
    failed = {"version": 2, "prediction": None, "error": "timeout"}
    await world.tell({"row": ROW, "main": {"prediction": None}, "challengers": [failed]})
    (row,), (pair,) = world.log.rows, world.log.pairs
    assert row.said.failed
    assert math.isnan(row.said.seconds)
    assert pair.challenger_said.failed
    assert pair.error == "timeout"


async def test_another_version_may_have_been_main_and_owes_nothing_to_itself(world: World) -> None:
    await world.tell({"row": ROW, "main": {**MAIN, "version": 2}})
    (row,) = world.log.rows
    assert (row.version, row.challengers) == (2, (4,))


async def test_rounded_probabilities_are_made_to_add_up(world: World) -> None:
    told = {"setosa": 0.333, "virginica": 0.6665}
    await world.tell({"row": ROW, "main": {**MAIN, "probabilities": told}})
    assert sum(world.log.rows[0].said.probabilities or ()) == pytest.approx(1.0, abs=1e-12)


async def test_times_are_kept(world: World) -> None:
    when = datetime.fromtimestamp(NOW - 86_400.0, UTC)
    await world.tell({"row": ROW, "main": MAIN, "at": when.isoformat()})
    assert world.log.rows[0].at == NOW - 86_400.0


def main(**changes: object) -> dict[str, object]:
    return {"row": ROW, "main": {**MAIN, **changes}}


def challengers(*told: object) -> dict[str, object]:
    return {"row": ROW, "main": MAIN, "challengers": [*told]}


def at(seconds: float) -> dict[str, object]:
    return {"row": ROW, "main": MAIN, "at": datetime.fromtimestamp(NOW + seconds, UTC).isoformat()}


@pytest.mark.parametrize(
    ("item", "words"),
    [
        ({"main": MAIN}, "prediction_id: is needed"),
        ({"main": MAIN, "prediction_id": "a"}, "row: is needed"),
        ({"main": MAIN, "prediction_id": "a b", "row": ROW}, "prediction_id: must match"),
        ({"main": MAIN, "prediction_id": "a" * 129, "row": ROW}, "prediction_id: must match"),
        ({"main": MAIN, "row": {}}, "row/length: "),
        ({"main": MAIN, "row": {**ROW, "length": "x"}}, "row/length: "),
        ({"main": MAIN, "row": {**ROW, "height": 1.0}}, "row/height: "),
        ({"main": MAIN, "row": {**ROW, "length": None}}, "row/length: "),
        ({"main": MAIN, "row": {**ROW, "length": 1e300}}, "row/length: "),
        (main(prediction="rose"), "main/prediction: must be one of"),
        (main(prediction=1), "main/prediction: must be one of"),
        (main(prediction=None), "main/probabilities: there are none"),
        (main(version=9), "main/version: 9 is no version"),
        (main(version=-1), "main/version: -1 is no version"),
        (main(probabilities={"setosa": 1.0}), "main/probabilities: must have one member"),
        (main(probabilities={"setosa": 0.5, "rose": 0.5}), "main/probabilities: must have one"),
        (main(probabilities={"setosa": 0.5, "virginica": 0.4}), "their sum must be 1"),
        (main(probabilities={"setosa": -0.5, "virginica": 1.5}), "from 0 to 1"),
        (main(probabilities={"setosa": 1e308, "virginica": 1e308}), "from 0 to 1"),
        (main(seconds=-1.0), "main/seconds: must be from 0 to a day"),
        (main(seconds=1e9), "main/seconds: must be from 0 to a day"),
        (at(301.0), "5 minutes in the future"),
        (at(-31 * 86_400.0), "30 days ago"),
        (challengers({**OTHER, "version": 1}), "challengers/0/version: 1 is no challenger"),
        (challengers({**OTHER, "version": 3}), "challengers/0/version: 3 is no challenger"),
        (challengers(OTHER, OTHER), "challengers/1/version: 2 is told twice"),
        (challengers({**OTHER, "prediction": "rose"}), "challengers/0/prediction: must be one of"),
        (challengers(*[OTHER] * 21), "challengers: at most 20"),
    ],
)
async def test_one_rows_mistake_is_its_own(
    world: World, item: dict[str, object], words: str
) -> None:
    refused, accepted = await world.tell(item, {"prediction_id": "good", "row": ROW, "main": MAIN})
    assert (refused["status"], accepted["status"]) == ("refused", "accepted")
    assert words in refused["message"]
    assert [row.prediction_id for row in world.log.rows] == ["good"]
    assert world.log.pairs == []


async def test_an_id_counts_once_in_a_request(world: World) -> None:
    item = {"prediction_id": "a", "row": ROW, "main": MAIN}
    first, second = await world.tell(item, item)
    assert first["status"] == "accepted"
    assert "repeats" in second["message"]
    assert len(world.log.rows) == 1


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({}, "/main"),
        ({"row": ROW, "main": {}}, "/main/prediction"),
        ({"row": ROW, "main": "virginica"}, "/main"),
        ({"row": [1.0, 2.0], "main": MAIN}, "/row"),
        ({"row": ROW, "main": MAIN, "challengers": OTHER}, "/challengers"),
        (
            {"row": ROW, "main": MAIN, "challengers": [{"prediction": "setosa"}]},
            "/challengers/0/version",
        ),
        (
            {"row": ROW, "main": MAIN, "challengers": [{**OTHER, "probabilities": {"a": "b"}}]},
            "/challengers/0/probabilities",
        ),
        ({"row": ROW, "main": MAIN, "role": "main"}, "/role"),
        ({"row": ROW, "main": MAIN, "at": "yesterday"}, "/at"),
        ({"row": ROW, "main": MAIN, "at": "2027-01-15T08:00:00"}, "/at"),
        ({"row": ROW, "main": MAIN, "prediction_id": 5}, "/prediction_id"),
        ({"row": ROW, "main": {**MAIN, "probabilites": LIKELY}}, "/main/probabilites"),
        ([{"row": ROW, "main": {**MAIN, "seconds": "soon"}}], "/0/main/seconds"),
        ([{"row": ROW, "main": {**MAIN, "prediction": ["setosa"]}}], "/0/main/prediction"),
        ([5], "/0"),
    ],
)
async def test_bodies_of_the_wrong_form_say_where(world: World, body: Any, pointer: str) -> None:
    answer = await world.post(body)
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_predictions")
    assert answer.json()["errors"][0]["pointer"] == pointer


async def test_what_is_no_json_or_too_much_is_refused_whole(world: World) -> None:
    assert (await world.post("{")).status_code == 400
    assert (await world.post('{"row": {"length": NaN}}')).status_code == 400
    assert (await world.post([{"row": ROW, "main": MAIN}] * 6)).status_code == 413
    assert (await world.post("1" * 100_001)).status_code == 413
    assert (await world.post([])).json() == {"results": []}
    assert world.log.rows == []


async def test_only_a_key_that_may_predict_tells(world: World) -> None:
    item = {"row": ROW, "main": MAIN}
    assert (await world.post(item, None)).status_code == 401
    assert (await world.post(item, LABEL_KEY.plaintext)).status_code == 403


async def test_what_may_decide_a_promotion_asks_for_the_scope_of_labels(world: World) -> None:
    alone = {"row": ROW, "main": MAIN}
    both = {"row": ROW, "main": MAIN, "challengers": [OTHER]}
    assert (await world.post(alone, PREDICT_KEY.plaintext)).status_code == 202
    answer = await world.post([alone, both], PREDICT_KEY.plaintext)
    assert (answer.status_code, answer.json()["code"]) == (403, "forbidden")
    assert "label" in answer.json()["detail"]
    assert len(world.log.rows) == 1


async def test_what_cant_be_logged_is_not_accepted(world: World) -> None:
    world.log.full = True
    good, bad = await world.tell({"row": ROW, "main": MAIN}, {"main": MAIN})
    assert "send it again" in good["message"]
    assert "is needed" in bad["message"]
    assert world.number("main", "refused") == 1
