"""MLflow's own client of scoring servers, which sends no key."""

from urllib.parse import urlsplit

import pytest

from tests.foreign.conftest import Foreign
from tests.foreign.environments import ask


@pytest.mark.parametrize(("name", "below"), [("flowers", ""), ("loans", "/deployments/loans")])
def test_it_is_answered_as_by_sklearn(foreign: Foreign, name: str, below: str) -> None:
    questions, address = foreign.of(name), urlsplit(foreign.url)
    told = ask(
        "mlflow",
        "mlflow_scoring.py",
        {
            "host": address.hostname,
            "port": f"{address.port}{below}",
            "rows": questions.rows,
            "lists": questions.lists,
        },
    )
    assert sorted(told["found"]) == [
        "csv",
        "dataframe_records",
        "dataframe_split",
        "inputs",
        "inputs of lists",
        "instances",
    ]
    for form, predictions in told["found"].items():
        assert predictions == questions.predictions, form
    assert "is missing" in told["errors"]["wrong"]
    assert "/params/threshold" in told["errors"]["params"]
    assert told["version"].count(".") == 2
