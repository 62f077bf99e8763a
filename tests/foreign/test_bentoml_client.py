"""BentoML's own client."""

import pytest

from tests.foreign.conftest import Foreign
from tests.foreign.environments import ask


@pytest.mark.parametrize(
    ("opened", "closed", "feature"),
    [("flowers", "orchids", "width"), ("loans", "vault", "employed")],
)
def test_it_is_answered_as_by_sklearn(
    foreign: Foreign, opened: str, closed: str, feature: str
) -> None:
    questions = foreign.of(opened)
    told = ask(
        "bentoml",
        "bentoml_client.py",
        {
            "url": foreign.url,
            "key": foreign.key,
            "open": opened,
            "closed": closed,
            "feature": feature,
            "rows": questions.rows,
        },
        BENTOML_DO_NOT_TRACK="True",
    )
    found = told["found"]
    assert found["endpoints"] == ["flowers", "flowers_rows", "loans", "loans_rows"]
    assert found["open"] == questions.predictions
    assert found["closed"] == questions.predictions
    assert found["one"] == questions.predictions[0]
    assert feature in told["errors"]["wrong"]
