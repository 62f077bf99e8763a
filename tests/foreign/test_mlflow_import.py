"""Models that the real MLflow saved, imported by `understudy import mlflow`."""

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from tests.foreign.environments import ask
from tests.integration.registry.conftest import ADMIN, RegistryProcess
from understudy.cli.root import app

RUNNER = CliRunner()


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("mlflow")
    ask("mlflow", "mlflow_saving.py", {"folder": str(folder)})
    return folder


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RegistryProcess]:
    running = RegistryProcess(tmp_path_factory.mktemp("registry"))
    running.start()
    yield running
    running.end()


def test_a_skops_file_is_sent_as_it_is(saved: Path, registry: RegistryProcess) -> None:
    made = json.loads(imported(saved, registry, "skops"))
    assert made["artifact"] == digest(saved / "skops" / "model.skops")
    assert [one["kind"] for one in made["signature"]["features"]] == ["integer", "number"]
    assert made["signature"]["target"]["classes"] == ["no", "yes"]
    assert made["lineage"]["libraries"]["scikit-learn"]
    assert made["lineage"]["trained_at"]
    assert made["description"] == "team: risk"


@pytest.mark.parametrize("kept", ["pickle", "cloudpickle"])
def test_a_pickle_is_read_here_once_somebody_says_so(
    saved: Path, registry: RegistryProcess, kept: str
) -> None:
    refused = command(saved, registry, kept)
    assert refused.exit_code == 2
    assert "--load-pickle" in refused.stderr
    made = json.loads(imported(saved, registry, kept, "--load-pickle"))
    assert made["format"] == "skops"
    assert made["converted_from"] is None
    assert made["compiled"] is not None


def imported(saved: Path, registry: RegistryProcess, kept: str, *options: str) -> str:
    found = command(saved, registry, kept, *options)
    assert found.exit_code == 0, found.output
    return found.stdout


def command(saved: Path, registry: RegistryProcess, kept: str, *options: str) -> Result:
    reference = str(saved / "reference.parquet")
    return RUNNER.invoke(
        app,
        [
            *("import", "mlflow", str(saved / kept), f"from-{kept}", "--project", "bank"),
            *("--reference", reference, "--no-review", *options, "-o", "json"),
            *("--registry-url", registry.url, "--key", ADMIN),
        ],
    )


def digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
