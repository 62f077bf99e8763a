"""NVIDIA's client of Triton asks us over HTTP as it would ask Triton."""

from typing import Any

from tests.foreign.conftest import Foreign
from tests.foreign.environments import ask
from tests.foreign.tensors import asks, check, columns, table


def test_http_client(foreign: Foreign) -> None:
    right = asks(foreign)
    # By version, with all outputs as the server has them, and packed.
    right += [{**one, "version": "1", "choose": False} for one in right]
    right += [{**right[0], "packed": "gzip"}, {**right[3], "packed": "deflate"}]
    orchids = {"model": "orchids", "inputs": table(foreign.flowers), "binary": True}
    wrong = [
        {**orchids, "key": None},
        {**orchids, "key": foreign.key, "version": "2"},
        {**orchids, "key": foreign.key, "inputs": columns(foreign.flowers)[:1]},
        {**orchids, "key": foreign.key, "outputs": ["prediction", "scores"]},
    ]
    named = {**right[0], "id": "batch-7"}
    told = {"url": foreign.url, "key": foreign.key, "asks": [*right, named, *wrong]}
    found = ask("triton", "triton_http.py", told)
    answers = found["answers"]
    for one, answer in zip(right, answers, strict=False):
        check(foreign, one, answer)
        assert answer["version"] == "1"
    assert answers[len(right)]["id"] == "batch-7"
    refused = answers[len(right) + 1 :]
    assert [one["status"] for one in refused] == ["401", "404", "422", "422"]
    assert "there are prediction, probabilities" in refused[3]["error"]
    assert (found["live"], found["ready"]) == (True, True)
    assert found["models"] == {
        "flowers": True,
        "version": True,
        "no_version": False,
        "orchids": False,
        "orchids_with_key": True,
    }
    _check_descriptions(found)
    _check_statistics(found)


def _check_descriptions(found: dict[str, Any]) -> None:
    described = found["metadata"]
    assert found["server"]["name"] == "understudy"
    assert described["versions"] == ["1"]
    assert {**described, "name": "vault"} == found["metadata_of_version"]
    assert found["hidden_metadata"]["status"] == "401"
    assert [one["data_type"] for one in found["config"]["input"]] == [
        "TYPE_FP64",
        "TYPE_FP64",
        "TYPE_STRING",
        "TYPE_BOOL",
        "TYPE_STRING",
    ]
    names = [[one["name"] for one in found[key]] for key in ("index", "index_with_key")]
    assert names == [["flowers", "loans"], ["flowers", "loans", "orchids", "vault"]]
    assert found["load"]["status"] == "501"
    assert found["shared_memory"]["status"] == "501"


def _check_statistics(found: dict[str, Any]) -> None:
    (flowers,) = found["statistics"]["model_stats"]
    assert (flowers["name"], flowers["version"]) == ("flowers", "1")
    # Workers tell what they counted some times in a second.
    assert flowers["inference_count"] >= flowers["execution_count"] > 0
    assert flowers["inference_stats"]["success"]["ns"] > 0
    assert found["statistics_of_version"]["model_stats"][0]["version"] == "1"
    everything = [one["name"] for one in found["all_statistics"]["model_stats"]]
    assert everything == ["flowers", "loans", "orchids", "vault"]
