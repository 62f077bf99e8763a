"""People against a real registry: the first administrator, signing in, two replicas, proxies."""

import json
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest

from tests.conftest import free_port

from .conftest import RegistryProcess

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

PASSWORD = "six blue cups 42"
RIGHT = {"name": "ann", "password": PASSWORD}
HTML = {"Accept": "text/html"}


def make_admin(
    registry: RegistryProcess, name: str, *words: str, password: str = PASSWORD
) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "services.registry", "admin", "create", name]
    return subprocess.run(
        [*command, "--password-stdin", *words],
        env=registry.environment(),
        input=f"{password}\n",
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )


@pytest.fixture
def registry(tmp_path: Path) -> Iterator[RegistryProcess]:
    found = RegistryProcess(tmp_path)
    found.start()
    yield found
    found.end()


def test_the_first_administrator_signs_in(registry: RegistryProcess) -> None:
    refused = make_admin(registry, "ann", password="short")
    assert (refused.returncode, "at least 12" in refused.stderr) == (1, True)
    wrong = make_admin(registry, "Ann Smith")
    assert (wrong.returncode, "sign-in name" in wrong.stderr) == (1, True)
    made = make_admin(registry, "ann", "-o", "json")
    assert made.returncode == 0, made.stderr
    assert json.loads(made.stdout) == {"name": "ann", "admin": True}
    second = make_admin(registry, "bob")
    assert (second.returncode, "--another" in second.stderr) == (1, True)
    assert make_admin(registry, "bob", "--another").returncode == 0
    with httpx.Client(base_url=registry.url) as browser:
        signed_in = browser.post("/v1/sessions", json=RIGHT)
        assert signed_in.status_code == 201
        browser.headers["X-CSRF-Token"] = signed_in.json()["csrf_token"]
        assert browser.get("/v1/me").json()["user"]["admin"] is True
        users = browser.get("/v1/users").json()["items"]
        assert [user["name"] for user in users] == ["ann", "bob"]
        trail = browser.get("/v1/audit").json()["items"]
        made_by = [entry["actor"] for entry in trail if entry["action"] == "user.make"]
        assert made_by == ["system", "system"]
    log = (registry.folder / "registry.log").read_text()
    assert PASSWORD not in log + json.dumps(trail)


def test_a_form_signs_in_without_script(registry: RegistryProcess) -> None:
    make_admin(registry, "ann")
    with httpx.Client(base_url=registry.url, headers=HTML, follow_redirects=True) as browser:
        page = browser.get("/people")
        assert page.url.path == "/signin"
        token = page.text.partition('name="form_token" value="')[2].partition('"')[0]
        form = {**RIGHT, "form_token": token, "next": "/people"}
        assert browser.post("/signin", data=form).url.path == "/people"


def test_every_replica_knows_sessions_and_failures(
    registry: RegistryProcess, tmp_path: Path
) -> None:
    make_admin(registry, "ann")
    other = RegistryProcess(tmp_path, free_port())
    other.start()
    try:
        with httpx.Client(base_url=registry.url) as here, httpx.Client(base_url=other.url) as there:
            signed_in = here.post("/v1/sessions", json=RIGHT)
            there.cookies.update(here.cookies)
            assert there.get("/v1/me").status_code == 200
            there.headers["X-CSRF-Token"] = signed_in.json()["csrf_token"]
            assert there.delete("/v1/sessions/current").status_code == 204
            assert here.get("/v1/me").status_code == 401
            wrong = {"name": "nobody", "password": "wrong password"}
            for client in (here, there) * 3:
                client.cookies.clear()
            told = [client.post("/v1/sessions", json=wrong) for client in (here, there) * 6]
            assert [one.status_code for one in told[:5]] == [401] * 5
            assert 429 in [one.status_code for one in told[5:]]
    finally:
        other.end()


def test_a_trusted_proxy_says_that_it_was_https_and_for_whom(tmp_path: Path) -> None:
    registry = RegistryProcess(tmp_path, settings={"FORWARDED_ALLOW_IPS": "127.0.0.1"})
    registry.start()
    try:
        make_admin(registry, "ann")
        said = _cookies_said(registry)
    finally:
        registry.end()
    assert said[0].startswith("__Host-understudy_session=")
    assert "Secure" in said[0]
    assert said[1].startswith("understudy_session=")
    assert "Secure" not in said[1]


def test_nobody_else_says_so(registry: RegistryProcess) -> None:
    make_admin(registry, "ann")
    for said in _cookies_said(registry):
        assert said.startswith("understudy_session=")
        assert "Secure" not in said


def _cookies_said(registry: RegistryProcess) -> list[str]:
    """With a proxy's headers, then without."""
    by_https = {"X-Forwarded-Proto": "https", "X-Forwarded-For": "203.0.113.7"}
    with httpx.Client(base_url=registry.url) as browser:
        return [
            browser.post("/v1/sessions", json=RIGHT, headers=headers).headers["set-cookie"]
            for headers in (by_https, {})
        ]


def test_many_who_sign_in_at_once_leave_the_registry_answering(registry: RegistryProcess) -> None:
    make_admin(registry, "ann")

    def sign_in(_: int) -> int:
        return httpx.post(f"{registry.url}/v1/sessions", json=RIGHT, timeout=60).status_code

    with ThreadPoolExecutor(24) as pool:
        asked = [pool.submit(sign_in, number) for number in range(48)]
        assert httpx.get(f"{registry.url}/livez", timeout=60).status_code == 200
        told = sorted({one.result() for one in asked})
    # Nobody failed; whoever had to wait their turn was told so.
    assert told in ([201], [201, 429], [201, 503], [201, 429, 503])
