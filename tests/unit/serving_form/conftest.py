"""The form's routes over a fake serving, asked without a socket."""

from collections.abc import AsyncIterator

import httpx
import pytest

from tests.fakes.serving_form import FakeServing, form_app


@pytest.fixture
def serving() -> FakeServing:
    return FakeServing()


@pytest.fixture
async def browser(serving: FakeServing) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(form_app(serving))
    async with httpx.AsyncClient(transport=transport, base_url="http://testserver") as client:
        yield client
