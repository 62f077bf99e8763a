"""The form over a fake serving, on a real socket, in a real browser."""

import threading
import time
from collections.abc import Iterator

import pytest
import uvicorn
from playwright.sync_api import Browser, BrowserContext, Page

from tests.conftest import free_port
from tests.e2e.form.screenshots import SIZES
from tests.fakes.serving_form import FakeServing, form_app


@pytest.fixture
def serving() -> FakeServing:
    return FakeServing()


@pytest.fixture
def base_url(serving: FakeServing) -> Iterator[str]:
    port = free_port()
    config = uvicorn.Config(
        form_app(serving), host="127.0.0.1", port=port, ws="none", lifespan="off", log_config=None
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    deadline = time.monotonic() + 10
    while not server.started and time.monotonic() < deadline:
        time.sleep(0.01)
    yield f"http://127.0.0.1:{port}"
    server.should_exit = True
    thread.join(timeout=10)


@pytest.fixture
def complaints() -> list[str]:
    """What the console, the content policy and the network had to say."""
    return []


@pytest.fixture
def context(browser: Browser, base_url: str) -> Iterator[BrowserContext]:
    opened = browser.new_context(
        base_url=base_url,
        viewport=SIZES["desktop"],
        reduced_motion="reduce",
        permissions=["clipboard-read", "clipboard-write"],
    )
    opened.set_default_timeout(10_000)
    yield opened
    opened.close()


@pytest.fixture
def page(context: BrowserContext, base_url: str, complaints: list[str]) -> Page:
    opened = context.new_page()
    opened.on("pageerror", lambda error: complaints.append(str(error)))
    opened.on(
        "console",
        # A refused form is a 4xx, which Chromium reports as a failed resource.
        lambda said: (
            complaints.append(said.text)
            if said.type in {"error", "warning"} and "status of 4" not in said.text
            else None
        ),
    )
    opened.on(
        "request",
        lambda sent: (
            None if sent.url.startswith(base_url) else complaints.append(f"asked for {sent.url}")
        ),
    )
    return opened


@pytest.fixture
def plain_page(browser: Browser, base_url: str) -> Iterator[Page]:
    """A browser in which scripts are switched off."""
    context = browser.new_context(
        base_url=base_url, viewport=SIZES["phone"], java_script_enabled=False
    )
    context.set_default_timeout(10_000)
    yield context.new_page()
    context.close()
