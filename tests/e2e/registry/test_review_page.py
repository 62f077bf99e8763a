"""People read a review in a real browser, answer its questions and decide, without any script."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.e2e.form.screenshots import SIZES

from .conftest import PASSWORD, Reviewing

pytestmark = pytest.mark.timeout(300)

PAGE = "/models/credit/versions/4"


@contextmanager
def reading(browser: Browser, reviewing: Reviewing, name: str, size: str) -> Iterator[Page]:
    """A window in which somebody is signed in; nothing may be complained of on its console."""
    context = browser.new_context(
        base_url=reviewing.url, viewport=SIZES[size], java_script_enabled=False
    )
    page, complaints = context.new_page(), list[str]()
    page.set_default_timeout(15_000)
    page.on("console", lambda said: complaints.append(said.text) if said.type == "error" else None)
    page.goto("/signin")
    page.get_by_label("Name").fill(name)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("link", name="Models")).to_be_visible()
    yield page
    assert complaints == []
    context.close()


def width_of(page: Page) -> float:
    box = page.locator("main").bounding_box()
    assert box is not None
    return box["width"]


def test_an_approver_finds_the_version_and_ignores_it(
    browser: Browser, reviewing: Reviewing
) -> None:
    with reading(browser, reviewing, "ann", "desktop") as page:
        page.get_by_role("link", name="Models").click()
        page.get_by_role("link", name="credit", exact=True).click()
        page.get_by_role("link", name="Version 4").click()
        expect(page.get_by_role("heading", name="Findings")).to_be_visible()
        expect(page.get_by_role("img", name="Calibration", exact=True)).to_be_visible()
        expect(page.get_by_text("The gate is shut.")).to_be_visible()
        expect(page.get_by_role("button", name="Deploy", exact=True)).to_be_disabled()
        page.get_by_label("Reason", exact=True).fill("It was measured on training rows.")
        page.get_by_role("button", name="Ignore").click()
        expect(page.get_by_role("status")).to_contain_text("The decision is kept")
        expect(page.locator(".ruling")).to_contain_text("It was measured on training rows.")
        page.get_by_role("link", name="Model card").click()
        expect(page.get_by_role("heading", name="Known limits")).to_be_visible()
    assert reviewing.memory.versions["credit", 4].state.value == "ignored"


def test_a_scientist_answers_on_a_phone(browser: Browser, reviewing: Reviewing) -> None:
    with reading(browser, reviewing, "ben", "phone") as page:
        page.goto(PAGE)
        page.get_by_label("Intended use").fill("The desk.\nNobody else.")
        page.get_by_role("button", name="Keep the answers").click()
        expect(page.get_by_role("status")).to_contain_text("The answers are kept")
        expect(page.locator(".answers-list")).to_contain_text("Nobody else.")
        expect(page.get_by_role("button", name="Ignore")).to_have_count(0)


def test_an_administrator_compares_and_overrides(browser: Browser, reviewing: Reviewing) -> None:
    with reading(browser, reviewing, "eve", "desktop") as page:
        page.goto("/models/credit")
        page.get_by_role("button", name="Compare").click()
        expect(page.get_by_role("heading", name="credit 3 and 4")).to_be_visible()
        page.goto(PAGE)
        page.get_by_label("Reason", exact=True).fill("Agreed with risk, see the minutes.")
        page.get_by_label("Decide against the gate").check()
        page.get_by_role("button", name="Deploy", exact=True).click()
        expect(page.locator(".ruling")).to_contain_text("Overridden")


@pytest.mark.parametrize(
    "path",
    [
        "/models",
        "/models/credit",
        PAGE,
        f"{PAGE}/card",
        "/models/credit/compare?left=3&right=4",
        "/models/wide/versions/4",
        "/models/hostile/versions/4",
        "/models/hostile/versions/4/card",
    ],
)
def test_nothing_is_wider_than_a_phone(browser: Browser, reviewing: Reviewing, path: str) -> None:
    with reading(browser, reviewing, "eve", "phone") as page:
        answer = page.goto(path)
        assert answer is not None
        assert answer.ok
        assert width_of(page) <= SIZES["phone"]["width"]
        picture = page.screenshot(full_page=True)
        # A PNG tells its width in bytes 16 to 19; what sticks out makes the page wider.
        assert int.from_bytes(picture[16:20], "big") == SIZES["phone"]["width"]


@pytest.mark.parametrize("path", [PAGE, f"{PAGE}/card"])
def test_it_is_printed(browser: Browser, reviewing: Reviewing, path: str, tmp_path: Path) -> None:
    with reading(browser, reviewing, "ann", "desktop") as page:
        page.goto(path)
        page.emulate_media(media="print", color_scheme="dark")
        expect(page.get_by_role("button", name="Sign out")).to_be_hidden()
        file = tmp_path / "page.pdf"
        page.pdf(path=file, prefer_css_page_size=True)
        assert file.read_bytes().startswith(b"%PDF")
        if path == PAGE:
            expect(page.get_by_role("button", name="Ignore")).to_be_hidden()
            expect(page.locator(".report__nav")).to_be_hidden()
