"""The runbook is open, cached by its content, and may load nothing."""

import base64
import hashlib
import re

import httpx
import pytest
from fastapi import FastAPI

from services.monitor.api.runbook import PAGE, runbook_routes

pytestmark = pytest.mark.anyio


async def ask(method: str = "GET", **headers: str) -> httpx.Response:
    app = FastAPI(openapi_url=None)
    app.include_router(runbook_routes())
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://monitor") as client:
        return await client.request(method, "/runbook", headers=headers)


async def test_the_page_is_handed_out_to_anybody() -> None:
    answer = await ask()
    assert (answer.status_code, answer.content) == (200, PAGE.read_bytes())
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert answer.headers["cache-control"] == "public, max-age=300"


async def test_who_has_it_is_told_that_it_holds() -> None:
    tag = (await ask()).headers["etag"]
    for known in (tag, f'"old", W/{tag}'):
        again = await ask(**{"If-None-Match": known})
        assert (again.status_code, again.content) == (304, b"")
        assert again.headers["etag"] == tag
    assert (await ask(**{"If-None-Match": '"other"'})).status_code == 200


async def test_head_tells_the_same_without_the_page() -> None:
    whole, head = await ask(), await ask("HEAD")
    assert head.headers["content-length"] == str(len(whole.content))
    assert head.headers["etag"] == whole.headers["etag"]


async def test_the_policy_allows_the_pages_own_style_and_nothing_else() -> None:
    answer = await ask()
    policy = dict(
        part.strip().partition(" ")[::2]
        for part in answer.headers["content-security-policy"].split(";")
    )
    styles = re.findall(r"<style>(.*?)</style>", answer.text, re.DOTALL)
    digests = [hashlib.sha256(style.encode()).digest() for style in styles]
    allowed = {f"'sha256-{base64.b64encode(digest).decode()}'" for digest in digests}
    assert set(policy["style-src"].split()) == allowed
    assert policy["default-src"] == policy["form-action"] == policy["base-uri"] == "'none'"
    assert "script-src" not in policy
    assert answer.headers["x-content-type-options"] == "nosniff"


async def test_the_page_loads_nothing_and_styles_nothing_in_line() -> None:
    page = (await ask()).text
    assert re.findall(r"<(?:script|link|img|iframe|object|form)\b", page) == []
    assert re.findall(r"\s(?:style|on\w+|src)=", page) == []
    assert "url(" not in page
    assert "@import" not in page
