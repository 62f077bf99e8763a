"""Contracts hold on every database, so PostgreSQL is there for whatever asks for it."""

from collections.abc import Iterable

import pytest


@pytest.fixture(autouse=True)
def _database_server(request: pytest.FixtureRequest) -> None:
    """Only for tests on PostgreSQL: the others don't wait for its start."""
    called = getattr(request.node, "callspec", None)
    if called is not None and _named(called.params.values()):
        request.getfixturevalue("postgres")


def _named(values: Iterable[object]) -> bool:
    """Some parameters are tables, which don't say whether they equal a word."""
    return any(isinstance(value, str) and value == "postgres" for value in values)
