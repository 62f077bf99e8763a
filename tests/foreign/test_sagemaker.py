"""The AWS SDK's own client of SageMaker endpoints."""

import pytest

from tests.foreign.conftest import Foreign
from tests.foreign.environments import ask


@pytest.mark.parametrize(("opened", "closed"), [("flowers", "orchids"), ("loans", "vault")])
def test_it_is_answered_as_by_sklearn(foreign: Foreign, opened: str, closed: str) -> None:
    questions = foreign.of(opened)
    told = ask(
        "boto3",
        "boto3_sagemaker.py",
        {
            "url": foreign.url,
            "key": foreign.key,
            "open": opened,
            "closed": closed,
            "rows": questions.rows,
            "lists": questions.lists,
        },
    )
    assert sorted(told["found"]) == ["csv", "json", "no type", "with a key"]
    for way, predictions in told["found"].items():
        assert predictions == questions.predictions, way
    assert told["one"]["prediction"] == questions.predictions[0]
    assert told["one"]["prediction_id"] == "mine"
    assert told["by"] == "1"
    assert "No API key" in told["errors"]["without a key"]
    assert "is missing" in told["errors"]["wrong"]
