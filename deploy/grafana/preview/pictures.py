"""Pictures of pages, by a headless Chromium."""

from collections.abc import Sequence
from pathlib import Path
from typing import Final

from playwright.sync_api import sync_playwright

_QUIET: Final = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
WIDTH: Final = 1600
_DRAWN: Final = "document.querySelectorAll('.plot:not(.js-plotly-plot)').length === 0"


def photograph(pages: Sequence[Path], browser: str) -> None:
    """A PNG beside each page, as high as the page is."""
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=browser, args=list(_QUIET))
        try:
            view = running.new_page(viewport={"width": WIDTH, "height": 900})
            for page in pages:
                view.goto(page.resolve().as_uri())
                view.wait_for_function(_DRAWN)
                view.screenshot(path=page.with_suffix(".png"), full_page=True)
        finally:
            running.close()
