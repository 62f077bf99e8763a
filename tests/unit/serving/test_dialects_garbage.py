"""Whatever is sent to a dialect, it is the sender's fault, and said so in the dialect's words."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.fakes.dialects import DialectService
from understudy.contracts.vocabulary import AccessLevel

pytestmark = pytest.mark.anyio

V1 = "/v1/models/public:predict"
MLFLOW = "/deployments/public/invocations"
SAGEMAKER = "/endpoints/public/invocations"
PREVISION = "/v1/deployments/public/prevision/predict"
PATHS = [V1, MLFLOW, SAGEMAKER, PREVISION]
CSV_PATHS = [MLFLOW, SAGEMAKER]
REFUSED = {400, 413, 422}

MEMBERS = (
    *("instances", "inputs", "dataframe_split", "dataframe_records", "params", "signature_name"),
    *("columns", "data", "index", "length", "width", "a/b"),
)
LEAVES = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(0, 12)
    | st.floats(allow_nan=False)
    | st.sampled_from(["length", "width", "", "1"])
)
JSON = st.recursive(
    LEAVES,
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(MEMBERS), inner, max_size=4)
    ),
    max_leaves=20,
)
CELLS = st.sampled_from(
    ["1", "2.5", "", "x", "length", "width", '"', '"a"', "\n", "\r\n", ",", ";"]
)

BODIES = [
    b"",
    b" ",
    b"null",
    b'{"instances": [[1, 2]], "instances": [[3, 4]]}',
    b'{"instances": [[NaN, 2]]}',
    b'{"instances": [[1e999, 2]]}',
    b'{"instances": "\xff\xfe"}',
    b'{"instances": ' + b"[" * 900 + b"]" * 900 + b"}",
    b'{"inputs": ' * 150 + b"{}" + b"}" * 150,
    b'{"instances": [' + b"1," * 900 + b"1]}",
    b'{"inputs": {"length": [' + b"1," * 900 + b"1]}}",
    b'{"dataframe_split": {"columns": [], "data": [[],[]]}}',
    b'{"dataframe_records": [' + b"{}," * 500 + b"{}]}",
    b"1" * 3_000,
]


async def serving() -> DialectService:
    service = DialectService()
    await service.begin(AccessLevel.PUBLIC)
    return service


@pytest.mark.parametrize("body", BODIES)
@pytest.mark.parametrize("path", PATHS)
async def test_bodies_that_mean_harm_are_refused(path: str, body: bytes) -> None:
    service = await serving()
    answer = await service.ask("POST", path, content=body)
    assert answer.status_code in REFUSED, answer.text
    said = answer.json()
    assert said["detail"] if path == PREVISION else said["error"]
    assert "Traceback" not in answer.text
    assert service.log.answered == []


@given(JSON, st.sampled_from(PATHS))
async def test_no_json_is_a_failure_of_ours(said: Any, path: str) -> None:
    answer = await (await serving()).ask("POST", path, content=json.dumps(said).encode())
    assert answer.status_code in {200, *REFUSED}, answer.text


@given(st.lists(CELLS).map("".join).map(str.encode) | st.binary(), st.sampled_from(CSV_PATHS))
async def test_no_csv_is_a_failure_of_ours(body: bytes, path: str) -> None:
    kind = {"Content-Type": "text/csv"}
    answer = await (await serving()).ask("POST", path, content=body, headers=kind)
    assert answer.status_code in {200, *REFUSED}, answer.text
