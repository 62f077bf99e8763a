"""A running laptop, and everybody who may knock at it."""

import http.client
import json
import re
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import httpx
import psutil
import pytest

from tests.cluster import ROOT, SERVICES, LaptopCluster, laptop_cluster
from understudy.contracts.registry import KeyRequest
from understudy.contracts.vocabulary import AccessLevel, Scope
from understudy.runtime.keys import make_key

METHODS: Final = ("GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE")
PASSWORD: Final = "a-password-that-is-long-enough"
_EXPIRES: Final = timedelta(seconds=1.5)
_WHOLE: Final = frozenset({Scope.ADMIN, Scope.METRICS, Scope.FOLLOW})
_ALL: Final = tuple(scope for scope in Scope if scope not in _WHOLE)
_MEMBER: Final = re.compile(r"\{(\w+)(?::\w+)?\}")


@dataclass(frozen=True)
class Answer:
    """What came back."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class Door:
    """One service over one connection; targets go out as they are written."""

    def __init__(self, port: int) -> None:
        self.asked = 0
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)

    def ask(
        self, method: str, target: str, headers: Mapping[str, str], body: bytes = b"{}"
    ) -> Answer:
        self.asked += 1
        unsafe = method not in {"GET", "HEAD", "OPTIONS"}
        form = "application/x-www-form-urlencoded"
        said = form if target.endswith("/form") else "application/json"
        kind = {"Content-Type": said} if unsafe else {}
        for again in (True, False):
            try:
                self._connection.request(
                    method, target, body if unsafe else None, {**kind, **headers}
                )
                found = self._connection.getresponse()
                return Answer(found.status, dict(found.getheaders()), found.read())
            except (http.client.HTTPException, OSError):
                self._connection.close()  # it was idle for too long
                if not again:
                    raise
        raise AssertionError

    def close(self) -> None:
        self._connection.close()


@dataclass(frozen=True)
class Route:
    """A path as a template, with the methods that something takes there."""

    service: str
    path: str
    methods: tuple[str, ...]

    def at(self, values: Mapping[str, str]) -> str:
        """The path for these things."""
        return _MEMBER.sub(lambda found: values.get(found[1], "nothing-of-that-name"), self.path)

    @property
    def names_something(self) -> bool:
        return "{" in self.path


@dataclass(frozen=True)
class Neighbourhood:
    """A cluster with a project's deployment, and people of all kinds."""

    cluster: LaptopCluster
    routes: tuple[Route, ...]
    doors: Mapping[str, Door]
    there: Mapping[str, str]
    """What exists, by the name that paths have for it."""
    absent: Mapping[str, str]
    """The same, and nothing of it exists."""
    strangers: Mapping[str, Mapping[str, str]]
    """Headers of whoever has no business here."""
    foreign: Mapping[str, str]
    """Headers of somebody who may do everything in another project."""
    session: Mapping[str, str]
    """The cookie of an administrator."""
    secrets: tuple[str, ...]
    """Whatever was drawn or chosen on the way."""


@pytest.fixture(scope="session")
def neighbourhood(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Neighbourhood]:
    folder = tmp_path_factory.mktemp("access")
    with laptop_cluster(folder, with_example=True, serving_workers=1) as cluster:
        doors = {service: Door(cluster.ports[service]) for service in SERVICES}
        try:
            yield _made(cluster, doors, folder)
        finally:
            for door in doors.values():
                door.close()


def routes_of(cluster: LaptopCluster, service: str, folder: Path) -> Iterator[Route]:
    """Of the application that runs, built anew from its process' environment."""
    process = psutil.Process(cluster.pid(service))
    told = subprocess.run(
        [sys.executable, "-m", "tests.integration.access.route_tables", service],
        env={**process.environ(), "UNDERSTUDY_STATE_DIR": str(folder), "PYTHONPATH": str(ROOT)},
        cwd=ROOT,
        capture_output=True,
        check=True,
        timeout=100,
    )
    for line in told.stdout.splitlines():
        if line.startswith(b'["route"'):
            _, path, methods = json.loads(line)
            yield Route(service, path, tuple(methods))


def bearer(key: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {key}"}


def _made(cluster: LaptopCluster, doors: Mapping[str, Door], folder: Path) -> Neighbourhood:
    registry = cluster.registry
    registry.create_project("elsewhere")
    # What a public deployment publishes is open: without one, nothing is.
    for deployment in registry.deployments():
        if deployment.access is AccessLevel.PUBLIC:
            registry.delete_deployment(deployment.name)
    issued = {
        "foreign": KeyRequest(name="foreign", scopes=_ALL, project="elsewhere"),
        "revoked": KeyRequest(name="revoked", scopes=(Scope.ADMIN,)),
        "expired": KeyRequest(
            name="expired", scopes=(Scope.ADMIN,), expires_at=datetime.now(UTC) + _EXPIRES
        ),
    }
    keys = {name: registry.issue_key(asked) for name, asked in issued.items()}
    registry.revoke_key(keys["revoked"].id)
    unknown = make_key().plaintext
    strangers: dict[str, dict[str, str]] = {
        "nobody": {},
        "garbage": bearer("rubbish"),
        "empty": {"X-API-Key": ""},
        "unknown": {"X-API-Key": unknown},
        "revoked": bearer(keys["revoked"].key),
        "expired": bearer(keys["expired"].key),
        "two keys": {**bearer(unknown), "X-API-Key": cluster.key("admin")},
        "cookie": {"Cookie": "understudy_session=rubbish; __Host-understudy_session=rubbish"},
    }
    foreign = bearer(keys["foreign"].key)
    _await_all(doors, foreign, strangers)
    found = [
        route
        for service in SERVICES
        for route in routes_of(cluster, service, folder / f"{service}-tables")
    ]
    there = _there(cluster)
    session = _signed_in(cluster)
    return Neighbourhood(
        cluster=cluster,
        routes=tuple(found),
        doors=doors,
        there=there,
        absent={
            "deployment": "absent-one",
            "model": "absent-one",
            "endpoint": "absent-one",
            "version": there["version"],
            "job": "0" * 12 + "-" + "0" * 16,
            "key_id": "0" * len(there["key_id"]),
            "user": "absent-one",
            "project": "absent-one",
            "sha256": "0" * 64,
            "path": "understudy/absent-one/1/MLmodel",
        },
        strangers=strangers,
        foreign=foreign,
        session=session,
        secrets=(
            *(key.key for key in keys.values()),
            unknown,
            PASSWORD,
            *session.values(),
            *(cluster.key(name) for name in ("admin", "service", "metrics")),
        ),
    )


def _there(cluster: LaptopCluster) -> dict[str, str]:
    name = cluster.example.deployment
    seen = cluster.registry.deployment(name)
    version = cluster.registry.version(seen.model, 1)
    jobs = cluster.registry.jobs()
    keys = cluster.registry.keys()
    other = next(key for key in keys if key.project != "elsewhere")
    return {
        "deployment": name,
        "endpoint": name,
        "model": seen.model,
        "version": "1",
        "project": "examples",
        "sha256": version.artifact,
        "job": jobs[0].id,
        "key_id": other.id,
        "user": "ann",
        "path": f"understudy/{seen.model}/1/MLmodel",
    }


def _signed_in(cluster: LaptopCluster) -> dict[str, str]:
    """A person's session; the first administrator is made by the installation's key."""
    ann = {"name": "ann", "admin": True, "password": PASSWORD}
    with httpx.Client(base_url=cluster.registry_url) as http:
        made = http.post("/v1/users", json=ann, headers=bearer(cluster.key("admin")))
        made.raise_for_status()
        signed = http.post("/v1/sessions", json={"name": "ann", "password": PASSWORD})
        signed.raise_for_status()
        cookies = "; ".join(f"{name}={value}" for name, value in http.cookies.items())
    return {"Cookie": cookies}


def _await_all(
    doors: Mapping[str, Door], foreign: Mapping[str, str], strangers: Mapping[str, Any]
) -> None:
    """Until every process has heard of the keys, and one of them is over."""
    places = {"serving": "/v1/models", "registry": "/v1/me", "monitor": "/v1/openapi.json"}
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        known = [
            doors[service].ask("GET", path, foreign).status == 200
            for service, path in places.items()
        ]
        over = doors["registry"].ask("GET", "/v1/me", strangers["expired"]).status == 401
        nothing = doors["serving"].ask("GET", "/v1/models", {}).status == 401
        if all(known) and over and nothing:
            return
        time.sleep(0.1)
    raise TimeoutError
