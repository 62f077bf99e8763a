"""What `bentoml build` makes of a clean clone: it serves, alone, in an image without compilers."""

import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import httpx
import psutil
import pytest

from tests.serving_process import PREDICT, ROOT, ROW, ServingProcess

BENTOML = str(Path(sys.executable).with_name("bentoml"))
UV = str(Path(sys.executable).with_name("uv"))


def environment(home: Path) -> Mapping[str, str]:
    path = str(Path(sys.executable).parent)
    return {"BENTOML_HOME": str(home), "BENTOML_DO_NOT_TRACK": "True", "PATH": f"{path}:/usr/bin"}


@pytest.fixture(scope="module")
def clone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("clone")
    subprocess.run(["/usr/bin/git", "clone", "--quiet", "--local", ROOT, folder], check=True)
    return folder


@pytest.fixture(scope="module")
def bento(clone: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Its folder in a store of its own."""
    home = tmp_path_factory.mktemp("store")
    subprocess.run(
        [BENTOML, "build", "--output", "tag"], cwd=clone, env=environment(home), check=True
    )
    store = home / "bentos" / "understudy"
    return store / (store / "latest").read_text()


def test_it_holds_serving_and_the_shared_package_alone(bento: Path) -> None:
    source = bento / "src"
    assert {folder.name for folder in (source / "services").iterdir()} == {"__init__.py", "serving"}
    assert not (source / "understudy" / "launch").exists()
    assert (source / "services" / "serving" / "templates" / "form.html").exists()


def test_its_image_is_slim_and_runs_without_rights(bento: Path) -> None:
    dockerfile = (bento / "env" / "docker" / "Dockerfile").read_text()
    assert "FROM python:3.11-slim" in dockerfile
    assert "build-essential" not in dockerfile
    assert "USER bentoml" in dockerfile
    # It would pull a front end from a registry.
    assert "# syntax" not in dockerfile


def test_its_requirements_are_those_of_the_lock(bento: Path) -> None:
    command = [UV, "export", "--quiet", "--frozen", "--extra", "serving", "--no-dev"]
    command += ["--no-emit-project", "--no-hashes", "--no-header", "--no-annotate"]
    locked = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout
    packed = (bento / "env" / "python" / "requirements.txt").read_text()
    assert pins(locked) == pins(packed)


def pins(requirements: str) -> set[str]:
    """Packages with their versions, without the machines that they are for."""
    lines = (line.partition(";")[0].strip() for line in requirements.splitlines())
    return {line for line in lines if line}


@pytest.mark.timeout(180)
def test_it_serves(bento: Path, tmp_path: Path, redis_url: str) -> None:
    service = ServingProcess(
        tmp_path,
        redis_url,
        workers=1,
        settings={"BENTOML_HOME": str(bento.parents[2]), "PYTHONPATH": ""},
        target=f"understudy:{bento.name}",
    )
    service.registry.start()
    try:
        service.start()
        (worker,) = service.worker_pids()
        assert psutil.Process(worker).cwd() == str(bento / "src")
        answer = httpx.post(f"{service.url}{PREDICT}", json=ROW)
        assert answer.status_code == 200, answer.text
    finally:
        service.stop()
        service.registry.stop()
