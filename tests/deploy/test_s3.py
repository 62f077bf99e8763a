"""A whole laptop whose artifacts, archive, reports and backups are in an S3-compatible store.

The store has no bucket when everything starts: what needs one makes it.
"""

import json
import os
import subprocess
import sys
import uuid
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pyarrow.parquet as pq
import pytest

from tests.cluster import ROOT, LaptopCluster, laptop_cluster
from tests.deploy.containers import wait_until
from tests.deploy.object_store import ObjectStore, object_store
from tests.fakes.object_stores import S3
from tests.integration.registry.conftest import RegistryProcess
from understudy.contracts.replays import ReplayAudit

pytestmark = pytest.mark.timeout(900)

SETTINGS: Final = {
    "ARTIFACTS_URL": "s3://registry/artifacts",
    "MONITOR_ARCHIVE_URL": "s3://monitor/archive",
    "MONITOR_REPORTS_URL": "s3://monitor/reports",
    "MONITOR_ARCHIVE_SECONDS": "1",
}
BACKUPS: Final = "s3://backups/understudy"
SUITES: Final = (
    "tests/contract/monitor/test_monitor_archive_contract.py",
    "tests/contract/monitor/test_monitor_shelf_contract.py",
    "tests/contract/registry/test_registry_artifact_files.py",
)


@dataclass(frozen=True, slots=True)
class Laptop:
    """A running cluster and the store that it keeps its files in."""

    cluster: LaptopCluster
    store: ObjectStore

    @property
    def name(self) -> str:
        return self.cluster.example.deployment

    def ask(self, count: int) -> set[str]:
        """Ids of predictions that were answered."""
        ids = {f"s3-{uuid.uuid4().hex}" for _ in range(count)}
        row = self.cluster.example.example_row
        for one in ids:
            self.cluster.serving.predict(self.name, row, prediction_id=one)
        return ids

    def archived(self) -> Counter[str]:
        """How often each prediction of this file is in the archive, read as anybody reads it."""
        found, files = Counter[str](), self.store.files()
        folder = f"monitor/archive/deployment={self.name}/stream=predictions"
        for path in self.store.names(folder):
            with files.open(path, "rb") as file:
                ids = pq.ParquetFile(file).read(columns=["prediction_id"])
            found.update(one for one in ids["prediction_id"].to_pylist() if one.startswith("s3-"))
        return found

    def understudy(self, *words: str) -> str:
        """A command's output, in the state that the cluster's owner types it in."""
        told = {"UNDERSTUDY_KEY": self.cluster.key("admin")}
        return run([sys.executable, "-m", *words], {**self.cluster.environment, **told})


def run(command: list[str], environment: dict[str, str]) -> str:
    done = subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, f"{command}:\n{done.stdout}\n{done.stderr}"
    return done.stdout


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ObjectStore]:
    with object_store(tmp_path_factory.mktemp("store")) as running:
        yield running


@pytest.fixture(scope="module")
def laptop(tmp_path_factory: pytest.TempPathFactory, store: ObjectStore) -> Iterator[Laptop]:
    with laptop_cluster(
        tmp_path_factory.mktemp("laptop"),
        with_example=True,
        serving_workers=1,
        settings=SETTINGS,
        surroundings=store.environment,
    ) as cluster:
        yield Laptop(cluster, store)


def test_the_contracts_hold_in_a_bucket_that_is_not_there_yet(store: ObjectStore) -> None:
    environment = {**os.environ, **store.environment, S3: "s3://contracts", "PYTHONPATH": "."}
    words = ("-q", "-p", "no:cacheprovider", "-k", "s3")
    said = run([sys.executable, "-m", "pytest", *words, *SUITES], environment)
    print(said)
    assert "passed" in said
    assert "skipped" not in said


def test_artifacts_lie_in_the_bucket_alone(laptop: Laptop) -> None:
    versions = laptop.cluster.registry.versions("credit-risk")
    digests = {version.artifact for version in versions}
    kept = {name.rpartition("/")[2] for name in laptop.store.names("registry/artifacts")}
    assert digests <= kept
    assert not laptop.store.names("registry/artifacts/incoming")
    assert not [*laptop.cluster.state_dir.glob("registry/artifacts/**/*")]


def test_history_is_archived_once_and_the_main_reproduces_it(laptop: Laptop) -> None:
    asked = laptop.ask(200)
    wait_until(lambda: asked <= laptop.archived().keys(), "the archive")
    assert {*laptop.archived().values()} == {1}
    listed = laptop.cluster.monitor.ask(
        "GET", f"/v1/deployments/{laptop.name}/archive", params={"limit": 1_000}
    ).json()["items"]
    rows = sum(item["rows"] for item in listed if item["stream"] == "predictions")
    assert rows >= len(asked)
    words = ("replay", laptop.name, "--main", "--since", "1h", "-o", "json")
    audited = ReplayAudit.model_validate_json(laptop.understudy("understudy.cli", *words))
    assert audited.rows >= len(asked)
    assert audited.mismatches == 0
    assert not [*laptop.cluster.state_dir.glob("monitor/archive/**/*.parquet")]


def test_a_restart_goes_on_in_the_same_buckets(laptop: Laptop) -> None:
    before = laptop.archived()
    laptop.cluster.stop()
    laptop.cluster.start()
    asked = laptop.ask(50)
    wait_until(lambda: asked <= laptop.archived().keys(), "the archive")
    now = laptop.archived()
    assert before.keys() <= now.keys()
    assert {*now.values()} == {1}


def test_a_report_at_an_alarm_is_kept_there(laptop: Laptop) -> None:
    """The same row again and again is another distribution than the reference's."""
    laptop.ask(300)
    wait_until(lambda: len(laptop.cluster.monitor.reports(laptop.name)) > 0, "a report")
    (report, *_) = laptop.cluster.monitor.reports(laptop.name)
    page = laptop.cluster.monitor.kept_report(laptop.name, report.id)
    assert page.lstrip().lower().startswith("<!doctype html")
    place = f"monitor/reports/{laptop.name}/{report.id}"
    assert {f"{place}.json", f"{place}.html.gz"} <= {*laptop.store.names("monitor/reports")}


def test_a_review_lies_in_the_bucket(laptop: Laptop) -> None:
    """Before the backup below, which takes it along."""
    registry = laptop.cluster.registry
    registry.make_review("credit-risk", 1)
    standing = registry.await_review("credit-risk", 1)
    assert standing.file is not None, standing.failure
    assert registry.review("credit-risk", 1).model == "credit-risk"
    kept = {name.rpartition("/")[2] for name in laptop.store.names("registry/artifacts")}
    assert standing.file in kept


def test_a_backup_in_the_store_is_restored_into_another_bucket(
    laptop: Laptop, tmp_path: Path
) -> None:
    stated = laptop.cluster.environment
    command = [sys.executable, "-m", "services.registry"]
    made = json.loads(run([*command, "backup", BACKUPS, "--keep", "2", "-o", "json"], stated))
    again = json.loads(run([*command, "backup", BACKUPS, "--keep", "1", "-o", "json"], stated))
    assert made["copied"] == made["artifacts"] > 0
    assert (again["copied"], again["removed"]) == (0, [made["backup"]])
    published = [one for one in laptop.store.names("backups") if one.endswith("manifest.json")]
    assert published == [f"backups/understudy/{again['backup']}/manifest.json"]

    elsewhere = {"UNDERSTUDY_ARTIFACTS_URL": "s3://restored/artifacts", **laptop.store.environment}
    other = RegistryProcess(tmp_path, settings=elsewhere)
    restored = json.loads(run([*command, "restore", BACKUPS, "-o", "json"], other.environment()))
    assert (restored["backup"], restored["copied"]) == (again["backup"], again["artifacts"])
    other.start()
    try:
        with other.client() as client:
            names = {one["name"] for one in client.get("/v1/deployments").json()["items"]}
            assert names == {one.name for one in laptop.cluster.registry.deployments()}
    finally:
        other.end()
    kept = {one.rpartition("/")[2] for one in laptop.store.names("registry/artifacts")}
    assert {one.rpartition("/")[2] for one in laptop.store.names("restored/artifacts")} == kept
