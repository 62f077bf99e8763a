"""The Open Inference Protocol over HTTP, without a network."""

import gzip
import json
import struct
import zlib
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.fakes.dialects import MOST_BYTES, MOST_ROWS, DialectService
from tests.fakes.serving import UNLUCKY_WIDTH
from understudy.contracts.vocabulary import AccessLevel
from understudy.runtime.keys import make_key

pytestmark = pytest.mark.anyio

unhurried = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
INFER = "/v2/models/public/infer"
LENGTH = "Inference-Header-Content-Length"
FLAT = [2.0, 1.0, 8.0, 1.0]


def table(rows: int = 2, **members: Any) -> dict[str, Any]:
    data = FLAT[: 2 * rows]
    return {"name": "x", "shape": [rows, 2], "datatype": "FP64", "data": data, **members}


def column(name: str, *values: float, **members: Any) -> dict[str, Any]:
    told = {"name": name, "shape": [len(values)], "datatype": "FP32", "data": [*values]}
    return {**told, **members}


def binary(
    said: dict[str, Any], *tails: bytes, length: int | str | None = None
) -> tuple[bytes, dict[str, str]]:
    head = json.dumps(said).encode()
    told = len(head) if length is None else length
    return b"".join((head, *tails)), {LENGTH: str(told)}


def packed(*values: float) -> bytes:
    return struct.pack(f"<{len(values)}d", *values)


@pytest.fixture
async def service() -> DialectService:
    service = DialectService()
    await service.begin(*AccessLevel)
    return service


async def infer(service: DialectService, **said: Any) -> httpx.Response:
    return await service.ask("POST", INFER, json=said)


async def test_a_table_is_answered(service: DialectService) -> None:
    answer = await infer(service, id="a", inputs=[table()], model_name="ignored")
    assert answer.status_code == 200
    assert answer.json() == {
        "model_name": "public",
        "model_version": "1",
        "id": "a",
        "outputs": [
            {
                "name": "prediction",
                "datatype": "BYTES",
                "shape": [2],
                "data": ["setosa", "virginica"],
            },
            {
                "name": "probabilities",
                "datatype": "FP64",
                "shape": [2, 2],
                "data": pytest.approx([0.8, 0.2, 0.2, 0.8]),
            },
        ],
    }
    assert answer.headers["X-Model-Version"] == "1"
    assert [*service.log.answered[0].ids] == ["a.0", "a.1"]


async def test_a_tensor_for_each_feature_is_answered(service: DialectService) -> None:
    answer = await infer(service, inputs=[column("width", 1.0), column("length", 8.0)])
    assert answer.json()["outputs"][0]["data"] == ["virginica"]
    assert answer.json()["id"] == answer.headers["X-Prediction-ID"]


async def test_one_prediction_has_the_id_of_the_request(service: DialectService) -> None:
    answer = await infer(service, id="order-7", inputs=[table(1)])
    assert (answer.json()["id"], answer.headers["X-Prediction-ID"]) == ("order-7", "order-7")


async def test_an_id_that_is_none_of_ours_is_echoed_all_the_same(service: DialectService) -> None:
    answer = await infer(service, id="é !", inputs=[table()])
    told = answer.json()
    assert told["id"] == "é !"
    assert [*service.log.answered[0].ids] == [
        f"{told['parameters']['prediction_id']}.{row}" for row in range(2)
    ]


async def test_outputs_are_chosen(service: DialectService) -> None:
    answer = await infer(service, inputs=[table()], outputs=[{"name": "probabilities"}])
    assert [one["name"] for one in answer.json()["outputs"]] == ["probabilities"]
    refused = await infer(service, inputs=[table()], outputs=[{"name": "scores"}])
    assert refused.status_code == 422
    assert "there are prediction, probabilities" in refused.json()["error"]
    assert refused.json()["errors"][0]["pointer"] == "/outputs/0/name"


async def test_classification_is_not_offered(service: DialectService) -> None:
    outputs = [{"name": "probabilities", "parameters": {"classification": 2}}]
    refused = await infer(service, inputs=[table()], outputs=outputs)
    assert refused.status_code == 422
    assert "not offered" in refused.json()["error"]


async def test_tensors_go_both_ways_in_binary(service: DialectService) -> None:
    inputs = [table(data=None, parameters={"binary_data_size": 32})]
    body, headers = binary(
        {"inputs": inputs, "parameters": {"binary_data_output": True}}, packed(*FLAT)
    )
    answer = await service.ask("POST", INFER, content=body, headers=headers)
    assert answer.headers["Content-Type"] == "application/octet-stream"
    length = int(answer.headers[LENGTH])
    prediction, probabilities = json.loads(answer.content[:length])["outputs"]
    tail = answer.content[length:]
    assert prediction["parameters"] == {"binary_data_size": len(tail) - 32}
    assert tail[:-32] == b"\x06\x00\x00\x00setosa\x09\x00\x00\x00virginica"
    assert struct.unpack("<4d", tail[-32:]) == pytest.approx((0.8, 0.2, 0.2, 0.8))
    assert probabilities["parameters"] == {"binary_data_size": 32}


async def test_some_tensors_may_be_binary_and_others_not(service: DialectService) -> None:
    width = column("width", 1.0, data=None, parameters={"binary_data_size": 4})
    said = {
        "inputs": [width, column("length", 8.0)],
        "outputs": [
            {"name": "probabilities", "parameters": {"binary_data": True}},
            {"name": "prediction"},
        ],
    }
    body, headers = binary(said, struct.pack("<f", 1.0))
    answer = await service.ask("POST", INFER, content=body, headers=headers)
    length = int(answer.headers[LENGTH])
    probabilities, prediction = json.loads(answer.content[:length])["outputs"]
    assert prediction["data"] == ["virginica"]
    assert "data" not in probabilities
    assert len(answer.content) == length + 16


@pytest.mark.parametrize("encoding", ["gzip", "deflate"])
async def test_bodies_may_be_packed(service: DialectService, encoding: str) -> None:
    body = json.dumps({"inputs": [table()]}).encode()
    content = gzip.compress(body, mtime=0) if encoding == "gzip" else zlib.compress(body)
    headers = {"Content-Encoding": encoding}
    answer = await service.ask("POST", INFER, content=content, headers=headers)
    assert answer.status_code == 200


@pytest.mark.parametrize(
    ("encoding", "content", "status"),
    [
        ("gzip", gzip.compress(bytes(10_000_000), mtime=0), 413),
        ("gzip", gzip.compress(b"{}", mtime=0)[:-3], 400),
        ("gzip", gzip.compress(b"{}", mtime=0) + b"{}", 400),
        ("gzip", b"{}", 400),
        ("deflate", b"\x78", 400),
        ("br", b"{}", 415),
        ("gzip, gzip", b"{}", 415),
    ],
)
async def test_packed_bodies_that_are_refused(
    service: DialectService, encoding: str, content: bytes, status: int
) -> None:
    assert len(content) < 10 * MOST_BYTES
    headers = {"Content-Encoding": encoding}
    # What is longer than the limit is refused unread: a bomb must be short.
    content = (
        content if len(content) <= MOST_BYTES else gzip.compress(bytes(MOST_BYTES + 1), mtime=0)
    )
    answer = await service.ask("POST", INFER, content=content, headers=headers)
    assert (answer.status_code, "error" in answer.json()) == (status, True)


ONE = {**table(1), "data": None}
SIZED = {"parameters": {"binary_data_size": 16}}
GOOD = packed(2.0, 1.0)


@pytest.mark.parametrize(
    ("one", "tail", "length", "why"),
    [
        ({**ONE, **SIZED}, GOOD, "9999", "is 9999, but the body has"),
        ({**ONE, **SIZED}, GOOD, "-1", "must be a whole number"),
        ({**ONE, **SIZED}, GOOD, "x", "must be a whole number"),
        ({**ONE, **SIZED}, GOOD, "²", "must be a whole number"),
        ({**ONE, **SIZED}, GOOD, "0", "without JSON"),
        ({**ONE, **SIZED}, GOOD, "3", "not JSON"),
        ({**ONE, **SIZED}, GOOD[:-1], None, "is 16, but 15 bytes of the body are left"),
        ({**ONE, **SIZED}, GOOD + b"!", None, "1 bytes at the end of the body"),
        ({**ONE, "parameters": {"binary_data_size": -1}}, GOOD, None, "whole number of bytes"),
        ({**ONE, "parameters": {"binary_data_size": 2**80}}, GOOD, None, "16 bytes of the body"),
        ({**ONE, "parameters": {"binary_data_size": "16"}}, GOOD, None, "whole number of bytes"),
        ({**ONE, "parameters": {"binary_data_size": 8}}, GOOD[:8], None, "16 bytes; there are 8"),
        ({**ONE, **SIZED, "shape": [2**60, 2]}, GOOD, None, "there are 16"),
        ({**ONE, **SIZED, "shape": [-1, -2]}, GOOD, None, "at least 0"),
        ({**ONE, **SIZED, "data": [1.0, 2.0]}, GOOD, None, "send one of them"),
        (ONE, GOOD, None, "16 bytes at the end of the body"),
    ],
)
async def test_binary_tensors_that_lie_are_refused(
    service: DialectService, one: dict[str, Any], tail: bytes, length: str | None, why: str
) -> None:
    said = {"inputs": [one]}
    if one is ONE:
        said = {"inputs": [table(1)]}
    body, headers = binary(said, tail, length=length)
    sent = {LENGTH: headers[LENGTH].encode()}
    answer = await service.ask("POST", INFER, content=body, headers=sent)
    assert answer.status_code == 400
    assert why in answer.json()["error"]
    assert answer.headers["Content-Type"] == "application/json"


@pytest.mark.parametrize(
    ("said", "status", "why"),
    [
        ([], 400, "no object"),
        ({}, 400, "/inputs must be a list"),
        ({"inputs": []}, 400, "/inputs must be a list"),
        ({"inputs": [1]}, 400, "/inputs/0 must be an object"),
        ({"inputs": [{}]}, 400, "/inputs/0/name is missing"),
        ({"inputs": [table(name=1)]}, 400, "/inputs/0/name must be a text"),
        ({"inputs": [table(shape=None)]}, 400, "/inputs/0/shape must be a list"),
        ({"inputs": [table(shape=[2, 10**30])]}, 400, "at least 0"),
        ({"inputs": [table(shape=[2**40, 2])]}, 400, "data holds 4"),
        ({"inputs": [table(datatype="FLOAT")]}, 400, "datatype must be one of"),
        ({"inputs": [table(datatype=None)]}, 400, "datatype must be one of"),
        ({"inputs": [table(data=None)]}, 400, "data must be a list"),
        ({"inputs": [table(data={})]}, 400, "data must be a list"),
        ({"inputs": [table(parameters=[])]}, 400, "/inputs/0/parameters must be an object"),
        ({"inputs": [table()], "parameters": 1}, 400, "/parameters must be an object"),
        ({"inputs": [table()], "id": 7}, 400, "/id must be a text"),
        ({"inputs": [table()], "outputs": {}}, 400, "/outputs must be a list"),
        ({"inputs": [table()], "outputs": [1]}, 400, "/outputs/0 must be an object"),
        ({"inputs": [table()], "outputs": [{}]}, 422, "there is no output"),
        ({"inputs": [column("length", 1.0)]}, 422, "width: is missing"),
        ({"inputs": [table(), column("length", 1.0)]}, 422, "x: is no feature"),
        ({"inputs": [table(shape=[0, 2], data=[])]}, 422, "there are no rows"),
        (
            {"inputs": [table(shape=[MOST_ROWS + 1, 2], data=[1.0] * 2 * (MOST_ROWS + 1))]},
            413,
            "at most 5",
        ),
        ({"inputs": [table(parameters={"shared_memory_region": "a"})]}, 501, "shared memory"),
        ({"inputs": [table()], "parameters": {"sequence_id": 1}}, 501, "no state"),
    ],
)
async def test_what_is_wrong_is_said(
    service: DialectService, said: Any, status: int, why: str
) -> None:
    answer = await service.ask("POST", INFER, json=said)
    assert answer.status_code == status
    assert why in answer.json()["error"]


@pytest.mark.parametrize(
    ("inputs", "pointer"),
    [
        ([table(data=[1.0, 1.0, 1.0, 11.0])], "/inputs/0/data/3"),
        ([table(data=[[1.0, 1.0], [1.0, 11.0]])], "/inputs/0/data/1/1"),
        ([column("width", 1.0, 11.0), column("length", 1.0, 1.0)], "/inputs/0/data/1"),
        (
            [column("width", 1.0), column("length", 11.0, shape=[1, 1], data=[[11.0]])],
            "/inputs/1/data/0/0",
        ),
    ],
)
async def test_a_value_that_is_not_legal_is_pointed_at(
    service: DialectService, inputs: list[Any], pointer: str
) -> None:
    refused = await infer(service, inputs=inputs)
    assert refused.status_code == 422
    assert [error["pointer"] for error in refused.json()["errors"]] == [pointer]
    assert "between 0 and 10; got 11" in refused.json()["error"]


async def test_json_that_is_none_is_malformed(service: DialectService) -> None:
    for content in (b"", b"{", b'{"inputs": NaN}', b'{"id": "a", "id": "b"}', b"\xff", b"[" * 900):
        answer = await service.ask("POST", INFER, content=content)
        assert (answer.status_code, "error" in answer.json()) == (400, True), content


async def test_a_model_that_fails_is_no_fault_of_the_caller(service: DialectService) -> None:
    refused = await infer(service, inputs=[column("length", 1.0), column("width", UNLUCKY_WIDTH)])
    assert (refused.status_code, refused.json()["code"]) == (500, "scoring_failed")


async def test_versions_are_those_there_are(service: DialectService) -> None:
    said = {"inputs": [table()]}
    found = await service.ask("POST", "/v2/models/public/versions/1/infer", json=said)
    assert found.status_code == 200
    for version in ("2", "01", "x", "1.0", "-1", "9" * 500):
        path = f"/v2/models/public/versions/{version}"
        assert (await service.ask("POST", f"{path}/infer", json=said)).status_code == 404
        for suffix in ("", "/ready", "/config", "/stats"):
            assert (await service.ask("GET", f"{path}{suffix}")).status_code == 404


GET = ["", "/ready", "/config", "/stats", "/versions/1", "/versions/1/ready", "/versions/1/stats"]


@pytest.mark.parametrize("suffix", GET)
async def test_models_are_told_to_those_who_reach_them(
    service: DialectService, suffix: str
) -> None:
    answer = await service.ask("GET", f"/v2/models/public{suffix}")
    assert (answer.status_code, answer.headers["Cache-Control"]) == (200, "private, no-cache")
    path = f"/v2/models/project{suffix}"
    assert (await service.ask("GET", path)).status_code == 401
    assert (await service.ask("GET", path, key=make_key())).status_code == 401
    assert (await service.ask("GET", path, key=service.foreign)).status_code == 404
    assert (await service.ask("GET", path, key=service.key)).status_code == 200
    assert (await service.ask("GET", f"/v2/models/no{suffix}", key=service.key)).status_code == 404


async def test_inference_is_for_those_who_may_ask(service: DialectService) -> None:
    for path in ("/v2/models/project/infer", "/v2/models/project/versions/1/infer"):
        said = {"inputs": [table()]}
        assert (await service.ask("POST", path, json=said)).status_code == 401
        assert (await service.ask("POST", path, content=b"?")).status_code == 401
        assert (await service.ask("POST", path, json=said, key=service.foreign)).status_code == 404
        assert (await service.ask("POST", path, json=said, key=service.key)).status_code == 200
    refusals = {"deployment": "project", "code": "unauthenticated", "status": "401"}
    assert service.numbers.get_sample_value("understudy_refusals_total", refusals) == 4


async def test_lists_hold_what_the_caller_reaches(service: DialectService) -> None:
    found = await service.ask("POST", "/v2/repository/index")
    assert found.json() == [{"name": "public", "version": "1", "state": "READY", "reason": ""}]
    everything = ["instance", "project", "public"]
    found = await service.ask("POST", "/v2/repository/index", key=service.key, json={"ready": True})
    assert [one["name"] for one in found.json()] == everything
    assert (await service.ask("GET", "/v2/models", key=service.key)).json()["models"] == everything
    found = await service.ask("GET", "/v2/models/stats", key=service.foreign)
    assert [one["name"] for one in found.json()["model_stats"]] == ["instance", "public"]
    refused = await service.ask("POST", "/v2/repository/index", content=b"[]")
    assert refused.status_code == 400


@pytest.mark.parametrize("path", ["/v2", "/v2/", "/v2/models", "/v2/models/stats"])
async def test_the_server_tells_of_itself_where_something_is_public(path: str) -> None:
    service = DialectService()
    await service.begin(AccessLevel.PROJECT)
    assert (await service.ask("GET", path)).status_code == 401
    assert (await service.ask("GET", path, key=make_key())).status_code == 401
    assert (await service.ask("GET", path, key=service.key)).status_code == 200
    await service.begin(AccessLevel.PUBLIC)
    assert (await service.ask("GET", path)).status_code == 200


async def test_the_server_is_described(service: DialectService) -> None:
    told = (await service.ask("GET", "/v2")).json()
    assert told["name"] == "understudy"
    assert "binary_tensor_data" in told["extensions"]


async def test_models_are_described(service: DialectService) -> None:
    metadata = (await service.ask("GET", "/v2/models/public")).json()
    assert metadata == {
        "name": "public",
        "versions": ["1"],
        "platform": "understudy_sklearn",
        "inputs": [
            {"name": "length", "datatype": "FP64", "shape": [-1]},
            {"name": "width", "datatype": "FP64", "shape": [-1]},
        ],
        "outputs": [
            {"name": "prediction", "datatype": "BYTES", "shape": [-1]},
            {"name": "probabilities", "datatype": "FP64", "shape": [-1, 2]},
        ],
    }
    config = (await service.ask("GET", "/v2/models/public/config")).json()
    assert [one["data_type"] for one in config["output"]] == ["TYPE_STRING", "TYPE_FP64"]
    assert config["max_batch_size"] == 0


async def test_statistics_count_what_was_answered(service: DialectService) -> None:
    for rows in (1, 2):
        assert (await infer(service, inputs=[table(rows)])).status_code == 200
    await infer(service, inputs=[column("length", 1.0), column("width", UNLUCKY_WIDTH)])
    service.metrics.publish()
    (told,) = (await service.ask("GET", "/v2/models/public/stats")).json()["model_stats"]
    assert (told["version"], told["inference_count"], told["execution_count"]) == ("1", 3, 2)
    assert told["inference_stats"]["success"]["count"] == 2
    assert told["inference_stats"]["success"]["ns"] > 0
    assert told["inference_stats"]["fail"]["count"] == 1


@pytest.mark.parametrize(
    "path",
    [
        "/v2/repository/models/public/load",
        "/v2/repository/models/public/unload",
        "/v2/systemsharedmemory/status",
        "/v2/cudasharedmemory/region/a/register",
        "/v2/trace/setting",
        "/v2/models/public/trace/setting",
        "/v2/logging",
    ],
)
async def test_what_there_is_none_of_is_told(service: DialectService, path: str) -> None:
    for method in ("GET", "POST"):
        refused = await service.ask(method, path)
        assert refused.status_code == 501
        assert refused.json()["error"].endswith(".")
        assert (await service.ask(method, path, key=make_key())).status_code == 401


async def test_other_paths_and_methods_are_none(service: DialectService) -> None:
    assert (await service.ask("GET", "/v2/nothing")).status_code == 404
    refused = await service.ask("GET", INFER)
    assert (refused.status_code, refused.headers["Allow"]) == (405, "POST")
    assert "error" in refused.json()


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=9),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(
                [
                    "inputs",
                    "outputs",
                    "name",
                    "shape",
                    "datatype",
                    "data",
                    "parameters",
                    "id",
                    "binary_data_size",
                    "binary_data",
                    "classification",
                    "x",
                ]
            ),
            inner,
            max_size=5,
        )
    ),
    max_leaves=20,
)
INPUTS = st.fixed_dictionaries(
    {
        "name": st.sampled_from(["length", "width", "x"]),
        "shape": st.lists(st.integers(-1, 4), max_size=3) | JSON,
        "datatype": st.sampled_from(["FP32", "INT8", "BYTES", "BOOL", "FP64"]) | JSON,
    },
    optional={
        "data": st.lists(st.floats(0, 12) | st.text(max_size=2) | st.booleans(), max_size=8) | JSON,
        "parameters": st.fixed_dictionaries({"binary_data_size": st.integers(-1, 40)}) | JSON,
    },
)
SAID = JSON | st.fixed_dictionaries(
    {"inputs": st.lists(INPUTS, max_size=3)}, optional={"outputs": JSON, "id": JSON}
)


@unhurried
@given(SAID, st.binary(max_size=40), st.none() | st.integers(-3, 3), st.sampled_from(["", "gzip"]))
async def test_nothing_that_is_sent_is_a_failure_of_ours(
    said: Any, tail: bytes, off: int | None, encoding: str
) -> None:
    service = DialectService()
    await service.begin(AccessLevel.PUBLIC)
    head = json.dumps(said).encode()
    body = head + tail
    headers = {} if off is None else {LENGTH: str(len(head) + off)}
    if encoding:
        headers["Content-Encoding"] = encoding
        body = gzip.compress(body, mtime=0)
    answer = await service.ask("POST", INFER, content=body, headers=headers)
    assert answer.status_code in {200, 400, 413, 422, 501}
    assert answer.status_code == 200 or answer.json()["error"]
