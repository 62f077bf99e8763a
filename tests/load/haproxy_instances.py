"""Serving as a pod runs it: `bentoml serve` with a state folder of its own, which goes with it."""

import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import httpx

from tests.cluster import ROOT, LaptopCluster, free_ports
from tests.fakes.serving import eventually

_START_SECONDS: Final = 180.0


@dataclass(slots=True)
class Instance:
    """One address; each start is another process with an empty state folder."""

    name: str
    cluster: LaptopCluster
    workers: int
    port: int = field(default_factory=lambda: free_ports(1)[0])
    generation: int = 0
    process: "subprocess.Popen[bytes] | None" = None

    @property
    def folder(self) -> Path:
        return self.cluster.folder / f"{self.name}-{self.generation}"

    def start(self) -> None:
        """Begin; see `await_ready`."""
        self.generation += 1
        self.folder.mkdir()
        environment = {
            **self.cluster.environment,
            "BENTOML_DO_NOT_TRACK": "True",
            "BENTOML_HOME": str(self.folder / "bentoml"),
            "UNDERSTUDY_REDIS_URL": self.cluster.redis_url,
            "UNDERSTUDY_SERVICE_KEY": self.cluster.key("service"),
            "UNDERSTUDY_SERVING_WORKERS": str(self.workers),
            "UNDERSTUDY_STATE_DIR": str(self.folder),
        }
        target = "services.serving.bento:Understudy"
        address = ["--host", "127.0.0.1", "--port", str(self.port)]
        with (self.folder / "log").open("wb") as log:
            self.process = subprocess.Popen(
                [str(Path(sys.executable).with_name("bentoml")), "serve", target, *address],
                cwd=ROOT,
                env=environment,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def await_ready(self) -> None:
        """Return when its readiness probe succeeds."""
        eventually(self.ready, _START_SECONDS)

    def ready(self) -> bool:
        try:
            return httpx.head(f"http://127.0.0.1:{self.port}/readyz", timeout=5.0).is_success
        except httpx.TransportError:
            return False

    def terminate(self, grace_seconds: float) -> float:
        """SIGTERM, and SIGKILL when it is over; seconds that it took to go."""
        process, self.process = self.process, None
        if process is None:
            return 0.0
        began = time.monotonic()
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(grace_seconds)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait(10.0)
        return time.monotonic() - began
