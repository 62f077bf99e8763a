"""Takes the form's pictures for the documentation from a running cluster.

    python tests/e2e/form/screenshots.py --base-url http://127.0.0.1:8700 \
        --deployment iris --out docs/images

Writes form-{deployment}-{answer|errors|key}-{desktop|phone}[-dark].png.
"""

import argparse
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final, Literal

from playwright.sync_api import Browser, Page, ViewportSize, sync_playwright

CHROMIUM: Final = "/usr/bin/chromium"
CHROMIUM_ARGUMENTS: Final = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
SIZES: Final = {
    "desktop": ViewportSize(width=1280, height=800),
    "phone": ViewportSize(width=390, height=844),
}
SCHEMES: Final[tuple[Literal["light", "dark"], ...]] = ("light", "dark")


@contextmanager
def chromium() -> Iterator[Browser]:
    """The distribution's browser, with nothing going out of the machine."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=CHROMIUM_ARGUMENTS)
        yield browser
        browser.close()


def take_pictures(
    browser: Browser, base_url: str, deployment: str, key: str | None, out: Path
) -> list[Path]:
    """Every state of the form, at both sizes, light and dark."""
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
            page.goto(f"{base_url}/{deployment}/form")
            for state in _states(page, key):
                written.append(out / f"form-{deployment}-{state}-{ending}.png")
                page.screenshot(path=written[-1], full_page=True)
            page.close()
    return written


def _states(page: Page, key: str | None) -> Iterator[str]:
    """Bring the page from one state to the next, naming each."""
    if page.locator("#key").count():
        yield "key"
        page.fill("#key", key or "")
        page.get_by_role("button", name="Continue").click()
    page.get_by_role("button", name="Predict").click()
    page.wait_for_selector(".result__value")
    _rest(page)
    yield "answer"
    numbers = page.locator("[data-number] input")
    numbers.nth(0).fill("-1")
    numbers.nth(1).fill("")
    page.get_by_role("button", name="Predict").click()
    page.wait_for_selector(".problems")
    _rest(page)
    yield "errors"


def _rest(page: Page) -> None:
    """Nothing hovered, seen from the top."""
    page.mouse.move(0, 0)
    page.evaluate("window.scrollTo(0, 0)")


def main() -> None:
    """Read the arguments, take the pictures, print where they are."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--base-url", default="http://127.0.0.1:8700")
    parser.add_argument("--deployment", default="iris")
    parser.add_argument("--key", help="needed unless the deployment is public")
    parser.add_argument("--out", type=Path, default=Path("docs/images"))
    given = parser.parse_args()
    with chromium() as browser:
        for path in take_pictures(browser, given.base_url, given.deployment, given.key, given.out):
            print(path)  # noqa: T201 - a command's answer


if __name__ == "__main__":
    main()
