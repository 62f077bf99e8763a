"""What each container runs: its application, which answers probes, and the settings it reads."""

import asyncio
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import httpx
from starlette.applications import Starlette
from starlette.types import ASGIApp

from services.monitor.app import create_app
from services.monitor.settings import MonitorSettings
from services.registry.app import build
from services.registry.settings import RegistrySettings
from services.serving.api.probes import Readiness, probes
from services.serving.app.challenger import ChallengerProcess
from services.serving.settings import ChallengerSettings, ServingSettings
from tests.deploy.kube.manifests import Manifest
from understudy.runtime.keys import make_key
from understudy.runtime.settings import ServiceSettings

ANSWERS: Final = frozenset({200, 503})
"""Of a route for probes: 401 or 404 say that it is none."""


@dataclass(frozen=True, slots=True)
class Program:
    """One of ours, known by the module that is started."""

    settings: type[ServiceSettings]
    application: Callable[[Path], ASGIApp]
    port: str
    """The setting that says where it listens."""
    secrets: frozenset[str]
    """Settings without which it does not start."""


def _serving(_folder: Path) -> ASGIApp:
    unready = Readiness(loaded=False, draining=False, deployments=0, not_loaded=0, log={})
    return Starlette(routes=probes(lambda: unready))


def _challenger(folder: Path) -> ASGIApp:
    key = make_key().plaintext
    return ChallengerProcess(ChallengerSettings(service_key=key, state_dir=folder)).app()


def _monitor(folder: Path) -> ASGIApp:
    return create_app(MonitorSettings(service_key=make_key().plaintext, state_dir=folder))


def _registry(folder: Path) -> ASGIApp:
    return build(RegistrySettings(state_dir=folder)).asgi


_KEY: Final = frozenset({"service_key"})
PROGRAMS: Final[Mapping[str, Program]] = {
    "services.registry": Program(RegistrySettings, _registry, "registry_port", frozenset()),
    "bentoml": Program(ServingSettings, _serving, "serving_port", _KEY),
    "services.serving.challenger": Program(
        ChallengerSettings, _challenger, "challenger_port", _KEY
    ),
    "services.monitor": Program(MonitorSettings, _monitor, "monitor_port", _KEY),
}


def program_of(container: Manifest) -> Program | None:
    """None of what is not ours."""
    command = container.get("command", [])
    return PROGRAMS.get(command[2]) if command[:2] == ["python", "-m"] else None


class Doors:
    """Asks each program's application, made once, what it answers to a probe."""

    def __init__(self) -> None:
        self._found: dict[tuple[str, str], int] = {}

    def answer(self, program: Program, path: str) -> int:
        key = program.port, path
        if key not in self._found:
            with tempfile.TemporaryDirectory() as folder:
                application = program.application(Path(folder))
                self._found[key] = asyncio.run(_asked(application, path))
        return self._found[key]


async def _asked(application: ASGIApp, path: str) -> int:
    """Without its lifespan, so no loop runs: only the route is asked."""
    transport = httpx.ASGITransport(application)
    async with httpx.AsyncClient(transport=transport, base_url="http://pod") as client:
        return (await client.get(path)).status_code
