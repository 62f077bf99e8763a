"""What the page of a deployment gives is run as it stands, with a key that its form made."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.cluster import ROOT, LaptopCluster, laptop_cluster
from tests.fakes.html_pages import Element
from tests.usage_page import employ, key_in, page_with_key, program_of, signed_in

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

PROGRAMS = {
    "curl": ("/bin/sh", ".sh"),
    "python": (sys.executable, ".py"),
    "client": (sys.executable, ".py"),
    "mlflow": (sys.executable, ".py"),
}


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LaptopCluster]:
    folder = tmp_path_factory.mktemp("usage")
    with laptop_cluster(folder, with_example=True, serving_workers=1) as running:
        yield running


@pytest.fixture(scope="module")
def person(cluster: LaptopCluster) -> Iterator[httpx.Client]:
    employ(cluster)
    with signed_in(cluster) as client:
        yield client


@pytest.fixture(scope="module")
def made(cluster: LaptopCluster, person: httpx.Client) -> Element:
    return page_with_key(cluster, person)


def run(path: Path, program: str, text: str) -> str:
    path.write_text(text)
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [program, str(path)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env=environment,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@pytest.mark.parametrize("snippet", [*PROGRAMS])
def test_snippets_give_the_prediction(
    cluster: LaptopCluster, made: Element, tmp_path: Path, snippet: str
) -> None:
    example = cluster.example
    program, suffix = PROGRAMS[snippet]
    said = run(tmp_path / f"ask{suffix}", program, program_of(made, snippet))
    expected = cluster.serving.predict(example.deployment, example.example_row).prediction
    if snippet == "curl":
        assert httpx.Response(200, text=said).json()["prediction"] == expected
    else:
        assert said == expected


def test_the_description_is_the_one_that_serving_gives(
    cluster: LaptopCluster, person: httpx.Client
) -> None:
    path = f"/v1/deployments/{cluster.example.deployment}/openapi.json"
    ours = person.get(path).raise_for_status().json()
    key = {"X-API-Key": cluster.example.key}
    theirs = httpx.get(cluster.serving_url + path, headers=key).raise_for_status().json()
    assert ours.pop("servers") == [{"url": cluster.serving_url}]
    assert theirs.pop("servers") == [{"url": "/"}]
    assert ours == theirs


def test_the_test_form_is_where_the_page_says(cluster: LaptopCluster, made: Element) -> None:
    link = next(one for one in made.all("a") if "form" in one.text)
    assert link["href"] == f"{cluster.serving_url}/{cluster.example.deployment}/form"
    answer = httpx.get(str(link["href"]), headers={"X-API-Key": cluster.example.key})
    assert answer.status_code in {200, 401}
    assert "text/html" in answer.headers["content-type"]


def test_no_key_is_written_to_the_log(cluster: LaptopCluster, made: Element) -> None:
    key = key_in(made)
    logs = "".join(path.read_text() for path in (cluster.state_dir / "logs").glob("*.log"))
    assert key not in logs
    assert key.split("_", 2)[2] not in logs
