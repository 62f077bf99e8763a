"""One real monitor: started, killed, asked."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from tests.conftest import free_port
from tests.fakes.monitor import FakeRegistry
from tests.fakes.monitor_entries import NAME, READER, bearer
from understudy.contracts.monitor import Assessment


@dataclass
class MonitorProcess:
    """Starts, kills and asks one monitor."""

    redis_url: str
    registry_url: str
    folder: Path
    settings: Mapping[str, str] = field(default_factory=dict)
    """Beyond `UNDERSTUDY_MONITOR_`."""
    port: int = field(default_factory=free_port)
    process: "subprocess.Popen[bytes] | None" = None

    def start(self) -> None:
        environment = {
            **os.environ,
            "UNDERSTUDY_MONITOR_PORT": str(self.port),
            "UNDERSTUDY_REGISTRY_URL": self.registry_url,
            "UNDERSTUDY_REDIS_URL": self.redis_url,
            "UNDERSTUDY_SERVICE_KEY": "us_service_key",
            "UNDERSTUDY_STATE_DIR": str(self.folder),
            "UNDERSTUDY_MONITOR_PAUSE_SECONDS": "0.02",
            "UNDERSTUDY_MONITOR_WAIT_SECONDS": "0.1",
            "UNDERSTUDY_MONITOR_BATCH_ENTRIES": "20",
            **{f"UNDERSTUDY_MONITOR_{name}": value for name, value in self.settings.items()},
        }
        with (self.folder / "monitor.log").open("ab") as log:
            command = [sys.executable, "-m", "services.monitor"]
            self.process = subprocess.Popen(command, env=environment, stdout=log, stderr=log)

    def kill(self) -> None:
        assert self.process is not None
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def stop(self) -> int:
        assert self.process is not None
        self.process.terminate()
        return self.process.wait(timeout=15)

    def get(self, path: str, key: Any = READER) -> httpx.Response:
        url = f"http://127.0.0.1:{self.port}{path}"
        return httpx.get(url, headers=bearer(key), timeout=60.0)

    def assessment(self, deployment: str = NAME) -> Assessment | None:
        try:
            answer = self.get(f"/v1/deployments/{deployment}/assessment")
        except httpx.TransportError:
            return None
        return Assessment.model_validate_json(answer.content) if answer.is_success else None

    def until(
        self, holds: Callable[[Assessment], bool], seconds: float = 60.0, deployment: str = NAME
    ) -> Assessment:
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            found = self.assessment(deployment)
            if found is not None and holds(found):
                return found
            time.sleep(0.05)
        raise AssertionError(f"{self.assessment(deployment)}\n{self.log()[-4000:]}")

    def log(self) -> str:
        return (self.folder / "monitor.log").read_text()


@contextmanager
def running(
    redis_url: str,
    registry: FakeRegistry,
    folder: Path,
    settings: Mapping[str, str] | None = None,
) -> Iterator[MonitorProcess]:
    """Killed at the end, whatever happened."""
    folder.mkdir(exist_ok=True)
    monitor = MonitorProcess(redis_url, registry.url, folder, settings or {})
    monitor.start()
    try:
        yield monitor
    finally:
        monitor.kill()
