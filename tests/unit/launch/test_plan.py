from pathlib import Path

import pytest

from services.registry.settings import RegistrySettings
from understudy.launch.plan import Plan, make_plan
from understudy.launch.secrets import Secrets
from understudy.launch.settings import EXAMPLE_TYPES, LaptopSettings

SECRETS = Secrets(
    admin_key="us_admin",
    service_key="us_service",
    monitor_key="us_monitor",
    metrics_key="us_metrics",
    alert_key="us_alert",
    token_secret="drawn for tokens",
)
REDIS = Path("/opt/redis-server")


@pytest.fixture(autouse=True)
def no_settings_from_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (
        "UNDERSTUDY_REDIS_URL",
        "UNDERSTUDY_SERVING_PORT",
        "UNDERSTUDY_HOST",
        "UNDERSTUDY_TRUSTED_TYPES",
    ):
        monkeypatch.delenv(name, raising=False)


def plan_of(redis: Path | None = REDIS, **settings: object) -> Plan:
    made = LaptopSettings.model_validate({"state_dir": "/state", **settings})
    return make_plan(made, SECRETS, python="python", redis_server=redis)


def test_redis_comes_first() -> None:
    names = [spec.name for spec in plan_of().processes]
    assert names == ["redis", "registry", "serving", "challenger", "monitor"]


def test_a_redis_elsewhere_is_not_started_and_needs_no_port() -> None:
    plan = plan_of(None, redis_url="redis://:secret@far:6379/1")
    assert plan.redis is None
    assert "UNDERSTUDY_REDIS_PORT" not in {use.setting for use in plan.ports}
    for spec in plan.services:
        assert spec.env["UNDERSTUDY_REDIS_URL"] == "redis://:secret@far:6379/1"


def test_only_the_registry_is_told_the_admin_key() -> None:
    holders = [s.name for s in plan_of().processes if "us_admin" in s.env.values()]
    assert holders == ["registry"]


def test_only_the_registry_is_told_what_tokens_are_signed_with() -> None:
    holders = [s.name for s in plan_of().processes if SECRETS.token_secret in s.env.values()]
    assert holders == ["registry"]


def test_only_registry_and_monitor_are_told_the_key_that_may_release() -> None:
    holders = [s.name for s in plan_of().processes if "us_monitor" in s.env.values()]
    assert holders == ["registry", "monitor"]


def test_no_secret_stands_on_a_command_line() -> None:
    for spec in plan_of().processes:
        assert not any("us_" in argument for argument in spec.argv)


def test_the_registry_is_told_where_serving_is_for_people() -> None:
    def told(**settings: object) -> list[str]:
        registry = next(
            spec for spec in plan_of(REDIS, **settings).services if spec.name == "registry"
        )
        names = ("UNDERSTUDY_PUBLIC_SERVING_URL", "UNDERSTUDY_PUBLIC_SERVING_GRPC_URL")
        return [registry.env[name].rstrip("/") for name in names]

    ports = {"serving_port": 9000, "serving_grpc_port": 9006}
    assert told(**ports) == ["http://127.0.0.1:9000", "http://127.0.0.1:9006"]
    stated = told(**ports, public_serving_url="https://serving.example")
    assert stated == ["https://serving.example", "http://127.0.0.1:9006"]


def test_every_port_is_told_asked_and_checked() -> None:
    plan = plan_of(
        serving_port=9000,
        registry_port=9001,
        monitor_port=9002,
        challenger_port=9004,
        serving_grpc_port=9006,
    )
    specs = {spec.name: spec for spec in plan.processes}
    assert specs["serving"].ready_url == "http://127.0.0.1:9000/readyz"
    assert specs["serving"].argv[-1] == "9000"
    assert specs["registry"].env["UNDERSTUDY_REGISTRY_PORT"] == "9001"
    assert specs["monitor"].env["UNDERSTUDY_MONITOR_PORT"] == "9002"
    assert specs["challenger"].env["UNDERSTUDY_CHALLENGER_PORT"] == "9004"
    assert specs["monitor"].env["UNDERSTUDY_REGISTRY_URL"] == "http://127.0.0.1:9001"
    assert specs["serving"].env["UNDERSTUDY_SERVING_GRPC_PORT"] == "9006"
    assert {use.port for use in plan.ports} == {9000, 9001, 9002, 9004, 9006, 8703}


def test_listening_everywhere_is_asked_on_loopback() -> None:
    plan = plan_of(host="0.0.0.0")  # noqa: S104 - what is tested
    serving = next(spec for spec in plan.services if spec.name == "serving")
    assert serving.ready_url.startswith("http://127.0.0.1:")
    assert "0.0.0.0" in serving.argv  # noqa: S104 - what is tested
    assert plan.redis is not None
    bind = plan.redis.argv.index("--bind")
    assert plan.redis.argv[bind + 1] == "127.0.0.1"


def test_logs_and_state_lie_in_the_state_folder() -> None:
    for spec in plan_of().processes:
        assert spec.log == Path("/state/logs") / f"{spec.name}.log"
        assert spec.pid_file == Path("/state/run") / f"{spec.name}.pid"


def test_bentoml_is_told_its_place_and_not_to_report() -> None:
    serving = next(spec for spec in plan_of(serving_workers=3).services if spec.name == "serving")
    assert serving.env["BENTOML_HOME"] == "/state/serving/bentoml"
    assert serving.env["BENTOML_DO_NOT_TRACK"] == "True"
    assert serving.env["UNDERSTUDY_SERVING_WORKERS"] == "3"


def test_trusted_types_are_added_to_those_of_the_example(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, expected in (("", EXAMPLE_TYPES), ("a.B, c.D", (*EXAMPLE_TYPES, "a.B", "c.D"))):
        plan = plan_of(trusted_types=name)
        registry = next(spec for spec in plan.services if spec.name == "registry")
        told = registry.env["UNDERSTUDY_TRUSTED_TYPES"]
        monkeypatch.setenv("UNDERSTUDY_TRUSTED_TYPES", told)
        assert RegistrySettings().trusted_types == expected
