"""One browser for all pages: playwright runs once in a process."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser

from tests.e2e.form.screenshots import chromium


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    with chromium() as launched:
        yield launched
