"""The containers of docker-compose.yml for tests: a project, images and ports of their own."""

import json
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, Final

import httpx
import pytest
import yaml

from tests.cluster import free_ports

ROOT: Final = Path(__file__).parents[2]
IMAGES: Final = ("installation", "registry", "serving", "monitor", "example")
SERVICES: Final = ("redis", "registry", "serving", "challenger", "monitor")
VERSION: Final = "under-test"
# Debian's Alertmanager reads its default templates from files; others have them built in.
_TEMPLATES: Final = Path("/usr/share/prometheus/alertmanager")
_PORTS: Final = (
    "UNDERSTUDY_REGISTRY_PORT",
    "UNDERSTUDY_SERVING_PORT",
    "UNDERSTUDY_SERVING_GRPC_PORT",
    "UNDERSTUDY_MONITOR_PORT",
    "PROMETHEUS_PORT",
    "ALERTMANAGER_PORT",
)


@cache
def missing() -> str | None:
    """What there is not of an engine and its compose; None when all is there."""
    if shutil.which("docker") is None:
        return "there is no docker"
    for command in (["docker", "info"], ["docker", "compose", "version"]):
        if subprocess.run(command, capture_output=True, check=False).returncode:
            return f"{' '.join(command)} fails"
    return None


needs_docker: Final = pytest.mark.skipif(missing() is not None, reason=str(missing()))


def image(name: str) -> str:
    return f"understudy/{name}:{VERSION}"


def docker(*arguments: str) -> str:
    """Run `docker`; its output. What it complains of is part of the failure."""
    return output("docker", *arguments)


def output(*command: str, **environment: str) -> str:
    done = subprocess.run(
        command,
        cwd=ROOT,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, f"{' '.join(command)}:\n{done.stdout}\n{done.stderr}"
    return done.stdout


def in_image(name: str, statement: str, *options: str) -> str:
    """What a line of Python prints inside an image, whose entry point is replaced."""
    entry = ("--entrypoint", "python")
    return docker("run", "--rm", *options, *entry, image(name), "-c", statement).strip()


@dataclass
class Containers:
    """One project. Nothing of it is published but on ports that were free."""

    project: str
    settings: dict[str, str] = field(default_factory=dict)
    override: Path | None = None

    def __post_init__(self) -> None:
        chosen = zip(_PORTS, map(str, free_ports(len(_PORTS))), strict=True)
        self.environment = {
            "COMPOSE_PROJECT_NAME": self.project,
            "UNDERSTUDY_VERSION": VERSION,
            **dict(chosen),
            **self.settings,
        }
        if self.override is not None:
            files = [ROOT / "docker-compose.yml", self.override]
            self.environment["COMPOSE_FILE"] = os.pathsep.join(map(str, files))

    def compose(self, *arguments: str) -> str:
        """Run `docker compose`."""
        return output("docker", "compose", *arguments, **self.environment)

    def up(self, *services: str) -> float:
        """Bring up and wait until all is healthy; how many seconds it took."""
        began = time.monotonic()
        self.compose("up", "--detach", "--wait", "--wait-timeout", "600", *services)
        return time.monotonic() - began

    def url(self, service: str) -> str:
        names = (f"UNDERSTUDY_{service.upper()}_PORT", f"{service.upper()}_PORT")
        (port,) = (self.environment[name] for name in names if name in self.environment)
        return f"http://127.0.0.1:{port}"

    def secret(self, service: str, name: str) -> str:
        return self.compose("exec", "-T", service, "cat", f"/run/secrets/{name}").strip()

    def container(self, service: str) -> str:
        return self.compose("ps", "--all", "--quiet", service).strip()

    def inspect(self, service: str) -> dict[str, Any]:
        (found,) = json.loads(docker("inspect", self.container(service)))
        return dict(found)

    def healthy(self, service: str) -> bool:
        state = self.inspect(service)["State"]
        return bool(state["Running"]) and state["Health"]["Status"] == "healthy"

    def redis(self, *words: str) -> str:
        """A command as Redis's operator."""
        line = 'REDISCLI_AUTH="$(cat /run/secrets/operator)" exec redis-cli --user operator "$@"'
        return self.compose("exec", "-T", "redis", "sh", "-c", line, "sh", *words).strip()

    def ready(self, service: str) -> bool:
        try:
            return httpx.get(f"{self.url(service)}/readyz", timeout=5).is_success
        except httpx.HTTPError:
            return False

    def gone(self) -> None:
        """Remove containers, networks and volumes."""
        self.compose("--profile", "*", "down", "--volumes", "--remove-orphans", "--timeout", "5")


@contextmanager
def containers(project: str, **settings: str) -> Iterator[Containers]:
    """A project that leaves nothing behind."""
    with tempfile.TemporaryDirectory() as folder:
        found = Containers(project, settings, _override(Path(folder)))
        try:
            yield found
        finally:
            found.gone()


def _override(folder: Path) -> Path | None:
    """What the host has and a stand-in for an image may lack."""
    if not _TEMPLATES.is_dir():
        return None
    volumes = {"volumes": [f"{_TEMPLATES}:{_TEMPLATES}:ro"]}
    path = folder / "override.yml"
    path.write_text(yaml.safe_dump({"services": {"alertmanager": volumes}}))
    return path


def wait_until(holds: Callable[[], bool], what: str, seconds: float = 180.0) -> float:
    """How many seconds it took; a TimeoutError with `what` when it did not come true."""
    began = time.monotonic()
    while not holds():
        if time.monotonic() - began > seconds:
            raise TimeoutError(f"waited {seconds:g} s for {what}")
        time.sleep(0.5)
    return time.monotonic() - began
