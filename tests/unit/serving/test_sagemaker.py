"""SageMaker's runtime: JSON and CSV in and out, and the inference id."""

from typing import Any

import pytest

from tests.fakes.dialects import DialectService
from understudy.contracts.vocabulary import AccessLevel

pytestmark = pytest.mark.anyio

PATH = "/endpoints/public/invocations"
ROWS = [{"length": 1.0, "width": 2.0}, {"length": 9.0, "width": 2.0}]
TOLD = ["setosa", "virginica"]
CSV = {"Content-Type": "text/csv"}


@pytest.fixture
async def service() -> DialectService:
    found = DialectService()
    await found.begin(*AccessLevel)
    return found


async def test_one_row_is_answered_like_plain_json(service: DialectService) -> None:
    plain = await service.ask("POST", "/v1/deployments/public/predict", json=ROWS[0])
    answer = await service.ask(
        "POST", PATH, json=ROWS[0], headers={"X-Amzn-SageMaker-Inference-Id": "mine"}
    )
    assert answer.json() == {**plain.json(), "prediction_id": "mine"}
    assert answer.headers["X-Prediction-ID"] == "mine"
    assert answer.headers["x-Amzn-Invoked-Production-Variant"] == "1"
    assert answer.headers["content-type"] == "application/json"


@pytest.mark.parametrize("body", [ROWS, {"instances": ROWS}, [[1.0, 2.0], [9.0, 2.0]]])
async def test_many_rows_are_answered_like_plain_json(service: DialectService, body: Any) -> None:
    answer = await service.ask("POST", PATH, json=body)
    assert [one["prediction"] for one in answer.json()["predictions"]] == TOLD


async def test_the_inference_id_numbers_many(service: DialectService) -> None:
    named = {"X-Amzn-SageMaker-Inference-Id": "mine"}
    answer = await service.ask("POST", PATH, json=ROWS, headers=named)
    ids = [one["prediction_id"] for one in answer.json()["predictions"]]
    assert len({*ids}) == 2
    assert all(one.startswith("mine") for one in ids)


@pytest.mark.parametrize("body", [b"1,2\n9,2\n", b"width,length\r\n2,1\r\n2,9\r\n", b"1,2\n9,2"])
async def test_csv_needs_no_names_and_may_be_answered_as_csv(
    service: DialectService, body: bytes
) -> None:
    answer = await service.ask("POST", PATH, content=body, headers=CSV)
    assert [one["prediction"] for one in answer.json()["predictions"]] == TOLD
    answer = await service.ask("POST", PATH, content=body, headers={**CSV, "Accept": "text/csv"})
    assert answer.headers["content-type"].startswith("text/csv")
    assert answer.text == "setosa\nvirginica\n"


@pytest.mark.parametrize(
    ("body", "headers", "status"),
    [
        (b"1,2,3\n", CSV, 400),
        (b"", CSV, 400),
        (b"1,x\n", CSV, 422),
        (b"length,width\n", CSV, 422),
        (b"1,2\n" * 6, CSV, 413),
        (b"", {}, 400),
        (b"5", {}, 400),
        (b"{}", {}, 422),
        (b"[]", {}, 422),
        (b'{"instances": 5}', {}, 422),
        (b"<a/>", {"Content-Type": "text/xml"}, 415),
    ],
)
async def test_what_is_wrong_is_said(
    service: DialectService, body: bytes, headers: dict[str, str], status: int
) -> None:
    answer = await service.ask("POST", PATH, content=body, headers=headers)
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/json"
    told = answer.json()
    assert told["error"]
    assert told["message"] == told["error"]


async def test_a_variant_is_a_version(service: DialectService) -> None:
    for variant, status in (("1", 200), ("2", 404)):
        target = {"X-Amzn-SageMaker-Target-Variant": variant}
        answer = await service.ask("POST", PATH, json=ROWS[0], headers=target)
        assert answer.status_code == status


async def test_errors_point_into_the_body(service: DialectService) -> None:
    for body, pointer in (({"length": 1}, "/width"), ([[1, "x"]], "/0/1")):
        answer = await service.ask("POST", PATH, json=body)
        assert answer.json()["errors"][0]["pointer"] == pointer


async def test_what_others_own_looks_like_what_does_not_exist(service: DialectService) -> None:
    for name in ("project", "nothing"):
        path = f"/endpoints/{name}/invocations"
        assert (await service.ask("POST", path)).status_code == 401
        answer = await service.ask("POST", path, key=service.foreign, content=b"?")
        assert answer.status_code == 404
        words = f"There is no deployment {name!r} that this request may reach."
        assert answer.json()["error"] == words
        assert (await service.ask("GET", path)).status_code == 405
