"""Schemathesis asks the running services whatever their OpenAPI documents allow, and what not.

All of its checks, all of its phases. `clients/schemathesis*.toml` say which statuses are refusals
beyond those that it knows; no check is off and no operation is left out.
"""

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from tests.cluster import LaptopCluster, laptop_cluster
from tests.foreign.conftest import Foreign
from tests.foreign.environments import CLIENTS, environment

pytestmark = pytest.mark.timeout(900)

SEED: Final = 7
CASES: Final = 2_000
_GENERATED: Final = re.compile(r"^\s*(\d+) generated", re.MULTILINE)


@pytest.fixture(scope="module")
def laptop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LaptopCluster]:
    """Its own: what is asked for is made, changed and deleted."""
    with laptop_cluster(tmp_path_factory.mktemp("st"), with_example=True, serving_workers=1) as one:
        yield one


def run(url: str, key: str, examples: int, folder: Path, rules: str = "schemathesis") -> None:
    """One run against a service by its document."""
    command = [
        str(environment("schemathesis").with_name("schemathesis")),
        *("--config-file", str(CLIENTS / f"{rules}.toml"), "run", url),
        # A key that stands in one of two headers stands beside what is made up for the other.
        *("-H", f"X-API-Key: {key}", "-H", f"Authorization: Bearer {key}"),
        *("--checks", "all", "--max-examples", str(examples), "--continue-on-failure"),
        *("--seed", str(SEED), "--generation-database", "none"),
    ]
    found = subprocess.run(command, cwd=folder, capture_output=True, timeout=800, check=False)
    said = found.stdout.decode(errors="replace")
    print(said[said.find("= SUMMARY") :])  # noqa: T201 - how many cases there were
    assert found.returncode == 0, said[-20_000:]
    generated = _GENERATED.search(said)
    assert generated is not None
    assert int(generated[1]) >= CASES, said[-2_000:]


@pytest.mark.parametrize(("deployment", "examples"), [("vault", 40), ("flowers", 80)])
def test_serving(foreign: Foreign, tmp_path: Path, deployment: str, examples: int) -> None:
    url = f"{foreign.url}/v1/deployments/{deployment}/openapi.json"
    run(url, foreign.key, examples, tmp_path)


def test_monitor(laptop: LaptopCluster, tmp_path: Path) -> None:
    url = f"{laptop.monitor_url}/v1/openapi.json"
    run(url, laptop.key("admin"), 80, tmp_path)


def test_registry(laptop: LaptopCluster, tmp_path: Path) -> None:
    url = f"{laptop.registry_url}/v1/openapi.json"
    run(url, laptop.key("admin"), 10, tmp_path, "schemathesis_registry")
