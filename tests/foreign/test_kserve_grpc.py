"""KServe's own client speaks the Open Inference Protocol over gRPC to us."""

from tests.foreign.conftest import Foreign
from tests.foreign.environments import ask
from tests.foreign.tensors import asks, check, columns, table


def test_grpc_client(foreign: Foreign) -> None:
    right = asks(foreign)
    orchids = {"model": "orchids", "inputs": table(foreign.flowers), "binary": True}
    wrong = [
        {**orchids, "key": None},
        {**orchids, "key": "us_0123456789ab_" + "x" * 43},
        {**orchids, "key": foreign.key, "model": "nothing"},
        {**orchids, "key": foreign.key, "inputs": columns(foreign.flowers)[:1]},
    ]
    named = {**right[0], "id": "batch-7"}
    told = {"grpc": foreign.grpc, "key": foreign.key, "asks": [*right, named, *wrong]}
    found = ask("kserve", "kserve_grpc.py", told)
    assert (found["live"], found["ready"]) == (True, True)
    models = found["models"]
    assert (models["flowers"], models["orchids_with_key"]) == (True, True)
    assert models["orchids"]["status"] == "UNAUTHENTICATED"
    assert models["nothing"]["status"] == "NOT_FOUND"
    answers = found["answers"]
    for one, answer in zip(right, answers, strict=False):
        check(foreign, one, answer)
    assert answers[len(right)]["id"] == "batch-7"
    refused = answers[len(right) + 1 :]
    statuses = ["UNAUTHENTICATED", "UNAUTHENTICATED", "NOT_FOUND", "INVALID_ARGUMENT"]
    assert [one["status"] for one in refused] == statuses
    assert "No API key" in refused[0]["error"]
    assert "width: is missing" in refused[3]["error"]
