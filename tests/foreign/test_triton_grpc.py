"""NVIDIA's client of Triton asks us over gRPC as it would ask Triton."""

from typing import Any

from tests.foreign.conftest import Foreign
from tests.foreign.environments import ask
from tests.foreign.tensors import asks, check, columns, table


def test_grpc_client(foreign: Foreign) -> None:
    right = [one for one in asks(foreign) if one["binary"]]
    # By version, with all outputs as the server has them, and packed.
    right += [{**one, "version": "1", "choose": False} for one in right]
    right += [{**right[0], "packed": "gzip"}, {**right[1], "packed": "deflate"}]
    orchids = {"model": "orchids", "inputs": table(foreign.flowers)}
    wrong = [
        {**orchids, "key": None},
        {**orchids, "key": foreign.key, "version": "2"},
        {**orchids, "key": foreign.key, "inputs": columns(foreign.flowers)[:1]},
        {**orchids, "key": foreign.key, "outputs": ["prediction", "scores"]},
    ]
    named = {**right[0], "id": "batch-7"}
    told = {"grpc": foreign.grpc, "key": foreign.key, "asks": [*right, named, *wrong]}
    found = ask("triton", "triton_grpc.py", told)
    answers = found["answers"]
    for one, answer in zip(right, answers, strict=False):
        check(foreign, one, answer)
        assert answer["version"] == "1"
    assert answers[len(right)]["id"] == "batch-7"
    refused = answers[len(right) + 1 :]
    assert [one["status"] for one in refused] == [
        "StatusCode.UNAUTHENTICATED",
        "StatusCode.NOT_FOUND",
        "StatusCode.INVALID_ARGUMENT",
        "StatusCode.INVALID_ARGUMENT",
    ]
    assert "prediction, probabilities" in refused[3]["error"]
    assert (found["live"], found["ready"]) == (True, True)
    assert found["models"] == {"flowers": True, "version": True, "orchids_with_key": True}
    assert found["no_version"]["status"] == "StatusCode.NOT_FOUND"
    assert found["orchids"]["status"] == "StatusCode.UNAUTHENTICATED"
    _check_descriptions(found)
    _check_statistics(found)


def _check_descriptions(found: dict[str, Any]) -> None:
    described = found["metadata"]
    assert found["server"]["name"] == "understudy"
    assert described["versions"] == ["1"]
    assert {**described, "name": "vault"} == found["metadata_of_version"]
    assert found["hidden_metadata"]["status"] == "StatusCode.UNAUTHENTICATED"
    assert [one["data_type"] for one in found["config"]["config"]["input"]] == [
        "TYPE_FP64",
        "TYPE_FP64",
        "TYPE_STRING",
        "TYPE_BOOL",
        "TYPE_STRING",
    ]
    names = [[one["name"] for one in found[key]["models"]] for key in ("index", "index_with_key")]
    assert names == [["flowers", "loans"], ["flowers", "loans", "orchids", "vault"]]
    for absent in ("load", "shared_memory", "trace", "log"):
        assert found[absent]["status"] == "StatusCode.UNIMPLEMENTED"


def _check_statistics(found: dict[str, Any]) -> None:
    (flowers,) = found["statistics"]["model_stats"]
    assert (flowers["name"], flowers["version"]) == ("flowers", "1")
    # Workers tell what they counted some times in a second.
    counted = (int(flowers.get(name, 0)) for name in ("inference_count", "execution_count"))
    rows, executions = counted
    assert rows >= executions
    assert found["statistics_of_version"]["model_stats"][0]["version"] == "1"
    everything = [one["name"] for one in found["all_statistics"]["model_stats"]]
    assert everything == ["flowers", "loans", "orchids", "vault"]
