"""The page of a deployment in a running laptop: somebody signs in, makes a key, copies programs."""

import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import httpx

from tests.cluster import LaptopCluster
from tests.fakes.html_pages import Element, read_page

NAME: Final = "ann"
PASSWORD: Final = "six blue cups 42"
KEY: Final = re.compile(r"us_[a-z0-9]+_[A-Za-z0-9_-]+")


def employ(cluster: LaptopCluster) -> None:
    """Make somebody who may deploy in the example's project."""
    admin = {"X-API-Key": cluster.key("admin")}
    project = cluster.registry.deployment(cluster.example.deployment).project
    with httpx.Client(base_url=cluster.registry_url, headers=admin) as client:
        user = {"name": NAME, "password": PASSWORD}
        client.post("/v1/users", json=user).raise_for_status()
        member, roles = f"/v1/projects/{project}/members/{NAME}", {"roles": ["operator"]}
        client.put(member, json=roles).raise_for_status()


@contextmanager
def signed_in(cluster: LaptopCluster) -> Iterator[httpx.Client]:
    """A browser in which that person is signed in, by the page."""
    with httpx.Client(base_url=cluster.registry_url) as client:
        signin = read_page(client.get("/signin").text)
        hidden = {str(one["name"]): str(one["value"]) for one in signin.all("input", type="hidden")}
        answer = client.post("/signin", data={**hidden, "name": NAME, "password": PASSWORD})
        assert answer.status_code == 303
        yield client


def page_with_key(cluster: LaptopCluster, person: httpx.Client) -> Element:
    """The page that shows a new key, once serving knows it."""
    path = f"/deployments/{cluster.example.deployment}"
    page = read_page(person.get(path).raise_for_status().text)
    form = next(one for one in page.all("form", action=path) if one.all("input", id="key-name"))
    hidden = {str(one["name"]): str(one["value"]) for one in form.all("input", type="hidden")}
    fields = {**hidden, "name": "snippets", "scope": ["predict", "label"]}
    shown = read_page(person.post(path, data=fields).raise_for_status().text)
    asked = f"{cluster.serving_url}/v1/deployments/{cluster.example.deployment}/signature"
    deadline = time.monotonic() + 20
    while httpx.get(asked, headers={"X-API-Key": key_in(shown)}).status_code != 200:
        assert time.monotonic() < deadline, "serving never knew the key"
        time.sleep(0.1)
    return shown


def key_in(page: Element) -> str:
    """The key that the page shows."""
    found: str = KEY.findall(page.one("section", class_="made").text)[0]
    return found


def program_of(page: Element, snippet: str) -> str:
    """What the button copies."""
    panel = page.one("div", data_snippet=snippet)
    (code,) = (one for one in panel.all("code") if "data-code" in one)
    return "".join(code.pieces)
