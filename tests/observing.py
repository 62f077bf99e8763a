"""A laptop cluster that is watched for real: by a Prometheus and an Alertmanager with what ships.

Their configuration is that of `deploy/`; only addresses, key files and the receiver are others.
"""

import json
import shutil
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Final

import httpx
import yaml

from tests.cluster import ROOT, SERVICES, LaptopCluster, free_ports

DEPLOY: Final = ROOT / "deploy"
_START_SECONDS: Final = 30.0
_STOP_SECONDS: Final = 10.0

Yaml = dict[str, Any]


def program(*names: str) -> str | None:
    """The first of these that is on PATH."""
    return next((found for name in names if (found := shutil.which(name))), None)


PROMETHEUS: Final = program("prometheus3", "prometheus")
ALERTMANAGER: Final = program("alertmanager", "prometheus-alertmanager")


@dataclass(frozen=True, slots=True)
class Notice:
    """One alert as a receiver was told of it."""

    at: float
    """When it came in, in seconds since the epoch."""
    status: str
    """`firing` or `resolved`."""
    labels: Mapping[str, str]
    annotations: Mapping[str, str]

    @property
    def name(self) -> str:
        return self.labels["alertname"]


@dataclass
class Receiver:
    """A webhook that keeps what it is told."""

    notices: list[Notice] = field(default_factory=list)

    def __post_init__(self) -> None:
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                told = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                receiver.take(told)
                self.send_response(200)
                self.end_headers()

            def log_message(self, *_: object) -> None:
                """Silent."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}/"

    def take(self, told: Yaml) -> None:
        now = time.time()
        self.notices += [
            Notice(now, alert["status"], alert["labels"], alert["annotations"])
            for alert in told["alerts"]
        ]

    def first(self, name: str, since: float = 0.0, status: str = "firing") -> Notice | None:
        """The first word of an alert after a moment."""
        heard = (each for each in list(self.notices) if each.at >= since)
        return next((each for each in heard if (each.name, each.status) == (name, status)), None)

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


@dataclass
class Observatory:
    """Prometheus and Alertmanager over a cluster that runs; ports and folders of their own."""

    cluster: LaptopCluster
    folder: Path
    seconds: int = 5
    """Between two scrapes, and between two evaluations of the rules."""

    def __post_init__(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        self.receiver = Receiver()
        self._prometheus_port, self._alertmanager_port = free_ports(2)
        self._processes: dict[str, subprocess.Popen[bytes]] = {}

    @property
    def prometheus_url(self) -> str:
        return f"http://127.0.0.1:{self._prometheus_port}"

    @property
    def alertmanager_url(self) -> str:
        return f"http://127.0.0.1:{self._alertmanager_port}"

    def start(self) -> None:
        self._begin_alertmanager()
        self._begin_prometheus()

    def stop(self) -> None:
        for process in self._processes.values():
            process.terminate()
        for process in self._processes.values():
            try:
                process.wait(_STOP_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        self.receiver.close()

    def query(self, promql: str, at: float | None = None) -> list[Yaml]:
        """An instant vector: `metric` and `value` of each series."""
        asked = {"query": promql} if at is None else {"query": promql, "time": str(at)}
        return self._ask("query", asked)

    def query_range(self, promql: str, start: float, end: float, step: float) -> list[Yaml]:
        """A matrix: `metric` and `values` of each series."""
        asked = {"query": promql, "start": str(start), "end": str(end), "step": str(step)}
        return self._ask("query_range", asked)

    def label_values(self, label: str, matcher: str) -> list[str]:
        answer = httpx.get(
            f"{self.prometheus_url}/api/v1/label/{label}/values",
            params={"match[]": matcher},
            timeout=10,
        )
        return list(answer.raise_for_status().json()["data"])

    def alerts(self) -> list[Yaml]:
        """What Prometheus holds as pending or firing."""
        answer = httpx.get(f"{self.prometheus_url}/api/v1/alerts", timeout=10)
        return list(answer.raise_for_status().json()["data"]["alerts"])

    def await_notice(self, name: str, since: float, deadline_seconds: float) -> Notice:
        """The first word of an alert after a moment."""
        return self._await_word(name, since, "firing", deadline_seconds)

    def await_resolved(self, name: str, since: float, deadline_seconds: float) -> Notice:
        """The first word that an alert is over."""
        return self._await_word(name, since, "resolved", deadline_seconds)

    def _await_word(self, name: str, since: float, status: str, seconds: float) -> Notice:
        def heard() -> bool:
            return self.receiver.first(name, since, status) is not None

        _await(heard, seconds, lambda: f"{name} to be {status}; held: {self.alerts()}")
        found = self.receiver.first(name, since, status)
        assert found is not None
        return found

    def _ask(self, what: str, asked: Mapping[str, str]) -> list[Yaml]:
        answer = httpx.post(f"{self.prometheus_url}/api/v1/{what}", data=dict(asked), timeout=30)
        body = answer.json()
        if body["status"] != "success":
            raise AssertionError(f"{asked['query']}: {body['error']}")
        return list(body["data"]["result"])

    def _begin_prometheus(self) -> None:
        assert PROMETHEUS is not None
        config = yaml.safe_load((DEPLOY / "prometheus" / "prometheus.yml").read_text())
        config["global"] |= {
            "scrape_interval": f"{self.seconds}s",
            "scrape_timeout": f"{self.seconds}s",
            "evaluation_interval": f"{self.seconds}s",
            "external_labels": self._links(),
        }
        config["rule_files"] = [str(DEPLOY / "prometheus" / "rules" / "*.yml")]
        at = [f"127.0.0.1:{self._alertmanager_port}"]
        config["alerting"] = {"alertmanagers": [{"static_configs": [{"targets": at}]}]}
        config["scrape_configs"] = list(self._scraped(config["scrape_configs"]))
        file = self._write("prometheus.yml", config)
        self._spawn(
            "prometheus",
            [
                PROMETHEUS,
                f"--config.file={file}",
                f"--storage.tsdb.path={self.folder / 'tsdb'}",
                f"--web.listen-address=127.0.0.1:{self._prometheus_port}",
            ],
            f"{self.prometheus_url}/-/ready",
        )

    def _links(self) -> dict[str, str]:
        """What alerts lead to; there is no Grafana."""
        monitor = f"http://127.0.0.1:{self.cluster.ports['monitor']}"
        grafana = "http://127.0.0.1:3000"
        return {"runbooks": f"{monitor}/runbook", "grafana": grafana, "monitor": monitor}

    def _scraped(self, jobs: Sequence[Yaml]) -> Iterator[Yaml]:
        """Our services where this cluster has them, and Prometheus itself; nothing else."""
        metrics_key = self.cluster.state_dir / "secrets" / "metrics.key"
        for job in jobs:
            service = job["job_name"].removeprefix("understudy-")
            if service not in SERVICES and service != "prometheus":
                continue
            port = self.cluster.ports.get(service, self._prometheus_port)
            intervals = ("scrape_interval", "scrape_timeout")
            kept = {
                k: v for k, v in job.items() if not k.endswith("_configs") and k not in intervals
            }
            if "authorization" in kept:
                kept["authorization"] = {"credentials_file": str(metrics_key)}
            yield {**kept, "static_configs": [{"targets": [f"127.0.0.1:{port}"]}]}

    def _begin_alertmanager(self) -> None:
        assert ALERTMANAGER is not None
        shipped = DEPLOY / "alertmanager"
        config = yaml.safe_load((shipped / "alertmanager.yml").read_text())
        # Whatever else is done with an alert, the receiver is told of it first.
        told = {"receiver": "observatory", "continue": True}
        told |= {"group_wait": "0s", "group_interval": "1s", "group_by": ["..."]}
        config["route"]["routes"] = [told, *config["route"].get("routes", [])]
        webhook = {"url": self.receiver.url, "send_resolved": True}
        config["receivers"] = [
            {"name": "observatory", "webhook_configs": [webhook]},
            *({"name": each["name"]} for each in config["receivers"]),
        ]
        config["templates"] = [str(shipped / "templates" / "*.tmpl")]
        file = self._write("alertmanager.yml", config)
        self._spawn(
            "alertmanager",
            [
                ALERTMANAGER,
                f"--config.file={file}",
                f"--storage.path={self.folder / 'alertmanager'}",
                f"--web.listen-address=127.0.0.1:{self._alertmanager_port}",
                "--cluster.listen-address=",
            ],
            f"{self.alertmanager_url}/-/ready",
        )

    def _write(self, name: str, content: Yaml) -> Path:
        file = self.folder / name
        file.write_text(yaml.safe_dump(content, sort_keys=False))
        return file

    def _spawn(self, name: str, command: Sequence[str], ready_url: str) -> None:
        log = self.folder / f"{name}.log"
        with log.open("wb") as output:
            process = subprocess.Popen(
                command, cwd=self.folder, stdout=output, stderr=subprocess.STDOUT
            )
        self._processes[name] = process

        def ready() -> bool:
            if process.poll() is not None:
                raise AssertionError(f"{name} ended:\n{log.read_text()[-3_000:]}")
            try:
                return httpx.get(ready_url, timeout=2).is_success
            except httpx.HTTPError:
                return False

        _await(ready, _START_SECONDS, lambda: f"{name}:\n{log.read_text()[-3_000:]}")


@contextmanager
def observatory(cluster: LaptopCluster, folder: Path, seconds: int = 5) -> Iterator[Observatory]:
    """Watching until the end, whatever happens."""
    watching = Observatory(cluster, folder, seconds)
    with ExitStack() as stack:
        stack.callback(watching.stop)
        watching.start()
        yield watching


def _await(holds: Callable[[], bool], seconds: float, what: Callable[[], str]) -> None:
    deadline = time.monotonic() + seconds
    while not holds():
        if time.monotonic() > deadline:
            raise TimeoutError(f"waited {seconds:.0f} s for {what()}")
        time.sleep(0.2)
