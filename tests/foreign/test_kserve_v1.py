"""KServe's own client, by the v1 protocol."""

import pytest

from tests.foreign.conftest import Foreign
from tests.foreign.environments import ask


@pytest.mark.parametrize(("opened", "closed"), [("flowers", "orchids"), ("loans", "vault")])
def test_it_is_answered_as_by_sklearn(foreign: Foreign, opened: str, closed: str) -> None:
    questions = foreign.of(opened)
    found = ask(
        "kserve",
        "kserve_v1.py",
        {
            "url": foreign.url,
            "key": foreign.key,
            "open": opened,
            "closed": closed,
            "rows": questions.rows,
            "lists": questions.lists,
        },
    )
    assert found["live"] is True
    assert found[f"{opened} is ready"] is True
    assert found[f"{closed} is ready"] is True
    assert found[opened] == questions.predictions
    assert found[closed] == questions.predictions
    assert found["lists"] == questions.predictions
    errors = found["errors"]
    assert "No API key" in errors["without a key"]
    assert "501" in errors["explain"]
    assert "is missing" in errors["wrong"]
