"""A whole laptop for tests: `understudy up` itself, on free ports, in a folder of its own."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Final

import httpx
import redis
from pydantic import BaseModel

from tests.unreviewed import UNREVIEWED
from understudy.client import MonitorClient, RegistryClient, ServingClient
from understudy.launch.supervisor import tail

SERVICES: Final = ("serving", "registry", "monitor", "challenger")
UP: Final = "Understudy is up"
ROOT: Final = Path(__file__).parents[1]
KEEP: Final = {"LOG_KEEP_ENTRIES": "10000000", "LOG_KEEP_BYTES": str(1 << 40)}
"""Nothing is trimmed before it is counted."""


class Example(BaseModel):
    """What the example left: a deployment to ask, with a key and a row that it takes."""

    deployment: str
    key: str
    example_row: dict[str, object]
    forms: dict[str, str]

    def row(self, _number: int = 0) -> Mapping[str, object]:
        """A row for the request of that number; all are alike."""
        return self.example_row


@dataclass
class LaptopCluster:
    """One `understudy up` as a subprocess. `start` and `stop` may be repeated: state stays."""

    folder: Path
    with_example: bool = False
    serving_workers: int = 2
    start_seconds: float = 150.0
    settings: Mapping[str, str] = field(default_factory=dict)
    """Further settings of the services, without their prefix."""
    surroundings: Mapping[str, str] = field(default_factory=dict)
    """Further environment variables of every process, as they are."""

    def __post_init__(self) -> None:
        ports = free_ports(6)
        self.ports = dict(zip((*SERVICES, "redis", "serving_grpc"), ports, strict=True))
        self._launcher: subprocess.Popen[bytes] | None = None
        self._clients = ExitStack()

    @property
    def state_dir(self) -> Path:
        return self.folder / "var"

    @property
    def redis_url(self) -> str:
        own = f"redis://127.0.0.1:{self.ports['redis']}/0"
        return self.settings.get("REDIS_URL", own)

    @property
    def serving_url(self) -> str:
        return self.url("serving")

    @property
    def registry_url(self) -> str:
        return self.url("registry")

    @property
    def monitor_url(self) -> str:
        return self.url("monitor")

    def url(self, service: str) -> str:
        return f"http://127.0.0.1:{self.ports[service]}"

    def key(self, name: str) -> str:
        """The installation's `admin`, `service` or `metrics` key."""
        return (self.state_dir / "secrets" / f"{name}.key").read_text().strip()

    @cached_property
    def registry(self) -> RegistryClient:
        return self._clients.enter_context(RegistryClient(self.registry_url, self.key("admin")))

    @cached_property
    def serving(self) -> ServingClient:
        return self._clients.enter_context(ServingClient(self.serving_url, self.key("admin")))

    @cached_property
    def monitor(self) -> MonitorClient:
        return self._clients.enter_context(MonitorClient(self.monitor_url, self.key("admin")))

    @property
    def example(self) -> Example:
        return Example.model_validate_json((self.state_dir / "example.json").read_bytes())

    @property
    def environment(self) -> dict[str, str]:
        """For `understudy` commands and other programs that are to talk to this cluster."""
        ports = {f"UNDERSTUDY_{name.upper()}_PORT": str(p) for name, p in self.ports.items()}
        urls = {f"UNDERSTUDY_{name.upper()}_URL": self.url(name) for name in SERVICES[:3]}
        inherited = {k: v for k, v in os.environ.items() if not k.startswith("UNDERSTUDY_")}
        usual = {**KEEP, **UNREVIEWED, "SERVING_WORKERS": str(self.serving_workers)}
        settings = {**usual, **self.settings}
        return {
            **inherited,
            **ports,
            **urls,
            **{f"UNDERSTUDY_{name}": value for name, value in settings.items()},
            "UNDERSTUDY_STATE_DIR": str(self.state_dir),
            # The code under test is this checkout's, and models' types may be the tests' own.
            "PYTHONPATH": str(ROOT),
            **self.surroundings,
        }

    @property
    def output(self) -> str:
        """What the launcher has printed."""
        return (self.folder / "up.log").read_text(errors="replace")

    def start(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        command = [sys.executable, "-m", "understudy.cli", "up"]
        command.append("--example" if self.with_example else "--no-example")
        with (self.folder / "up.log").open("wb") as output:
            self._launcher = subprocess.Popen(
                command, cwd=ROOT, env=self.environment, stdout=output, stderr=subprocess.STDOUT
            )
        self._await(lambda: UP in self.output, self.start_seconds, "to be up")

    def stop(self) -> int:
        """Ctrl-C. Returns the launcher's exit code; nothing of it is left."""
        self._clients.close()
        for name in ("registry", "serving", "monitor"):
            self.__dict__.pop(name, None)
        launcher = self._launcher
        if launcher is None:
            return 0
        self._launcher = None
        launcher.send_signal(signal.SIGINT)
        try:
            return launcher.wait(40)
        except subprocess.TimeoutExpired:
            launcher.kill()
            raise
        finally:
            launcher.wait(10)

    def launcher_pid(self) -> int:
        assert self._launcher is not None
        return self._launcher.pid

    def pid(self, name: str) -> int:
        return int((self.state_dir / "run" / f"{name}.pid").read_text())

    def kill(self, name: str, number: signal.Signals = signal.SIGKILL) -> int:
        """Signal a process of the plan; returns its pid, so that one can wait for another."""
        pid = self.pid(name)
        os.kill(pid, number)
        return pid

    def await_restart(self, name: str, old_pid: int, seconds: float = 60.0) -> None:
        """Wait until the process is another one, and ready."""

        def restarted() -> bool:
            return self.pid(name) != old_pid and self.ready(name)

        self._await(restarted, seconds, f"to have {name} back")

    def ready(self, name: str) -> bool:
        if name == "redis":
            return self._redis_answers()
        try:
            return httpx.get(f"{self.url(name)}/readyz", timeout=5).is_success
        except httpx.HTTPError:
            return False

    def _redis_answers(self) -> bool:
        with redis.Redis.from_url(self.redis_url) as client:
            try:
                return bool(client.ping())
            except redis.RedisError:
                return False

    def metrics(self, service: str) -> str:
        headers = {"Authorization": f"Bearer {self.key('metrics')}"}
        answer = httpx.get(f"{self.url(service)}/metrics", headers=headers, timeout=10)
        return answer.raise_for_status().text

    def _await(self, holds: Callable[[], bool], seconds: float, what: str) -> None:
        deadline = time.monotonic() + seconds
        while not holds():
            ended = self._launcher is None or self._launcher.poll() is not None
            if ended or time.monotonic() > deadline:
                raise TimeoutError(f"waited {what}; the launcher said:\n{self.story()}")
            time.sleep(0.1)

    def story(self) -> str:
        """What the launcher and each process said last."""
        logs = sorted((self.state_dir / "logs").glob("*.log"))
        return "\n".join([self.output, *(f"{log.name}:\n{tail(log)}" for log in logs)])


@contextmanager
def laptop_cluster(
    folder: Path,
    *,
    with_example: bool = False,
    serving_workers: int = 2,
    settings: Mapping[str, str] | None = None,
    surroundings: Mapping[str, str] | None = None,
) -> Iterator[LaptopCluster]:
    """A running cluster that is stopped at the end, whatever happens."""
    cluster = LaptopCluster(
        folder,
        with_example,
        serving_workers,
        settings=settings or {},
        surroundings=surroundings or {},
    )
    try:
        cluster.start()
        yield cluster
    finally:
        cluster.stop()


def free_ports(count: int) -> list[int]:
    """Ports that are free now, all different."""
    with ExitStack() as stack:
        probes = [stack.enter_context(socket.socket()) for _ in range(count)]
        for probe in probes:
            probe.bind(("127.0.0.1", 0))
        return [probe.getsockname()[1] for probe in probes]
