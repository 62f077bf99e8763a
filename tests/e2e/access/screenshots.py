"""Takes the pictures of the registry's pages for the documentation from a running registry.

    python tests/e2e/access/screenshots.py --base-url http://127.0.0.1:8701 \
        --name ann --password-file password.txt --out docs/images/access

Writes {signin|home|account|people}-{desktop|phone}[-dark].png.
"""

import argparse
from collections.abc import Iterator
from pathlib import Path

from playwright.sync_api import Browser, Page

from tests.e2e.form.screenshots import SCHEMES, SIZES, chromium


def take_pictures(
    browser: Browser, base_url: str, name: str, password: str, out: Path
) -> list[Path]:
    """Every page, at both sizes, light and dark."""
    out.mkdir(parents=True, exist_ok=True)
    written: list[Path] = []
    for size, viewport in SIZES.items():
        for scheme in SCHEMES:
            page = browser.new_page(
                viewport=viewport,
                color_scheme=scheme,
                reduced_motion="reduce",
                device_scale_factor=2,
            )
            ending = size if scheme == "light" else f"{size}-dark"
            for state in _states(page, base_url, name, password):
                written.append(out / f"{state}-{ending}.png")
                page.screenshot(path=written[-1], full_page=True)
            page.close()
    return written


def _states(page: Page, base_url: str, name: str, password: str) -> Iterator[str]:
    """Bring the page from one state to the next, naming each."""
    page.goto(f"{base_url}/people")
    yield "signin"
    page.fill("#name", name)
    page.fill("#password", "not the password")
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_selector(".problems")
    yield "refused"
    page.fill("#password", password)
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_selector("#users")
    yield "people"
    page.goto(base_url)
    yield "home"
    page.goto(f"{base_url}/account")
    yield "account"


def main() -> None:
    """Read the arguments, take the pictures, print where they are."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--base-url", default="http://127.0.0.1:8701")
    parser.add_argument("--name", required=True)
    parser.add_argument("--password-file", type=Path, required=True)
    parser.add_argument("--out", type=Path, default=Path("docs/images/access"))
    given = parser.parse_args()
    password = given.password_file.read_text().strip()
    with chromium() as browser:
        for path in take_pictures(browser, given.base_url, given.name, password, given.out):
            print(path)  # noqa: T201 - a command's answer


if __name__ == "__main__":
    main()
