"""MLflow's scoring protocol: its four forms and CSV, with and without a deployment in the path."""

from typing import Any

import pytest

from tests.fakes.dialects import DialectService
from understudy.contracts.vocabulary import AccessLevel

pytestmark = pytest.mark.anyio

ROWS = [{"length": 1.0, "width": 2.0}, {"length": 9.0, "width": 2.0}]
LISTS = [[1.0, 2.0], [9.0, 2.0]]
SPLIT = {"index": [0, 1], "columns": ["width", "length"], "data": [[2.0, 1.0], [2.0, 9.0]]}
TOLD = ["setosa", "virginica"]
CSV = b"width,length\n2,1\n2,9\n"
PATH = "/deployments/public/invocations"


@pytest.fixture
async def service() -> DialectService:
    found = DialectService()
    await found.begin(*AccessLevel)
    return found


@pytest.mark.parametrize(
    "body",
    [
        {"dataframe_split": SPLIT},
        {"dataframe_split": {"data": LISTS}},
        {"dataframe_records": ROWS},
        {"instances": ROWS},
        {"instances": LISTS},
        {"inputs": {"length": [1.0, 9.0], "width": [2.0, 2.0]}},
        {"inputs": LISTS, "params": {}},
        {"inputs": ROWS, "params": None},
    ],
)
async def test_each_form_is_answered_in_order(service: DialectService, body: Any) -> None:
    for kind in ("application/json", "application/json; charset=UTF-8"):
        answer = await service.ask("POST", PATH, json=body, headers={"Content-Type": kind})
        assert answer.status_code == 200, answer.text
        assert answer.json()["predictions"] == TOLD


async def test_an_object_of_single_values_is_one_row(service: DialectService) -> None:
    answer = await service.ask("POST", PATH, json={"inputs": ROWS[1]})
    assert answer.json()["predictions"] == ["virginica"]


async def test_csv_is_answered_in_order(service: DialectService) -> None:
    for kind in ("text/csv", "Text/CSV;charset=utf-8"):
        answer = await service.ask("POST", PATH, content=CSV, headers={"Content-Type": kind})
        assert answer.json()["predictions"] == TOLD


@pytest.mark.parametrize(
    "kind",
    ["application/xml", "text/plain", "text/csv; charset=latin-1", "application/json;charset="],
)
async def test_other_types_are_not_taken(service: DialectService, kind: str) -> None:
    answer = await service.ask("POST", PATH, content=CSV, headers={"Content-Type": kind})
    assert (answer.status_code, answer.json()["code"]) == (415, "media_type")
    assert answer.json()["error"]


@pytest.mark.parametrize(
    ("body", "status", "pointer"),
    [
        ([], 400, None),
        ({}, 400, None),
        ({"instances": ROWS, "inputs": ROWS}, 400, None),
        ({"dataframe_records": {"length": [1]}}, 400, "/dataframe_records"),
        ({"dataframe_records": [[1, 2]]}, 400, "/dataframe_records/0"),
        ({"dataframe_records": [{**ROWS[0], "width": "x"}]}, 422, "/dataframe_records/0/width"),
        ({"dataframe_split": []}, 400, "/dataframe_split"),
        ({"dataframe_split": {"columns": ["width"]}}, 400, "/dataframe_split/data"),
        ({"dataframe_split": {"columns": [1], "data": []}}, 400, "/dataframe_split/columns"),
        ({"dataframe_split": {"columns": ["a", "a"], "data": []}}, 400, "/dataframe_split/columns"),
        ({"dataframe_split": {"columns": ["length"], "data": [5]}}, 400, "/dataframe_split/data/0"),
        ({"dataframe_split": {**SPLIT, "data": [[1.0]]}}, 422, "/dataframe_split/data/0"),
        ({"dataframe_split": {**SPLIT, "data": [[1.0, None]]}}, 422, "/dataframe_split/data/0/1"),
        (
            {"dataframe_split": {"columns": ["width"], "data": [[1]]}},
            422,
            "/dataframe_split/data/0",
        ),
        ({"dataframe_split": {**SPLIT, "data": []}}, 422, "/dataframe_split/data"),
        ({"instances": ROWS, "params": {"top": 1}}, 422, "/params/top"),
        ({"instances": ROWS, "params": 1}, 422, "/params"),
        ({"dataframe_records": [*ROWS] * 3}, 413, None),
    ],
)
async def test_what_is_wrong_is_named_where_it_stands(
    service: DialectService, body: Any, status: int, pointer: str | None
) -> None:
    answer = await service.ask("POST", PATH, json=body)
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/json"
    told = answer.json()
    assert told["error"]
    assert [error["pointer"] for error in told.get("errors", [])][:1] == (
        [] if pointer is None else [pointer]
    )


async def test_too_many_lines_are_too_many_rows(service: DialectService) -> None:
    body = b"length,width\n" + b"1,2\n" * 6
    answer = await service.ask("POST", PATH, content=body, headers={"Content-Type": "text/csv"})
    assert (answer.status_code, answer.json()["code"]) == (413, "too_many_rows")


async def test_the_default_is_the_only_deployment_that_the_caller_reaches(
    service: DialectService,
) -> None:
    assert (await service.ask("POST", "/invocations", json={"inputs": LISTS})).status_code == 200
    answer = await service.ask("POST", "/invocations", json={"inputs": LISTS}, key=service.key)
    assert (answer.status_code, answer.json()["code"]) == (404, "no_default_deployment")
    assert "UNDERSTUDY_SERVING_DEFAULT_DEPLOYMENT" in answer.json()["error"]


async def test_the_default_may_be_chosen() -> None:
    service = DialectService("project")
    await service.begin(*AccessLevel)
    body = {"inputs": LISTS}
    for key, status in ((None, 401), (service.foreign, 404), (service.key, 200)):
        assert (await service.ask("POST", "/invocations", json=body, key=key)).status_code == status


async def test_where_nothing_is_public_a_key_is_asked_for() -> None:
    service = DialectService()
    await service.begin(AccessLevel.PROJECT)
    for method, path in (("POST", "/invocations"), ("GET", "/version")):
        answer = await service.ask(method, path)
        assert answer.status_code == 401
        assert answer.json()["error"]
    assert (await service.ask("GET", "/version", key=service.key)).status_code == 200
    found = await service.ask("POST", "/invocations", json={"inputs": LISTS}, key=service.key)
    assert found.json()["predictions"] == TOLD
    none = await service.ask("POST", "/invocations", json={"inputs": LISTS}, key=service.foreign)
    assert none.status_code == 404


@pytest.mark.parametrize("path", ["ping", "health", "version"])
async def test_a_deployment_may_be_asked_as_a_server_of_its_own(
    service: DialectService, path: str
) -> None:
    assert (await service.ask("GET", f"/deployments/public/{path}")).status_code == 200
    if path != "version":
        answer = await service.ask("GET", f"/deployments/project/{path}", key=service.foreign)
        assert answer.status_code == 404
        assert answer.json()["error"]


async def test_what_others_own_looks_like_what_does_not_exist(service: DialectService) -> None:
    for name in ("project", "nothing"):
        path = f"/deployments/{name}/invocations"
        assert (await service.ask("POST", path)).status_code == 401
        answer = await service.ask("POST", path, key=service.foreign, content=b"?")
        assert answer.status_code == 404
        words = f"There is no deployment {name!r} that this request may reach."
        assert answer.json()["error"] == words
