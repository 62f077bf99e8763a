"""The client that is made of the protocol's OpenAPI text."""

from tests.foreign.conftest import Foreign
from tests.foreign.environments import ask
from tests.foreign.tensors import asks, check, table


def test_openapi_client(foreign: Foreign) -> None:
    # It reads texts that look like numbers as numbers, so that tables of texts are not for it.
    right = [
        one
        for one in asks(foreign)
        if not one["binary"] and one["inputs"][0]["datatype"] != "BYTES"
    ]
    orchids = {"model": "orchids", "inputs": table(foreign.flowers)}
    wrong = [{**orchids, "key": None}, {**orchids, "key": foreign.key, "model": "nothing"}]
    named = {**right[0], "id": "batch-7"}
    told = {"url": foreign.url, "key": foreign.key, "asks": [*right, named, *wrong]}
    found = ask("open_inference", "open_inference_rest.py", told)
    answers = found["answers"]
    for one, answer in zip(right, answers, strict=False):
        check(foreign, one, answer)
        assert answer["version"] == "1"
    assert answers[len(right)]["id"] == "batch-7"
    assert [one["status"] for one in answers[len(right) + 1 :]] == [401, 404]
    assert found["server"]["name"] == "understudy"
    assert [one["datatype"] for one in found["metadata"]["inputs"]] == [
        "FP64",
        "FP64",
        "BYTES",
        "BOOL",
        "BYTES",
    ]
    assert found["hidden"]["status"] == 401
