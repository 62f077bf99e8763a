"""The style sheet and the script: found, kept, readable, loading nothing from elsewhere."""

import re
from pathlib import Path

import httpx
import pytest

import services.serving
from tests.fakes.html_pages import read_page

STATIC = Path(services.serving.__file__).parent / "static"
STYLE = (STATIC / "form.css").read_text()


@pytest.mark.anyio
async def test_what_a_page_loads_is_there_and_is_kept_for_good(browser: httpx.AsyncClient) -> None:
    page = read_page((await browser.get("/iris/form")).text)
    addresses = {
        str(each[name]) for each in page.inside for name in ("src", "href") if name in each
    }
    loaded = {address for address in addresses if "static" in address}
    assert len(loaded) == 3
    for address in loaded:
        answer = await browser.get("/iris/" + address)
        assert answer.status_code == 200
        assert "immutable" in answer.headers["cache-control"]
        assert answer.headers["x-content-type-options"] == "nosniff"


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("path", "status", "kept"),
    [
        ("/static/form.css", 200, "no-cache"),
        ("/static/form.css?v=older", 200, "no-cache"),
        ("/static/form.py", 404, "no-store"),
        ("/static/..%2Fpages%2Fform.py", 404, None),
    ],
)
async def test_other_addresses(
    browser: httpx.AsyncClient, path: str, status: int, kept: str | None
) -> None:
    answer = await browser.get(path)
    assert answer.status_code == status
    assert kept is None or answer.headers["cache-control"] == kept


@pytest.mark.parametrize("name", ["form.css", "form.js", "icon.svg"])
def test_nothing_comes_from_elsewhere(name: str) -> None:
    text = (STATIC / name).read_text().replace("http://www.w3.org/2000/svg", "")
    assert not re.search(r"https?:|//[a-z]|@import|url\(", text)


@pytest.mark.parametrize("name", ["innerHTML", "eval(", "document.write", "insertAdjacentHTML"])
def test_the_script_writes_text_not_markup(name: str) -> None:
    assert name not in (STATIC / "form.js").read_text()


@pytest.mark.parametrize("scheme", [0, 1], ids=["light", "dark"])
@pytest.mark.parametrize(
    ("front", "back", "ratio"),
    [
        ("text", "ground", 7.0),
        ("text", "card", 7.0),
        ("text", "tint", 7.0),
        ("text", "bad-tint", 7.0),
        ("muted", "ground", 4.5),
        ("muted", "card", 4.5),
        ("muted", "bad-tint", 4.5),
        ("bad", "card", 4.5),
        ("bad", "bad-tint", 4.5),
        ("on-accent", "accent", 4.5),
        ("on-accent", "accent-strong", 4.5),
        ("edge", "card", 3.0),
        ("accent", "card", 3.0),
        ("accent", "track", 3.0),
    ],
)
def test_contrast_meets_wcag(scheme: int, front: str, back: str, ratio: float) -> None:
    light, dark = (dict(_COLOUR.findall(block)) for block in STYLE.split("@media (prefers", 1))
    colours = light if scheme == 0 else light | dark
    darker, lighter = sorted(_luminance(colours[name]) for name in (front, back))
    assert (lighter + 0.05) / (darker + 0.05) >= ratio


_COLOUR = re.compile(r"--([a-z-]+): (#[0-9a-f]{6});")


def _luminance(colour: str) -> float:
    """Relative luminance (WCAG 2)."""
    channels = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
