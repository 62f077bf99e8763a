"""The compose file and the Dockerfile, read: what holds of every container before it starts."""

import re
import shlex
from pathlib import Path
from string import Template
from typing import Any, Final

import pytest
import yaml

from services.monitor.settings import MonitorSettings
from services.registry.settings import RegistrySettings
from services.serving.settings import ChallengerSettings, ServingSettings
from understudy.launch.installation import (
    Database,
    Folder,
    Objects,
    draw,
    folders,
)
from understudy.runtime.settings import SECRETS_DIR, ServiceSettings

ROOT: Final = Path(__file__).parents[3]
COMPOSE_TEXT: Final = (ROOT / "docker-compose.yml").read_text()
COMPOSE: Final[dict[str, Any]] = yaml.safe_load(COMPOSE_TEXT)
SERVICES: Final[dict[str, dict[str, Any]]] = COMPOSE["services"]
DOCKERFILE: Final = (ROOT / "Dockerfile").read_text()
USERS: Final = (ROOT / "deploy/compose/users.acl").read_text()
SETTINGS: Final[dict[str, type[ServiceSettings]]] = {
    "registry": RegistrySettings,
    "serving": ServingSettings,
    "challenger": ChallengerSettings,
    "monitor": MonitorSettings,
}
ONE_SHOT: Final = {"keys", "example"}
# They run with the secrets of another.
AS_ANOTHER: Final = {"backup": "registry"}
EACH: Final = pytest.mark.parametrize("name", SERVICES)
OURS: Final = pytest.mark.parametrize("name", SETTINGS)


def settings(name: str) -> set[str]:
    return {f"UNDERSTUDY_{field.upper()}" for field in SETTINGS[name].model_fields}


def given(folder: Path) -> dict[str, Folder]:
    return dict(folders(draw(folder), Template(USERS), Database.POSTGRES, Objects.S3))


@EACH
def test_images_are_pinned_by_a_variable_with_a_default(name: str) -> None:
    image = SERVICES[name]["image"]
    found = re.fullmatch(r"[\w./-]+:\$\{[A-Z]+_VERSION:-(v?\d[\w.]*)\}", image)
    assert found is not None, image


@EACH
def test_nothing_runs_with_more_rights_than_it_needs(name: str) -> None:
    service = SERVICES[name]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert "privileged" not in service
    assert name == "postgres" or "cap_add" not in service
    assert not any("docker.sock" in str(volume) for volume in service["volumes"])


@EACH
def test_everything_is_limited(name: str) -> None:
    service = SERVICES[name]
    limits = service["deploy"]["resources"]["limits"]
    assert set(limits) == {"cpus", "memory", "pids"}
    assert service["logging"]["options"]["max-size"]


@EACH
def test_what_stays_up_is_asked_how_it_is_and_started_anew(name: str) -> None:
    service = SERVICES[name]
    assert ("healthcheck" in service) is (name not in ONE_SHOT)
    assert service["restart"] == ("no" if name in ONE_SHOT else "unless-stopped")
    assert name in ONE_SHOT or "stop_grace_period" in service


@EACH
def test_ports_are_for_this_machine_alone(name: str) -> None:
    for port in SERVICES[name].get("ports", ()):
        assert re.fullmatch(r"127\.0\.0\.1:\$\{[A-Z_]+:-\d+\}:\d+", port), port


@EACH
def test_no_secret_stands_in_an_environment(name: str) -> None:
    for variable, value in SERVICES[name].get("environment", {}).items():
        if re.search(r"KEY|PASSWORD|SECRET|TOKEN|CREDENTIALS", variable):
            assert str(value).startswith("/run/secrets"), variable
        assert "@" not in str(value), f"{variable} may hold a password"


@OURS
def test_variables_are_settings(name: str) -> None:
    told = {name for name in SERVICES[name]["environment"] if name.startswith("UNDERSTUDY_")}
    assert told - {SECRETS_DIR} <= settings(name)


@OURS
def test_files_of_secrets_are_settings(name: str, tmp_path: Path) -> None:
    files = {file.upper() for file in given(tmp_path)[name].files if not file.startswith("aws_")}
    assert files <= settings(name)
    # The environment comes first, so it would hide them.
    assert not files & set(SERVICES[name]["environment"])


@OURS
def test_health_is_asked_where_the_service_listens(name: str) -> None:
    port = SETTINGS[name].model_fields[f"{name}_port"].default
    *_, module, url = SERVICES[name]["healthcheck"]["test"]
    assert (module, url) == ("understudy.runtime.probe", f"http://127.0.0.1:{port}/readyz")


def test_each_container_is_given_its_own_folder_of_secrets(tmp_path: Path) -> None:
    mounted = {
        volume.partition(":")[0].removeprefix("keys-"): volume.split(":")[1]
        for volume in SERVICES["keys"]["volumes"]
        if isinstance(volume, str) and volume.startswith("keys-")
    }
    assert mounted == {name: f"/run/understudy/{name}" for name in given(tmp_path)}
    for name, service in SERVICES.items():
        secret = [v for v in service["volumes"] if str(v).startswith("keys-")]
        if name != "keys":
            (volume,) = secret
            assert volume.startswith(f"keys-{AS_ANOTHER.get(name, name)}:")
            assert volume.endswith(":ro")


def test_what_is_drawn_is_there_before_it_is_read() -> None:
    for name, service in SERVICES.items():
        if name not in ONE_SHOT:
            assert service["depends_on"]["keys"] == {"condition": "service_completed_successfully"}


def test_volumes_are_those_that_are_mounted() -> None:
    mounted = {
        volume["source"] if isinstance(volume, dict) else volume.partition(":")[0]
        for service in SERVICES.values()
        for volume in service["volumes"]
    }
    assert {name for name in mounted if not name.startswith(".")} == set(COMPOSE["volumes"])
    for path in (name for name in mounted if name.startswith("./deploy/compose")):
        assert (ROOT / path).exists()


def test_redis_keeps_what_it_was_told() -> None:
    command = SERVICES["redis"]["command"]
    told = dict(zip(command[1::2], command[2::2], strict=True))
    assert told["--appendonly"] == "yes"
    assert told["--maxmemory-policy"] == "noeviction"
    assert "--maxmemory" in told


def test_grafana_is_told_what_its_files_ask_for() -> None:
    asked = {
        variable
        for path in (ROOT / "deploy/grafana/provisioning").rglob("*.yml")
        for variable in re.findall(r"\$\{(\w+)\}", path.read_text())
    }
    assert "PROMETHEUS_URL" in asked
    assert asked <= set(SERVICES["grafana"]["environment"])


def test_no_password_stands_on_a_command_line() -> None:
    for path in ("docker-compose.yml", "Makefile", "docs/compose.md", "tests/deploy/containers.py"):
        assert not re.findall(r"--pass\b|redis-cli[^\n]* -a ", (ROOT / path).read_text()), path


def test_a_week_of_backups_is_kept_of_where_the_registry_keeps_its_data() -> None:
    backup, registry = SERVICES["backup"], SERVICES["registry"]
    assert backup["image"] == registry["image"]
    assert {*registry["volumes"]} <= {v for v in backup["volumes"] if isinstance(v, str)}
    (_, _, line) = backup["entrypoint"]
    (volume,) = (v for v in backup["volumes"] if isinstance(v, dict))
    told = f"services.registry backup {volume['target']} --keep ${{BACKUPS_KEPT:-7}}"
    assert told in line
    assert f"find {volume['target']} " in line


def test_the_switch_to_stores_names_what_there_is() -> None:
    told = dict(
        line.split("=", 1)
        for line in (ROOT / "deploy/compose/postgres.env").read_text().splitlines()
        if line and not line.startswith("#")
    )
    profiles = {profile for service in SERVICES.values() for profile in service.get("profiles", ())}
    assert set(told["COMPOSE_PROFILES"].split(",")) <= profiles
    assert Database(told["UNDERSTUDY_DATABASE"]) is Database.POSTGRES
    assert Objects(told["UNDERSTUDY_OBJECTS"]) is Objects.S3
    command = shlex.join(SERVICES["keys"]["command"])
    assert "${UNDERSTUDY_DATABASE:-sqlite}" in command
    assert "${UNDERSTUDY_OBJECTS:-files}" in command


def test_what_alerts_link_to_is_told_to_prometheus_and_follows_the_ports() -> None:
    file = yaml.safe_load((ROOT / "deploy" / "prometheus" / "prometheus.yml").read_text())
    links = " ".join(file["global"]["external_labels"].values())
    told = SERVICES["prometheus"]["environment"]
    assert set(re.findall(r"\$\{(\w+)\}", links)) == told.keys()
    for link, setting in (
        ("MONITOR_LINK", "UNDERSTUDY_MONITOR_PORT"),
        ("GRAFANA_LINK", "GRAFANA_PORT"),
    ):
        service = setting.removeprefix("UNDERSTUDY_").removesuffix("_PORT").lower()
        (published,) = SERVICES[service]["ports"]
        port = re.search(r"\$\{" + setting + r":-\d+\}", told[link])
        assert port is not None
        assert f"127.0.0.1:{port[0]}:" in published
