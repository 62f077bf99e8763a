"""KServe's own client speaks the Open Inference Protocol to us, and is answered as it should be."""

import pytest

from tests.foreign.conftest import Foreign
from tests.foreign.environments import ask
from tests.foreign.tensors import asks, check, columns, table


@pytest.fixture(scope="module")
def wrong(foreign: Foreign) -> list[dict[str, object]]:
    """Who has no key, who has a wrong one, and what does not fit."""
    narrow = columns(foreign.flowers)[:1]
    orchids = {"model": "orchids", "inputs": table(foreign.flowers), "binary": True}
    return [
        {**orchids, "key": None},
        {**orchids, "key": "us_0123456789ab_" + "x" * 43},
        {**orchids, "key": foreign.key, "model": "nothing"},
        {**orchids, "key": foreign.key, "inputs": narrow},
    ]


def test_v2_client(foreign: Foreign, wrong: list[dict[str, object]]) -> None:
    right = asks(foreign)
    named = {**right[0], "id": "batch-7"}
    told = {"url": foreign.url, "key": foreign.key, "asks": [*right, named, *wrong]}
    found = ask("kserve", "kserve_v2.py", told)
    assert (found["live"], found["ready"]) == (True, True)
    assert found["models"] == {
        "flowers": True,
        "orchids": False,
        "orchids_with_key": True,
        "nothing": False,
    }
    answers = found["answers"]
    for one, answer in zip(right, answers, strict=False):
        check(foreign, one, answer)
    assert answers[len(right)]["id"] == "batch-7"
    refused = answers[len(right) + 1 :]
    assert [one["status"] for one in refused] == [401, 401, 404, 422]
    assert "No API key" in refused[0]["error"]
    assert "width: is missing" in refused[3]["error"]
