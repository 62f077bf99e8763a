"""Cookies of sessions, and which requests another site's page sent."""

from datetime import timedelta

import pytest
from starlette.requests import Request
from starlette.responses import Response

from understudy.runtime.cookies import Cookie, CookieSecurity, foreign

SESSION = Cookie("session")


def request(scheme: str = "http", host: str = "registry:8701", **headers: str) -> Request:
    named = {"host": host} | {name.replace("_", "-"): value for name, value in headers.items()}
    raw = [(name.encode(), value.encode()) for name, value in named.items()]
    scope = {"type": "http", "method": "POST", "scheme": scheme, "path": "/", "headers": raw}
    return Request({**scope, "query_string": b"", "server": ("registry", 8701)})


@pytest.mark.parametrize(
    ("scheme", "security", "name", "secure"),
    [
        ("http", CookieSecurity.AUTO, "session", False),
        ("https", CookieSecurity.AUTO, "__Host-session", True),
        ("http", CookieSecurity.ALWAYS, "__Host-session", True),
    ],
)
def test_a_cookie_is_secure_by_https_or_always(
    scheme: str, security: CookieSecurity, name: str, *, secure: bool
) -> None:
    asked, response = request(scheme, cookie=f"{name}=value; other=1"), Response()
    cookie = Cookie("session", security)
    cookie.give(asked, response, "value", timedelta(hours=1))
    said = response.headers["set-cookie"]
    assert said.startswith(f"{name}=value; HttpOnly; Max-Age=3600; Path=/; SameSite=lax")
    assert said.endswith("; Secure") is secure
    assert cookie.read(asked) == "value"
    gone = Response()
    cookie.take(asked, gone)
    assert "Max-Age=0" in gone.headers["set-cookie"]
    assert ("Secure" in gone.headers["set-cookie"]) is secure


@pytest.mark.parametrize("header", ["", "other=1", "Session=x", "=;;;", "\x7f"])
def test_no_cookie_is_none(header: str) -> None:
    assert SESSION.read(request(cookie=header)) is None


def test_what_other_applications_keep_hides_nothing() -> None:
    assert SESSION.read(request(cookie='a={"b": [1]}; c; session=value; d=é')) == "value"


@pytest.mark.parametrize(
    ("headers", "is_foreign"),
    [
        ({}, False),
        ({"origin": "http://registry:8701"}, False),
        ({"origin": "https://registry:8701"}, False),
        ({"origin": "https://registry", "host": "registry"}, False),
        ({"origin": "https://registry:443", "host": "registry"}, False),
        ({"origin": "http://registry"}, True),
        ({"origin": "http://other:8701"}, True),
        ({"origin": "http://registry:8701.evil.example"}, True),
        ({"origin": "null"}, True),
        ({"origin": ""}, True),
        ({"origin": "http://[::1"}, True),
        ({"origin": "null", "sec_fetch_site": "same-origin"}, False),
        ({"origin": "http://other", "sec_fetch_site": "same-origin"}, True),
        ({"sec_fetch_site": "none"}, False),
        ({"sec_fetch_site": "same-site"}, True),
        ({"sec_fetch_site": "cross-site"}, True),
        ({"sec_fetch_site": "surprise"}, True),
    ],
)
def test_pages_of_other_sites_are_told_apart(headers: dict[str, str], *, is_foreign: bool) -> None:
    assert foreign(request(**headers)) is is_foreign
