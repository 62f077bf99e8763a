"""What containers are told: by ConfigMaps, as environment; by Secrets, as files."""

from collections.abc import Iterator, Mapping
from typing import Final

from pydantic import SecretStr, ValidationError

from tests.deploy.kube.applications import Program, program_of
from tests.deploy.kube.manifests import Manifest, Rendered, Workload
from understudy.runtime.keys import make_key
from understudy.runtime.settings import SECRETS_DIR

_PREFIX: Final = "UNDERSTUDY_"
_GRPC: Final = "serving_grpc_port"
FOREIGN: Final = frozenset(
    {
        "ARROW_DEFAULT_MEMORY_POOL",
        "AWS_DEFAULT_REGION",
        "AWS_SHARED_CREDENTIALS_FILE",
        "BACKUP_URL",
        "BENTOML_DO_NOT_TRACK",
        "BENTOML_HOME",
        "DO_NOT_TRACK",
        "FORWARDED_ALLOW_IPS",
        "HOME",
        "MALLOC_ARENA_MAX",
        "MKL_NUM_THREADS",
        "OMP_NUM_THREADS",
        "OPENBLAS_NUM_THREADS",
        "PYTHONUNBUFFERED",
    }
)
"""What other software reads; BACKUP_URL is put into arguments."""
_OTHER_FILES: Final = frozenset({"aws_credentials"})


def environment(rendered: Rendered, container: Manifest) -> dict[str, str]:
    """What the container sees of ConfigMaps and of its own list; references have no value here."""
    maps = {one["metadata"]["name"]: one["data"] for one in rendered.of("ConfigMap")}
    found: dict[str, str] = {}
    for source in container.get("envFrom", []):
        found |= maps.get(source.get("configMapRef", {}).get("name"), {})
    found |= {one["name"]: one.get("value", "…") for one in container.get("env", [])}
    return found


def told(rendered: Rendered) -> Iterator[str]:
    """Names are settings of that program, values are ones that it takes."""
    for workload, container, program in programs(rendered):
        variables = environment(rendered, container)
        values: dict[str, object] = {}
        for name, value in variables.items():
            setting = name.removeprefix(_PREFIX).lower()
            if not name.startswith(_PREFIX):
                if name not in FOREIGN:
                    yield f"{workload.where} is told {name}, which nobody reads"
            elif setting in program.settings.model_fields:
                values[setting] = value
                if _is_secret(program, setting):
                    yield f"{workload.where} is told {name}, which is secret, in the open"
            elif name != SECRETS_DIR:
                yield f"{workload.where} is told {name}, which is no setting of its"
        yield from _taken(workload, program, values)


def secret_files(rendered: Rendered) -> Iterator[str]:
    """Files are named after settings that are secret; what a program needs to start is there."""
    for workload, container, program in programs(rendered):
        folder = environment(rendered, container).get(SECRETS_DIR)
        mounts = {one["mountPath"]: one["name"] for one in container.get("volumeMounts", [])}
        if folder not in mounts:
            yield f"{workload.where} reads secrets from {folder}, where nothing is mounted"
            continue
        files = _files(workload, mounts[folder])
        settings = {name.removeprefix("understudy_") for name in files - _OTHER_FILES}
        for name in sorted(settings):
            if not _is_secret(program, name):
                yield f"{workload.where} has a secret file {name}, which is no secret setting"
        for name in sorted(program.secrets - settings):
            yield f"{workload.where} can't start without {name}"


def ports(rendered: Rendered) -> Iterator[str]:
    """A program listens where its container says."""
    for workload, container, program in programs(rendered):
        if not workload.serves:
            continue
        told = environment(rendered, container)
        stated = told.get(_variable(program.port))
        default = program.settings.model_fields[program.port].default
        listens = int(stated) if stated else default
        shown = {port["containerPort"] for port in container.get("ports", [])}
        args = container.get("args", [])
        if "--port" in args and int(args[args.index("--port") + 1]) != listens:
            yield f"{workload.where} is started at another port than it is told"
        beside = {_GRPC} & {*program.settings.model_fields}
        further = {int(told[name]) for field in beside if (name := _variable(field)) in told}
        if shown != {listens} | further:
            yield f"{workload.where} listens at {listens} and shows {sorted(shown)}"


def _variable(setting: str) -> str:
    return f"{_PREFIX}{setting.upper()}"


def names(rendered: Rendered) -> Iterator[str]:
    """A challenger is told a name that differs between replicas and outlives restarts."""
    for workload, container, _ in programs(rendered):
        if "services.serving.challenger" not in container["command"]:
            continue
        by_name = {one["name"]: one for one in container.get("env", [])}
        told_name = by_name.get("UNDERSTUDY_CHALLENGER_NAME", {}).get("valueFrom", {})
        if told_name.get("fieldRef", {}).get("fieldPath") != "metadata.name":
            yield f"{workload.where} shares one consumer's name among replicas"
        if workload.manifest["kind"] != "StatefulSet":
            yield f"{workload.where} has names that change with each restart"


def programs(rendered: Rendered) -> Iterator[tuple[Workload, Manifest, Program]]:
    """Containers that run one of ours."""
    for workload in rendered.workloads:
        for container in workload.containers:
            if program := program_of(container):
                yield workload, container, program


def _taken(workload: Workload, program: Program, values: Mapping[str, object]) -> Iterator[str]:
    needed = {name: make_key().plaintext for name in program.secrets}
    try:
        program.settings(**{**needed, **values})  # type: ignore[arg-type] # as the environment says
    except ValidationError as error:
        for one in error.errors():
            yield f"{workload.where} is told a wrong {one['loc'][0]}: {one['msg']}"


def _is_secret(program: Program, setting: str) -> bool:
    field = program.settings.model_fields.get(setting)
    return field is not None and SecretStr.__name__ in str(field.annotation)


def _files(workload: Workload, volume: str) -> frozenset[str]:
    (found,) = (one for one in workload.pod["volumes"] if one["name"] == volume)
    return frozenset(
        item["path"]
        for source in found["projected"]["sources"]
        for item in source.get("secret", {}).get("items", [])
    )
