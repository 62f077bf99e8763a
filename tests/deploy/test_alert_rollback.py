"""Rollback by alert, for real: an Alertmanager tells the monitor, the registry's trail says why.

A deployment of two versions; the second is main, and a person has named an alert. Whoever watches
raises it; nothing here makes the model itself fail, since an alert knows what the monitor can't.
"""

import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

import httpx
import numpy as np
import pandas as pd
import pytest
import yaml
from sklearn.linear_model import LogisticRegression
from skops.io import dump
from typer.testing import CliRunner

from tests.cluster import LaptopCluster, free_ports, laptop_cluster
from tests.observing import ALERTMANAGER
from understudy.cli.root import app
from understudy.client import ProblemError
from understudy.contracts.monitor import AlertReading
from understudy.contracts.vocabulary import AlertState, RuleName, Verdict

NAME: Final = "tiny"
ALERT: Final = "ErrorBudgetBurn"
COOL_DOWN_SECONDS: Final = 3.0
SIGNATURE: Final = {
    "features": [{"name": "age", "kind": "number"}, {"name": "income", "kind": "number"}],
    "target": {"name": "good", "task": "classification", "classes": ["no", "yes"]},
}

pytestmark = [
    pytest.mark.skipif(ALERTMANAGER is None, reason="alertmanager is not on PATH"),
    pytest.mark.timeout(400),
]


@dataclass
class Alertmanager:
    """A real one, whose only receiver is the monitor."""

    cluster: LaptopCluster
    folder: Path
    began: dict[str, datetime] = field(default_factory=dict)

    def __post_init__(self) -> None:
        (port,) = free_ports(1)
        self.url = f"http://127.0.0.1:{port}"
        self.folder.mkdir()
        authorization = {"credentials_file": f"{self.cluster.state_dir}/secrets/alert.key"}
        webhook = {
            "url": f"{self.cluster.monitor_url}/v1/alerts",
            "send_resolved": True,
            "http_config": {"authorization": authorization},
        }
        waits = {"group_wait": "0s", "group_interval": "1s", "repeat_interval": "3s"}
        config = {
            "route": {"receiver": "monitor", "group_by": ["deployment"], **waits},
            "receivers": [{"name": "monitor", "webhook_configs": [webhook]}],
        }
        (self.folder / "alertmanager.yml").write_text(yaml.safe_dump(config))
        assert ALERTMANAGER is not None
        command = [
            ALERTMANAGER,
            f"--config.file={self.folder}/alertmanager.yml",
            f"--storage.path={self.folder}/data",
            f"--web.listen-address=127.0.0.1:{port}",
            "--cluster.listen-address=",
        ]
        with (self.folder / "log").open("wb") as log:
            self.process = subprocess.Popen(command, stdout=log, stderr=log)

    def ready(self) -> bool:
        assert self.process.poll() is None, (self.folder / "log").read_text()[-2_000:]
        try:
            return httpx.get(f"{self.url}/-/ready", timeout=2).is_success
        except httpx.TransportError:
            return False

    def raises(self, name: str = ALERT, *, seconds: float = 300.0) -> None:
        """As Prometheus does; with no seconds left it is over."""
        now = datetime.now(UTC)
        begun = self.began.setdefault(name, now)
        alert = {
            "labels": {"alertname": name, "deployment": NAME, "severity": "page"},
            "annotations": {"summary": "tiny: 7 % of requests fail"},
            "startsAt": begun.isoformat(),
            "endsAt": (now + timedelta(seconds=seconds)).isoformat(),
        }
        httpx.post(f"{self.url}/api/v2/alerts", json=[alert], timeout=10).raise_for_status()

    def ends(self, name: str = ALERT) -> None:
        self.raises(name, seconds=0.0)
        del self.began[name]


@contextmanager
def alertmanager(cluster: LaptopCluster, folder: Path) -> Iterator[Alertmanager]:
    found = Alertmanager(cluster, folder)
    try:
        until(found.ready, "Alertmanager to be ready")
        yield found
    finally:
        found.process.terminate()
        found.process.wait(20)


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LaptopCluster]:
    folder = tmp_path_factory.mktemp("cluster")
    settings = {"MONITOR_JUDGE_SECONDS": "0.5", "MONITOR_ALERT_SECONDS": "30"}
    with laptop_cluster(folder, serving_workers=1, settings=settings) as running:
        register(running, folder)
        register(running, folder)
        yield running


def told(line: str) -> None:
    """Shown by `pytest -s`."""
    sys.stdout.write(f"{line}\n")


def until(holds: Callable[[], bool], what: str, seconds: float = 60.0) -> float:
    """How long it took, in seconds."""
    begun = time.monotonic()
    while not holds():
        if time.monotonic() - begun > seconds:
            raise AssertionError(f"waited for {what}")
        time.sleep(0.1)
    return time.monotonic() - begun


def understudy(cluster: LaptopCluster, *arguments: str) -> str:
    env = {**cluster.environment, "UNDERSTUDY_KEY": cluster.key("admin")}
    done = CliRunner().invoke(app, list(arguments), env=env)
    assert done.exit_code == 0, done.stderr
    return done.stdout


def register(cluster: LaptopCluster, folder: Path) -> None:
    draw = np.random.default_rng(1)
    sample = pd.DataFrame({"age": draw.normal(0, 1, 400), "income": draw.normal(0, 1, 400)})
    sample["good"] = np.where(sample["age"] + draw.logistic(size=400) > 0, "yes", "no")
    model = LogisticRegression().fit(
        sample[["age", "income"]].to_numpy(), sample["good"].to_numpy(str)
    )
    dump(model, folder / "model.skops")
    sample.to_parquet(folder / "reference.parquet")
    (folder / "signature.json").write_text(json.dumps(SIGNATURE))
    arguments = ["register", NAME, "--project", "trial", "--artifact", f"{folder}/model.skops"]
    arguments += ["--reference", f"{folder}/reference.parquet"]
    understudy(cluster, *arguments, "--signature", f"{folder}/signature.json")


def asked(cluster: LaptopCluster, rows: int = 60) -> None:
    """As soon as the model is loaded."""

    def answered() -> bool:
        try:
            cluster.serving.predict_many(NAME, [{"age": 0.1, "income": 0.2}] * rows)
        except ProblemError as error:
            if error.status == 503:
                return False
            raise
        return True

    until(answered, "an answer")


def main_of(cluster: LaptopCluster) -> int:
    return cluster.registry.deployment(NAME).current.main


def held(cluster: LaptopCluster, name: str = ALERT) -> AlertReading | None:
    return next((one for one in cluster.monitor.alerts(NAME) if one.alert == name), None)


def state(cluster: LaptopCluster) -> AlertState | None:
    found = held(cluster)
    return None if found is None else found.state


def test_an_alert_rolls_back_once_and_leaves_its_reason(
    cluster: LaptopCluster, tmp_path: Path
) -> None:
    understudy(cluster, "deploy", NAME, "1", "--name", NAME)
    policy = ("--roll-back", "automatic", "--alert-rollback", ALERT, "--minimum-rows", "50")
    understudy(cluster, "configure", NAME, *policy, "--cool-down", f"{COOL_DOWN_SECONDS:.0f}s")
    asked(cluster)
    understudy(cluster, "deploy", NAME, "2", "--name", NAME)
    assert main_of(cluster) == 2
    assert f"alert rollback {ALERT}" in understudy(cluster, "status", NAME)

    with alertmanager(cluster, tmp_path / "alertmanager") as watcher:
        # An alert that nobody named changes nothing.
        watcher.raises("Unnamed")
        until(lambda: held(cluster, "Unnamed") is not None, "an unnamed alert")
        asked(cluster)
        time.sleep(COOL_DOWN_SECONDS)
        assert main_of(cluster) == 2

        watcher.raises()
        took = until(lambda: main_of(cluster) == 1, "a rollback")
        told(f"alert raised → main again the former version: {took:.1f} s")
        rolled_back = cluster.registry.deployment(NAME).current.release
        _is_told_why(cluster)

        # It goes on firing, the monitor is killed and comes back: nothing more happens.
        killed = cluster.kill("monitor")
        cluster.await_restart("monitor", killed)
        goes_on = time.monotonic() + 4 * COOL_DOWN_SECONDS
        while time.monotonic() < goes_on:
            watcher.raises()
            asked(cluster, rows=20)
            time.sleep(1.0)
        assert state(cluster) is AlertState.FIRING
        assert cluster.registry.deployment(NAME).current.release == rolled_back
        assert "it began before version 1 became main" in understudy(cluster, "why", NAME)

        watcher.ends()
        ended = until(lambda: state(cluster) is AlertState.RESOLVED, "its end")
        told(f"alert ended → known as resolved: {ended:.1f} s")

        # It begins anew, under the version that was rolled back to: a person decides.
        time.sleep(1.0)
        watcher.raises()
        until(lambda: cluster.monitor.verdict(NAME).rule is RuleName.ALERT, "a verdict")
        asked(cluster)
        time.sleep(2 * COOL_DOWN_SECONDS)
        found = cluster.monitor.verdict(NAME)
        assert (found.verdict, found.rule, found.version) == (
            *(Verdict.ROLL_BACK, RuleName.ALERT, 2),
        )
        assert found.action is not None
        assert "a person has to decide" in (found.action.held_by or "")
        assert cluster.registry.deployment(NAME).current.release == rolled_back

    text = cluster.metrics("monitor")
    assert f'understudy_alerts_firing{{deployment="{NAME}"}}' in text
    assert f'understudy_alerts_received_total{{deployment="{NAME}",outcome="taken"}}' in text


def _is_told_why(cluster: LaptopCluster) -> None:
    (entry,) = (each for each in cluster.registry.audit() if each.details.get("evidence"))
    evidence = entry.details["evidence"]
    assert isinstance(evidence, dict)
    assert (evidence["rule"], evidence["verdict"]) == ("alert", "roll_back")
    (alert,) = evidence["alerts"]
    assert (alert["alert"], alert["summary"]) == (ALERT, "tiny: 7 % of requests fail")
    assert alert["labels"]["severity"] == "page"
    assert alert["told_by"] == f"key:{cluster.key('alert').split('_')[1]}"
    told(f"audit: {entry.actor} by {alert}")
