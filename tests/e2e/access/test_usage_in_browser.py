"""Somebody makes a key in a real browser, takes a program along, and revokes the key."""

import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Browser, Page, expect

from tests.cluster import LaptopCluster, laptop_cluster
from tests.e2e.form.screenshots import SIZES
from tests.usage_page import NAME, PASSWORD, employ

pytestmark = pytest.mark.timeout(300)


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LaptopCluster]:
    folder = tmp_path_factory.mktemp("usage")
    with laptop_cluster(folder, with_example=True, serving_workers=1) as running:
        employ(running)
        yield running


def arrive(page: Page, cluster: LaptopCluster) -> None:
    page.goto(f"/deployments/{cluster.example.deployment}")
    page.get_by_label("Name").fill(NAME)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("heading", name=cluster.example.deployment, exact=True)).to_be_visible()


def make_key(page: Page, name: str) -> None:
    page.get_by_label("Name", exact=True).fill(name)
    page.locator("details.limits > summary").click()
    page.get_by_label("Predictions per day").fill("1000")
    page.get_by_role("button", name="Make key").click()
    expect(page.get_by_role("status")).to_contain_text(f"{name} is made. Copy it now")


def revoke(page: Page, name: str) -> None:
    row = page.locator("li.key").filter(has_text=name)
    row.locator("summary").click()
    row.get_by_role("button", name="Revoke for good").click()
    expect(page.get_by_role("status")).to_contain_text("is revoked")
    expect(page.locator("li.key:visible").filter(has_text=name)).to_have_count(0)


def status(cluster: LaptopCluster, key: str) -> int:
    path = f"/v1/deployments/{cluster.example.deployment}/predict"
    headers, row = {"X-API-Key": key}, cluster.example.example_row
    return httpx.post(cluster.serving_url + path, json=row, headers=headers).status_code


def until(cluster: LaptopCluster, key: str, wanted: int) -> None:
    deadline = time.monotonic() + 20
    while status(cluster, key) != wanted:
        assert time.monotonic() < deadline, f"never {wanted}"
        time.sleep(0.1)


def test_a_key_is_made_taken_along_and_revoked(
    browser: Browser, cluster: LaptopCluster, tmp_path: Path
) -> None:
    context = browser.new_context(
        base_url=cluster.registry_url,
        viewport=SIZES["desktop"],
        permissions=["clipboard-read", "clipboard-write"],
    )
    page, complaints = context.new_page(), list[str]()
    page.set_default_timeout(15_000)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("console", lambda said: complaints.append(said.text) if said.type == "error" else None)
    arrive(page, cluster)
    make_key(page, "desk")
    page.get_by_role("button", name="Copy key").click()
    expect(page.get_by_role("button", name="Copied")).to_be_visible()
    key: str = page.evaluate("navigator.clipboard.readText()")
    until(cluster, key, 200)

    # From curl to Python by the arrow keys, as among radio buttons.
    page.get_by_role("radio", name="curl").focus()
    page.keyboard.press("ArrowRight")
    expect(page.get_by_role("radio", name="Python", exact=True)).to_be_checked()
    page.locator("[data-snippet=python]").get_by_role("button", name="Copy").click()
    expect(page.locator("[data-snippet=python]").get_by_role("button")).to_have_text("Copied")
    script = tmp_path / "ask.py"
    script.write_text(page.evaluate("navigator.clipboard.readText()"))
    done = subprocess.run(
        [sys.executable, str(script)], capture_output=True, text=True, timeout=60, check=True
    )
    example = cluster.example
    answer = cluster.serving.predict(example.deployment, example.example_row)
    assert done.stdout.strip() == answer.prediction

    page.goto(f"/deployments/{example.deployment}")
    expect(page.locator("body")).not_to_contain_text(key)
    revoke(page, "desk")
    until(cluster, key, 401)
    assert complaints == []
    context.close()


def test_it_works_on_a_phone_without_script(browser: Browser, cluster: LaptopCluster) -> None:
    context = browser.new_context(
        base_url=cluster.registry_url, viewport=SIZES["phone"], java_script_enabled=False
    )
    page = context.new_page()
    page.set_default_timeout(15_000)
    arrive(page, cluster)
    expect(page.get_by_role("button", name="Copy")).to_have_count(0)
    page.get_by_text("JavaScript", exact=True).click()
    expect(page.locator("[data-snippet=javascript]")).to_be_visible()
    expect(page.locator("[data-snippet=curl]")).to_be_hidden()
    make_key(page, "pocket")
    revoke(page, "pocket")
    context.close()
