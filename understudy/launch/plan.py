"""Which processes make up a laptop, and what each is told: a pure function of the settings."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from understudy.launch.redis_server import redis_command
from understudy.launch.secrets import Secrets
from understudy.launch.settings import LaptopSettings

MONITOR_MEMORY: Final = {
    # Threads take turns at the monitor's work: with an arena each, what one has freed is no
    # other's, and the process keeps the most of each.
    "MALLOC_ARENA_MAX": "2",
    # Arrow's other pools keep what files took while they were written.
    "ARROW_DEFAULT_MEMORY_POOL": "system",
}
"""For the GNU C library and Arrow; without it a monitor holds some tens of MB more."""


@dataclass(frozen=True, slots=True)
class ProcessSpec:
    """One process: how it is started, where it says that it is ready, where its output goes."""

    name: str
    argv: tuple[str, ...]
    env: Mapping[str, str]
    """What is added to the launcher's own environment."""
    ready_url: str
    """`http://…/readyz`, or `redis://host:port` for a PING."""
    log: Path
    pid_file: Path


@dataclass(frozen=True, slots=True)
class PortUse:
    """A port that must be free, what it is for, and the setting that changes it."""

    port: int
    purpose: str
    setting: str


@dataclass(frozen=True, slots=True)
class Plan:
    """The whole laptop. Redis is first to start and last to stop; None when it is elsewhere."""

    redis: ProcessSpec | None
    services: tuple[ProcessSpec, ...]
    ports: tuple[PortUse, ...]

    @property
    def processes(self) -> tuple[ProcessSpec, ...]:
        """In the order in which they start."""
        return self.services if self.redis is None else (self.redis, *self.services)


def make_plan(
    settings: LaptopSettings, secrets: Secrets, *, python: str, redis_server: Path | None
) -> Plan:
    """What to start. `redis_server` is None when the settings name a Redis that runs already."""
    draft = _Draft(settings, secrets, python)
    redis = draft.redis(redis_server) if redis_server is not None else None
    services = (draft.registry(), draft.serving(), draft.challenger(), draft.monitor())
    return Plan(redis, services, _ports(settings, own_redis=redis is not None))


def _ports(settings: LaptopSettings, *, own_redis: bool) -> tuple[PortUse, ...]:
    uses = (
        PortUse(settings.serving_port, "serving", "UNDERSTUDY_SERVING_PORT"),
        PortUse(settings.registry_port, "the registry", "UNDERSTUDY_REGISTRY_PORT"),
        PortUse(settings.monitor_port, "the monitor", "UNDERSTUDY_MONITOR_PORT"),
        PortUse(settings.serving_grpc_port, "serving by gRPC", "UNDERSTUDY_SERVING_GRPC_PORT"),
        PortUse(settings.challenger_port, "the challenger process", "UNDERSTUDY_CHALLENGER_PORT"),
    )
    redis = PortUse(settings.redis_port, "Redis", "UNDERSTUDY_REDIS_PORT")
    return (*uses, redis) if own_redis else uses


@dataclass(frozen=True, slots=True)
class _Draft:
    """What all specifications are written from."""

    settings: LaptopSettings
    secrets: Secrets
    python: str

    @property
    def state(self) -> Path:
        return self.settings.state_dir.absolute()

    @property
    def redis_url(self) -> str:
        given = self.settings.redis_url
        at = f"redis://127.0.0.1:{self.settings.redis_port}/0"
        return at if given is None else given.get_secret_value()

    def redis(self, binary: Path) -> ProcessSpec:
        # It has no password, so it listens on loopback whatever the services' host is.
        folder, port = self.state / "redis", self.settings.redis_port
        argv = redis_command(binary, port=port, folder=folder)
        return self._spec("redis", argv, {}, f"redis://127.0.0.1:{port}")

    def registry(self) -> ProcessSpec:
        settings, argv = self.settings, [self.python, "-m", "services.registry"]
        env = {
            **self._shared("registry", settings.registry_port),
            "UNDERSTUDY_ADMIN_KEY": self.secrets.admin_key,
            "UNDERSTUDY_MONITOR_KEY": self.secrets.monitor_key,
            "UNDERSTUDY_ALERT_KEY": self.secrets.alert_key,
            "UNDERSTUDY_TOKEN_SECRET": self.secrets.token_secret,
            "UNDERSTUDY_PUBLIC_SERVING_URL": settings.serving_seen_at,
            "UNDERSTUDY_PUBLIC_SERVING_GRPC_URL": settings.serving_grpc_seen_at,
            "UNDERSTUDY_TRUSTED_TYPES": settings.registry_trusts,
        }
        return self._spec("registry", argv, env, f"{settings.registry_url}/readyz")

    def serving(self) -> ProcessSpec:
        settings = self.settings
        argv = [self.python, "-m", "bentoml", "serve", "services.serving.bento:Understudy"]
        argv += ["--host", settings.host, "--port", str(settings.serving_port)]
        env = {
            **self._shared("serving", settings.serving_port),
            **_ONE_THREAD,
            "UNDERSTUDY_SERVING_GRPC_PORT": str(settings.serving_grpc_port),
            "UNDERSTUDY_SERVING_WORKERS": str(settings.serving_workers),
            "BENTOML_HOME": str(self.state / "serving" / "bentoml"),
            "BENTOML_DO_NOT_TRACK": "True",
        }
        return self._spec("serving", argv, env, f"{settings.serving_url}/readyz")

    def challenger(self) -> ProcessSpec:
        settings, argv = self.settings, [self.python, "-m", "services.serving.challenger"]
        env = {**self._shared("challenger", settings.challenger_port), **_ONE_THREAD}
        return self._spec("challenger", argv, env, f"{settings.challenger_url}/readyz")

    def monitor(self) -> ProcessSpec:
        settings, argv = self.settings, [self.python, "-m", "services.monitor"]
        env = {
            **self._shared("monitor", settings.monitor_port),
            **MONITOR_MEMORY,
            "UNDERSTUDY_MONITOR_KEY": self.secrets.monitor_key,
        }
        return self._spec("monitor", argv, env, f"{settings.monitor_url}/readyz")

    def _shared(self, name: str, port: int) -> dict[str, str]:
        """What every service is told: itself, the others, and the keys among machines."""
        return {
            "UNDERSTUDY_HOST": self.settings.host,
            f"UNDERSTUDY_{name.upper()}_PORT": str(port),
            "UNDERSTUDY_STATE_DIR": str(self.state),
            "UNDERSTUDY_LOG_LEVEL": self.settings.log_level,
            "UNDERSTUDY_REGISTRY_URL": self.settings.registry_url,
            "UNDERSTUDY_REDIS_URL": self.redis_url,
            "UNDERSTUDY_SERVICE_KEY": self.secrets.service_key,
            "UNDERSTUDY_METRICS_KEY": self.secrets.metrics_key,
            "DO_NOT_TRACK": "1",
            "PYTHONUNBUFFERED": "1",
        }

    def _spec(
        self, name: str, argv: list[str], env: Mapping[str, str], ready_url: str
    ) -> ProcessSpec:
        log = self.state / "logs" / f"{name}.log"
        pid_file = self.state / "run" / f"{name}.pid"
        return ProcessSpec(name, tuple(argv), env, ready_url, log, pid_file)


# A row is too little to share among threads, and several processes share the machine's cores.
_ONE_THREAD = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
