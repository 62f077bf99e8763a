"""People at a real registry in a real browser, without script: in, at work, and out."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.e2e.form.screenshots import SIZES
from tests.integration.registry.conftest import ADMIN, RegistryProcess
from understudy.client import RegistryClient
from understudy.contracts.people import UserRequest

pytestmark = pytest.mark.timeout(300)

PASSWORD = "six blue cups 42"


@pytest.fixture
def registry(tmp_path: Path) -> Iterator[RegistryProcess]:
    found = RegistryProcess(tmp_path)
    found.start()
    with RegistryClient(found.url, ADMIN) as client:
        user = {"name": "ann", "display_name": "Ann Smith", "admin": True, "password": PASSWORD}
        client.create_user(UserRequest.model_validate(user))
        client.create_project("bank")
    yield found
    found.end()


@pytest.fixture(params=["desktop", "phone"])
def page(
    browser: Browser, registry: RegistryProcess, request: pytest.FixtureRequest
) -> Iterator[Page]:
    context = browser.new_context(
        base_url=registry.url, viewport=SIZES[request.param], java_script_enabled=False
    )
    context.set_default_timeout(15_000)
    yield context.new_page()
    context.close()


def test_an_administrator_at_work(page: Page) -> None:
    page.goto("/people")
    page.get_by_label("Name").fill("ann")
    page.get_by_label("Password").fill("wrong password")
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("alert")).to_contain_text("do not belong together")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("heading", name="People")).to_be_visible()

    page.get_by_text("Add a user").click()
    page.get_by_label("Sign-in name", exact=True).fill("bob")
    page.get_by_label("Full name").fill("Bob Marsh")
    page.locator("#new-password").fill(PASSWORD)
    page.get_by_role("button", name="Add user").click()
    expect(page.get_by_role("status")).to_have_text("The user is made.")

    page.get_by_label("Sign-in name of the new member").fill("bob")
    page.get_by_role("group", name="Roles of the new member").get_by_label("operator").check()
    page.get_by_role("button", name="Add member").click()
    group = page.get_by_role("group", name="Roles of bob")
    expect(group.get_by_label("operator")).to_be_checked()
    expect(group.get_by_label("viewer")).not_to_be_checked()

    page.get_by_text("Manage ann").click()
    page.get_by_role("button", name="Disable").first.click()
    expect(page.get_by_role("alert")).to_contain_text("last administrator")

    page.get_by_role("link", name="Account").click()
    page.get_by_label("Password now").fill(PASSWORD)
    page.get_by_label("New password", exact=True).fill("another good one")
    page.get_by_label("New password, again").fill("another good one")
    page.get_by_role("button", name="Change password").click()
    expect(page.get_by_role("status")).to_contain_text("is changed")

    page.get_by_role("link", name="Deployments").click()
    expect(page.get_by_role("heading", name="Nothing here yet")).to_be_visible()
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_role("status")).to_have_text("You are signed out.")
    page.goto("/people")
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()


def test_a_page_fits_its_screen(page: Page) -> None:
    page.goto("/")
    page.get_by_label("Name").fill("ann")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    viewport = page.viewport_size
    assert viewport is not None
    for path in ("/", "/people", "/account"):
        page.goto(path)
        box = page.locator("main").bounding_box()
        assert box is not None
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= viewport["width"]
