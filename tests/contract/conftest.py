"""Contracts hold on every database, so PostgreSQL is there for whatever asks for it."""

import pytest


@pytest.fixture(autouse=True)
def _database_server(request: pytest.FixtureRequest) -> None:
    """Only for tests on PostgreSQL: the others don't wait for its start."""
    called = getattr(request.node, "callspec", None)
    if called is not None and "postgres" in called.params.values():
        request.getfixturevalue("postgres")
