"""`bentoml build` and `bentoml containerize`: the image serves, and starts killed workers anew."""

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.deploy.containers import ROOT, containers, docker, needs_docker, output, wait_until

pytestmark = [needs_docker, pytest.mark.timeout(2_400)]

BENTOML = str(Path(sys.executable).with_name("bentoml"))
IMAGE = "understudy/bento:under-test"
NAME = "understudy-bento-serving"
WORKERS = (
    "import pathlib; print(*sorted(p.parent.name for p in pathlib.Path('/proc').glob("
    "'[0-9]*/cmdline') if b'_bentoml_impl.worker' in p.read_bytes()))"
)


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> str:
    clone, home = tmp_path_factory.mktemp("clone"), tmp_path_factory.mktemp("store")
    subprocess.run(["/usr/bin/git", "clone", "--quiet", "--local", ROOT, clone], check=True)
    told = {"BENTOML_HOME": str(home), "BENTOML_DO_NOT_TRACK": "True"}
    subprocess.run(
        [BENTOML, "build", "--output", "tag"],
        cwd=clone,
        env={"PATH": "/usr/bin", **told},
        check=True,
    )
    store = home / "bentos" / "understudy"
    tag = f"understudy:{(store / 'latest').read_text().strip()}"
    output(BENTOML, "containerize", tag, "-t", IMAGE, "--opt", "network=host", **told)
    size = int(docker("image", "inspect", "--format", "{{.Size}}", IMAGE))
    print(f"{IMAGE}: {size / 1e6:.0f} MB")
    return IMAGE


@pytest.fixture(scope="module")
def serving(image: str) -> Iterator[str]:
    """Its container beside a registry and Redis."""
    with containers("understudy-bento") as running:
        running.compose("build", "keys", "registry")
        running.up("redis", "registry")
        secrets = {
            name: running.compose(
                *("run", "--rm", "--no-deps", "--entrypoint", "cat", "keys"),
                f"/run/understudy/serving/understudy_{name}",
            ).strip()
            for name in ("service_key", "redis_url")
        }
        told = [f"--env=UNDERSTUDY_{name.upper()}={value}" for name, value in secrets.items()]
        told.append("--env=UNDERSTUDY_REGISTRY_URL=http://registry:8701")
        network = f"{running.project}_services"
        docker("create", "--name", NAME, "--init", f"--network={network}", *told, image)
        docker("network", "connect", f"{running.project}_data", NAME)
        try:
            docker("start", NAME)
            yield NAME
        finally:
            print(docker("logs", "--tail", "20", NAME))
            docker("rm", "--force", "--volumes", NAME)


def inside(container: str, *command: str) -> str:
    return docker("exec", "--workdir", "/home/bentoml/bento/src", container, "python", *command)


def ready(container: str) -> bool:
    probe = ("-m", "understudy.runtime.probe", "http://127.0.0.1:3000/readyz")
    command = [
        "docker",
        "exec",
        "--workdir",
        "/home/bentoml/bento/src",
        container,
        "python",
        *probe,
    ]
    return subprocess.run(command, capture_output=True, check=False).returncode == 0


def test_it_is_ready_once_it_has_heard_of_the_registry(serving: str) -> None:
    took = wait_until(lambda: ready(serving), "serving to be ready", 400)
    print(f"ready after {took:.0f} s")
    assert re.fullmatch(r"[1-9]\d*", inside(serving, "-c", "import os; print(os.getuid())").strip())


def test_it_starts_a_killed_worker_anew(serving: str) -> None:
    wait_until(lambda: ready(serving), "serving to be ready", 400)
    before = inside(serving, "-c", WORKERS).split()
    inside(serving, "-c", f"import os, signal; os.kill({before[0]}, signal.SIGKILL)")

    def replaced() -> bool:
        now = inside(serving, "-c", WORKERS).split()
        return len(now) == len(before) and before[0] not in now

    print(f"a killed worker was replaced after {wait_until(replaced, 'a worker'):.0f} s")
