"""What the page of a deployment gives for other people's clients is run as it stands."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.cluster import laptop_cluster
from tests.fakes.html_pages import Element
from tests.foreign.environments import environment
from tests.usage_page import employ, page_with_key, program_of, signed_in

pytestmark = pytest.mark.timeout(300)

CLIENTS = {
    "triton": "triton",
    "grpc": "triton",
    "kserve": "kserve",
    "v1": "kserve",
    "mlflow": "mlflow",
    "sagemaker": "boto3",
    "prevision": "previsionio",
}
NODE = shutil.which("node")


@dataclass(frozen=True)
class Shown:
    """A page with a key, and what its row is answered."""

    page: Element
    prediction: str


@pytest.fixture(scope="module")
def shown(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shown]:
    folder = tmp_path_factory.mktemp("usage")
    with laptop_cluster(folder, with_example=True, serving_workers=1) as cluster:
        employ(cluster)
        with signed_in(cluster) as person:
            page = page_with_key(cluster, person)
        example = cluster.example
        answer = cluster.serving.predict(example.deployment, example.example_row)
        yield Shown(page, str(answer.prediction))


def run(program: Path | str, script: Path, text: str) -> str:
    script.write_text(text)
    # What the foreign environments are given, and nothing of ours.
    surroundings = {"PATH": "/usr/bin:/bin", "HOME": os.environ.get("HOME", "/")}
    done = subprocess.run(
        [str(program), str(script)],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        env=surroundings,
    )
    assert done.returncode == 0, done.stderr[-4_000:]
    return done.stdout.strip().splitlines()[-1]


@pytest.mark.parametrize("snippet", [*CLIENTS])
def test_other_clients_give_the_prediction(shown: Shown, tmp_path: Path, snippet: str) -> None:
    python = environment(CLIENTS[snippet])
    said = run(python, tmp_path / "ask.py", program_of(shown.page, snippet))
    assert said == shown.prediction


@pytest.mark.skipif(NODE is None, reason="there is no node here")
def test_javascript_gives_the_prediction(shown: Shown, tmp_path: Path) -> None:
    said = run(NODE or "", tmp_path / "ask.mjs", program_of(shown.page, "javascript"))
    assert said == shown.prediction
