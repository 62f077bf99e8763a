"""The Dockerfile, read: what holds of every image before it is built."""

import re
import tomllib
from pathlib import Path
from string import Template
from typing import Any, Final

from services.monitor.settings import MonitorSettings
from services.registry.settings import RegistrySettings
from services.serving.settings import ServingSettings
from understudy.launch.installation import draw, folders

ROOT: Final = Path(__file__).parents[3]
DOCKERFILE: Final = (ROOT / "Dockerfile").read_text()
SETTINGS: Final[dict[str, Any]] = {
    "registry": RegistrySettings,
    "serving": ServingSettings,
    "monitor": MonitorSettings,
}


def test_folders_of_secrets_have_their_owner_in_the_image(tmp_path: Path) -> None:
    (listed,) = re.findall(r"RUN for name in (.*?);", DOCKERFILE, re.DOTALL)
    assert set(listed.replace("\\\n", " ").split()) == {
        *folders(draw(tmp_path), Template("")),
        "redis-data",
        "backups",
    }


def test_the_builder_has_the_version_of_uv_that_the_makefile_has() -> None:
    (pinned,) = re.findall(r"^UV_VERSION := (\S+)", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert f"ARG UV_VERSION={pinned}\n" in DOCKERFILE


def test_the_version_is_the_projects() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    assert re.findall(r"^ARG VERSION=(\S+)", DOCKERFILE, re.MULTILINE) == [project]
    assert DOCKERFILE.count(project) == 1
    defaults = re.findall(
        r"\$\{UNDERSTUDY_VERSION:-([^}]+)\}", (ROOT / "docker-compose.yml").read_text()
    )
    assert {*defaults} == {project}


def test_what_an_image_holds_is_said_once() -> None:
    extras = re.findall(r'([A-Z]+)="\$\{EXPORT\}((?: --extra \w+)+)"', DOCKERFILE)
    assert [name for name, _ in extras] == ["REGISTRY", "SERVING", "MONITOR", "EXAMPLE"]
    assert DOCKERFILE.count("--extra") == sum(found.count("--extra") for _, found in extras)


def test_the_dockerfile_asks_for_no_other_front_end() -> None:
    assert "# syntax" not in DOCKERFILE


def test_images_run_as_nobody_and_are_asked_how_they_are() -> None:
    stages = {
        stage.split()[3]: stage
        for stage in re.split(r"^(?=FROM )", DOCKERFILE, flags=re.MULTILINE)
        if stage.startswith("FROM ") and " AS " in stage.splitlines()[0]
    }
    for name in ("registry", "serving", "monitor", "installation", "example"):
        last = [line for line in stages[name].splitlines() if line.startswith("USER ")][-1]
        assert last == "USER 10001:10001"
        for line in stages[name].splitlines():
            if re.match(r"(ENTRYPOINT|CMD) ", line):
                assert line.partition(" ")[2].startswith("["), line
    for name in ("registry", "serving", "monitor"):
        port = SETTINGS[name].model_fields[f"{name}_port"].default
        probe = f'understudy.runtime.probe", "http://127.0.0.1:{port}/readyz'
        assert probe in stages[name]
        assert f"EXPOSE {port}" in stages[name]
