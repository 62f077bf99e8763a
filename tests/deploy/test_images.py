"""The images of the Dockerfile: built, looked into, and run without rights."""

import json
import os
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import pytest

from tests.deploy.containers import IMAGES, ROOT, Containers, docker, image, in_image, needs_docker

pytestmark = [needs_docker, pytest.mark.timeout(2_400)]

HADOLINT = Path(sys.executable).with_name("hadolint")
NEEDLESS = ("gcc", "cc", "make", "git", "curl", "pip", "pip3", "uv", "wheel")
LONG_LIVED = ("registry", "serving", "monitor")


@pytest.fixture(scope="module", autouse=True)
def _built() -> None:
    Containers("understudy-images").compose("--profile", "example", "build")
    sizes = {
        name: int(docker("image", "inspect", "--format", "{{.Size}}", image(name)))
        for name in IMAGES
    }
    print(", ".join(f"{name} {size / 1e6:.0f} MB" for name, size in sizes.items()))


def test_the_dockerfile_is_as_its_linter_wants_it() -> None:
    if not HADOLINT.exists():
        pytest.skip("hadolint is not installed")
    subprocess.run([HADOLINT, ROOT / "Dockerfile"], check=True)


@pytest.mark.parametrize("env_file", [(), ("--env-file", "deploy/compose/postgres.env")])
def test_compose_takes_the_file(env_file: tuple[str, ...]) -> None:
    Containers("understudy-images").compose(*env_file, "--profile", "*", "config", "--quiet")


@pytest.mark.parametrize("name", IMAGES)
def test_it_runs_as_nobody_on_a_root_that_it_cannot_write(name: str) -> None:
    statement = (
        "import os; print(os.getuid(), os.getgid(),"
        " *(os.access(p, os.W_OK) for p in ('/app', '/opt/understudy', '/var/lib/understudy')),"
        " os.access('/tmp', os.W_OK))"
    )
    options = ("--cap-drop", "ALL", "--network", "none")
    assert in_image(name, statement, *options) == "10001 10001 False False True True"
    assert (
        in_image(name, statement, "--read-only", *options) == "10001 10001 False False True False"
    )


@pytest.mark.parametrize("name", IMAGES)
def test_nothing_in_it_builds_or_installs(name: str) -> None:
    statement = f"import shutil; print([n for n in {NEEDLESS} if shutil.which(n)])"
    assert in_image(name, statement) == "[]"
    found = (
        "import importlib.util as u; print([n for n in ('pip', 'uv', 'pytest') if u.find_spec(n)])"
    )
    assert in_image(name, found) == "[]"


@pytest.mark.parametrize("name", IMAGES)
def test_what_it_imports_was_compiled_before(name: str) -> None:
    statement = (
        "import pathlib; ours = [p for p in pathlib.Path('/app').rglob('*.py')];"
        "print(len(ours) > 50, [str(p) for p in ours if not list("
        "p.parent.glob(f'__pycache__/{p.stem}.cpython-*.pyc'))][:5])"
    )
    assert in_image(name, statement) == "True []"


@pytest.mark.parametrize("name", IMAGES)
def test_it_holds_no_tests_of_numeric_libraries(name: str) -> None:
    statement = (
        "import pathlib, sysconfig; site = pathlib.Path(sysconfig.get_path('purelib'));"
        "print([n for n in ('numpy', 'scipy', 'sklearn', 'pandas')"
        " if list((site / n).rglob('tests'))])"
    )
    assert in_image(name, statement) == "[]"


def test_a_service_brings_its_own_code_alone() -> None:
    statement = "import os; print(sorted(n for n in os.listdir('/app/services') if n[0] != '_'))"
    for name in LONG_LIVED:
        assert in_image(name, statement) == str([name])


@pytest.mark.parametrize("name", LONG_LIVED)
def test_it_says_what_it_is_and_how_it_is_asked(name: str) -> None:
    (told,) = json.loads(docker("image", "inspect", image(name)))
    config = told["Config"]
    labels = config["Labels"]
    assert labels["org.opencontainers.image.licenses"] == "Apache-2.0"
    assert labels["org.opencontainers.image.revision"]
    assert config["User"] == "10001:10001"
    assert config["StopSignal"] == "SIGTERM"
    assert config["Healthcheck"]["Test"][:4] == ["CMD", "python", "-m", "understudy.runtime.probe"]
    secret = [v for v in config["Env"] if "KEY" in v or "PASSWORD" in v or "TOKEN" in v]
    # The base image tells whose signature Python's sources bear.
    assert not [variable for variable in secret if not variable.startswith("GPG_KEY=")]


def test_bills_of_materials_name_what_the_lock_names(tmp_path: Path) -> None:
    network = os.environ.get("BUILD_NETWORK", "default")
    docker("build", "--network", network, "--target", "sbom", "--output", str(tmp_path), str(ROOT))
    for name in LONG_LIVED:
        bill = json.loads((tmp_path / f"{name}.cdx.json").read_text())
        assert bill["bomFormat"] == "CycloneDX"
        parts = {(part["name"], part["version"]) for part in bill["components"]}
        # The lock serves two versions of Python, so a bill may name more than is installed.
        listing = (
            "import importlib.metadata as m, json, re;"
            "print(json.dumps([[re.sub('[-_.]+', '-', d.name).lower(), d.version]"
            " for d in m.distributions()]))"
        )
        installed = {(part, version) for part, version in json.loads(in_image(name, listing))}
        assert installed - parts <= {("understudy", version("understudy"))}
        print(f"{name}: {len(installed)} packages")
