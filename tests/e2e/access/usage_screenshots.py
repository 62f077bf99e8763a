"""Takes the pictures of a deployment's page for the documentation from a running registry.

    python tests/e2e/access/usage_screenshots.py --base-url http://127.0.0.1:8701 \\
        --deployment credit-risk --name ann --password-file password.txt --out docs/images/access

Makes a key, and revokes it. Writes usage[-api|-made|-revoke]-{desktop|phone}[-dark].png.
"""

import argparse
from collections.abc import Iterator
from pathlib import Path

from playwright.sync_api import Browser, Page

from tests.e2e.form.screenshots import SCHEMES, SIZES, chromium


def take_pictures(
    browser: Browser, address: str, name: str, password: str, out: Path
) -> Iterator[Path]:
    """What the window shows, at both sizes, light and dark."""
    out.mkdir(parents=True, exist_ok=True)
    for size, viewport in SIZES.items():
        for scheme in SCHEMES:
            page = browser.new_page(viewport=viewport, color_scheme=scheme, reduced_motion="reduce")
            page.goto(address)
            page.fill("#name", name)
            page.fill("#password", password)
            page.get_by_role("button", name="Sign in").click()
            page.wait_for_selector("#try")
            ending = size if scheme == "light" else f"{size}-dark"
            for state in _states(page):
                path = out / f"usage{state}-{ending}.png"
                page.screenshot(path=path)
                yield path
            page.get_by_role("button", name="Revoke for good").click()
            page.close()


def _states(page: Page) -> Iterator[str]:
    """Bring the page from one state to the next, naming each."""
    yield ""
    page.locator("#api-predictions").evaluate("heading => heading.scrollIntoView()")
    yield "-api"
    page.fill("#key-name", "billing")
    page.get_by_role("button", name="Make key").click()
    page.wait_for_selector(".made")
    yield "-made"
    made = page.locator("li.key").first
    made.locator("summary").click()
    made.scroll_into_view_if_needed()
    yield "-revoke"


def main() -> None:
    """Read the arguments, take the pictures, print where they are."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--base-url", default="http://127.0.0.1:8701")
    parser.add_argument("--deployment", default="credit-risk")
    parser.add_argument("--name", required=True)
    parser.add_argument("--password-file", type=Path, required=True)
    parser.add_argument("--out", type=Path, default=Path("docs/images/access"))
    given = parser.parse_args()
    password = given.password_file.read_text().strip()
    address = f"{given.base_url}/deployments/{given.deployment}"
    with chromium() as browser:
        for path in take_pictures(browser, address, given.name, password, given.out):
            print(path)  # noqa: T201 - a command's answer


if __name__ == "__main__":
    main()
