"""`bentoml serve` by itself: a registry that is only HTTP, one public deployment, n workers."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import psutil

from tests.cluster import free_ports
from tests.fakes.serving import FakeRegistry, artifact_of, deployment, eventually, flower_model
from tests.fakes.serving import served as version_of

ROOT = Path(__file__).parents[1]
ROW = {"length": 1.5, "width": 2.5}
PREDICT = "/v1/deployments/flowers/predict"

_INITIALIZED = "Service understudy initialized"


@dataclass
class ServingProcess:
    """May be started and stopped several times; the port and the state stay."""

    folder: Path
    redis_url: str
    workers: int = 2
    settings: dict[str, str] = field(default_factory=dict)
    target: str = "services.serving.bento:Understudy"

    def __post_init__(self) -> None:
        self.port, registry_port = free_ports(2)
        self.registry = FakeRegistry(registry_port)
        artifact = self.registry.store(artifact_of(flower_model()))
        self.registry.publish(deployment([version_of(1, artifact)]))
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def environment(self) -> dict[str, str]:
        return {
            **os.environ,
            "PYTHONPATH": str(ROOT),
            "BENTOML_DO_NOT_TRACK": "True",
            "BENTOML_HOME": str(self.folder / "bentoml"),
            "UNDERSTUDY_REDIS_URL": self.redis_url,
            "UNDERSTUDY_REGISTRY_URL": self.registry.url,
            "UNDERSTUDY_SERVICE_KEY": self.registry.key.plaintext,
            "UNDERSTUDY_STATE_DIR": str(self.folder),
            "UNDERSTUDY_SERVING_WORKERS": str(self.workers),
            **self.settings,
        }

    @property
    def log(self) -> str:
        return self._log.read_text(errors="replace")

    @property
    def _log(self) -> Path:
        return self.folder / "serving.log"

    def start(self) -> None:
        """Return when it is ready."""
        started = (self.starts() if self._log.exists() else 0) + self.workers
        self.launch()
        eventually(lambda: self.starts() == started and self.ready(), 90.0)

    def launch(self) -> None:
        """Wait for nothing."""
        bentoml = str(Path(sys.executable).with_name("bentoml"))
        address = ["--host", "127.0.0.1", "--port", str(self.port)]
        with self._log.open("ab") as log:
            self.process = subprocess.Popen(
                [bentoml, "serve", self.target, *address],
                cwd=ROOT,
                env=self.environment,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def ready(self) -> bool:
        try:
            return httpx.get(f"{self.url}/readyz", timeout=5.0).status_code == 200
        except httpx.TransportError:
            return False

    def starts(self) -> int:
        """How many workers have come to the point where they accept connections."""
        return self.log.count(_INITIALIZED)

    def worker_pids(self) -> set[int]:
        assert self.process is not None
        children = psutil.Process(self.process.pid).children()
        return {
            child.pid for child in children if "_bentoml_impl.worker.service" in _command(child)
        }

    def metrics(self) -> str:
        key = {"X-API-Key": self.registry.admin.plaintext}
        return httpx.get(f"{self.url}/metrics", headers=key, timeout=10.0).raise_for_status().text

    def stop(self) -> int:
        """SIGTERM for the supervisor; returns when it and its workers are gone."""
        if self.process is None:
            return 0
        process, self.process = self.process, None
        process.send_signal(signal.SIGTERM)
        try:
            return process.wait(40.0)
        except subprocess.TimeoutExpired:
            for child in psutil.Process(process.pid).children(recursive=True):
                child.kill()
            process.kill()
            raise


def _command(process: psutil.Process) -> str:
    try:
        return " ".join(process.cmdline())
    except psutil.NoSuchProcess:
        return ""


@contextmanager
def serving_process(
    folder: Path, redis_url: str, *, workers: int = 2, **settings: str
) -> Iterator[ServingProcess]:
    """A service that is ready, and gone at the end. `settings` are environment variables."""
    running = ServingProcess(folder, redis_url, workers, settings)
    running.registry.start()
    try:
        running.start()
        yield running
    finally:
        running.stop()
        running.registry.stop()
