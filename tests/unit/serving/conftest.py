"""What tests of serving share."""

from collections.abc import AsyncIterator

import pytest


@pytest.fixture(scope="session")
async def one_loop() -> AsyncIterator[None]:
    """One event loop for all tests from here on: tests that use grpc.aio need it.

    It has one poller in a process, and what comes late for a loop that was closed breaks the next.
    anyio keeps its loop for as long as an async fixture lasts: this one, until the end.
    """
    yield  # noqa: PT022 - a fixture that returns keeps nothing
