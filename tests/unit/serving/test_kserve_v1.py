"""The v1 protocol: rows in every form, errors in its words, names for those who may know them."""

from typing import Any

import httpx
import pytest

from tests.fakes.dialects import DialectService
from understudy.contracts.vocabulary import AccessLevel

pytestmark = pytest.mark.anyio

ROWS = [{"length": 1.0, "width": 2.0}, {"length": 9.0, "width": 2.0}]
LISTS = [[1.0, 2.0], [9.0, 2.0]]
TOLD = ["setosa", "virginica"]


@pytest.fixture
async def service() -> DialectService:
    found = DialectService()
    await found.begin(*AccessLevel)
    return found


async def predict(service: DialectService, body: Any, model: str = "public") -> httpx.Response:
    return await service.ask("POST", f"/v1/models/{model}:predict", json=body)


@pytest.mark.parametrize(
    "body",
    [
        {"instances": ROWS},
        {"instances": LISTS},
        {"instances": [ROWS[0], LISTS[1]]},
        {"instances": ROWS, "signature_name": "serving_default"},
        {"instances": ROWS, "signature_name": None, "parameters": {}},
    ],
)
async def test_instances_are_answered_in_order(service: DialectService, body: Any) -> None:
    answer = await predict(service, body)
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["X-Model-Version"] == "1"
    told = answer.json()
    assert told["predictions"] == TOLD
    assert len(set(told["prediction_ids"])) == 2


@pytest.mark.parametrize(
    "inputs",
    [
        {"length": [1.0, 9.0], "width": [2, 2]},
        {"width": [[2.0], [2.0]], "length": [[1.0], [9.0]]},
        LISTS,
    ],
)
async def test_columns_are_answered_as_outputs(service: DialectService, inputs: Any) -> None:
    assert (await predict(service, {"inputs": inputs})).json()["outputs"] == TOLD


async def test_the_request_id_names_a_single_prediction(service: DialectService) -> None:
    answer = await service.ask(
        "POST",
        "/v1/models/public:predict",
        json={"instances": ROWS[:1]},
        headers={"X-Request-ID": "mine"},
    )
    assert answer.headers["X-Prediction-ID"] == "mine"
    assert answer.json()["prediction_ids"] == ["mine"]


@pytest.mark.parametrize(
    ("body", "status", "pointer"),
    [
        ([], 400, None),
        ({}, 400, None),
        ({"instances": ROWS, "inputs": ROWS}, 400, None),
        ({"instances": {"length": 1}}, 400, "/instances"),
        ({"instances": ROWS, "signature_name": "other"}, 400, "/signature_name"),
        ({"instances": []}, 422, "/instances"),
        ({"instances": [1.0]}, 422, "/instances/0"),
        ({"instances": [ROWS[0], [1.0]]}, 422, "/instances/1"),
        ({"instances": [[1.0, 2.0], [1.0, "x"]]}, 422, "/instances/1/1"),
        ({"instances": [{"length": 1.0}]}, 422, "/instances/0/width"),
        ({"instances": [{**ROWS[0], "a/b": 1}]}, 422, "/instances/0/a~1b"),
        ({"instances": [[1.0, [2.0]]]}, 422, "/instances/0/1"),
        ({"inputs": {}}, 400, "/inputs"),
        ({"inputs": {"length": [1.0], "width": 2.0}}, 400, "/inputs/width"),
        ({"inputs": {"length": [1.0], "width": [2.0, 3.0]}}, 422, "/inputs/width"),
        ({"inputs": {"length": [1.0, 99.0], "width": [2.0, 2.0]}}, 422, "/inputs/length/1"),
        ({"inputs": {"length": [1.0]}}, 422, "/inputs/width/0"),
        ({"instances": [*ROWS] * 3}, 413, None),
    ],
)
async def test_what_is_wrong_is_named_where_it_stands(
    service: DialectService, body: Any, status: int, pointer: str | None
) -> None:
    answer = await predict(service, body)
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/json"
    told = answer.json()
    assert told["error"]
    assert [error["pointer"] for error in told.get("errors", [])][:1] == (
        [] if pointer is None else [pointer]
    )


@pytest.mark.parametrize("body", [b"", b"?", b'{"instances": [NaN]}', b"[" * 1_000, b"\xff"])
async def test_what_is_no_json_is_malformed(service: DialectService, body: bytes) -> None:
    answer = await service.ask("POST", "/v1/models/public:predict", content=body)
    assert answer.status_code == 400


async def test_models_are_listed_and_described_for_those_who_reach_them(
    service: DialectService,
) -> None:
    async def names(key: Any) -> Any:
        return (await service.ask("GET", "/v1/models", key=key)).json()["models"]

    assert await names(None) == ["public"]
    assert await names(service.foreign) == ["instance", "public"]
    assert await names(service.key) == ["instance", "project", "public"]
    ready = await service.ask("GET", "/v1/models/project", key=service.key)
    assert ready.json() == {"name": "project", "ready": True}
    assert (await service.ask("PUT", "/v1/models/public")).status_code == 405


async def test_where_nothing_is_public_there_is_no_list_without_a_key() -> None:
    service = DialectService()
    await service.begin(AccessLevel.PROJECT)
    assert (await service.ask("GET", "/v1/models")).status_code == 401
    assert (await service.ask("GET", "/v1/models", key=service.foreign)).json() == {"models": []}


@pytest.mark.parametrize(
    ("method", "verb"), [("GET", ""), ("POST", ":predict"), ("POST", ":explain")]
)
async def test_what_others_own_looks_like_what_does_not_exist(
    service: DialectService, method: str, verb: str
) -> None:
    for model in ("project", "nothing"):
        path = f"/v1/models/{model}{verb}"
        assert (await service.ask(method, path)).status_code == 401
        answer = await service.ask(method, path, key=service.foreign, content=b"?")
        assert answer.status_code == 404
        words = f"There is no deployment {model!r} that this request may reach."
        assert answer.json()["error"] == words


async def test_a_version_may_be_named(service: DialectService) -> None:
    path = "/v1/models/public/versions"
    answer = await service.ask("POST", f"{path}/1:predict", json={"instances": ROWS})
    assert answer.json()["predictions"] == TOLD
    assert (await service.ask("GET", f"{path}/1")).json()["ready"] is True
    for method, verb in (("GET", ""), ("POST", ":predict")):
        answer = await service.ask(method, f"{path}/2{verb}")
        assert (answer.status_code, answer.json()["code"]) == (404, "unknown_version")


async def test_explanations_are_to_come(service: DialectService) -> None:
    answer = await service.ask("POST", "/v1/models/public:explain", json={"instances": ROWS})
    assert (answer.status_code, answer.json()["code"]) == (501, "explain_not_available")
