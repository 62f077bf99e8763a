"""Sums that must come out: time to stop and to start, memory, disk, and what replicas share."""

from collections.abc import Iterator
from typing import Final

from tests.deploy.kube.applications import PROGRAMS, Program
from tests.deploy.kube.manifests import Manifest, Rendered, Workload, matches, where
from tests.deploy.kube.running import quantity
from tests.deploy.kube.settings import environment, programs
from understudy.runtime.settings import ServiceSettings

_MARGIN_SECONDS: Final = 5.0
"""For supervisors and the last breath of an interpreter, and for endpoints to be told."""
_FIRST_REQUEST_SECONDS: Final = 0.5
_MONITOR_GRACE_SECONDS: Final = 5.0
_IMPORT_SECONDS: Final = 60.0
_HANGING_SECONDS: Final = 60.0
"""A killed worker comes back by itself: 35 s were seen of a busy machine, with room on top."""
_PROCESS_BYTES: Final = 384 * 1024**2
"""Of a worker and BentoML's supervisor with libraries and without models."""


def stopping(rendered: Rendered) -> Iterator[str]:
    """The pod's grace holds preStop and all that its program does when it is told to stop."""
    for workload, container, program in programs(rendered):
        if not workload.serves:
            continue
        settings = _settings(rendered, container, program)
        pause = container.get("lifecycle", {}).get("preStop", {}).get("sleep", {}).get("seconds", 0)
        if _asked(rendered, workload) and pause < _MARGIN_SECONDS:
            yield f"{workload.where} stops while requests are still sent to it"
        needed = pause + _drain_seconds(settings) + _MARGIN_SECONDS
        grace = workload.pod.get("terminationGracePeriodSeconds", 30)
        if grace < needed:
            yield f"{workload.where} needs {needed:g} s to stop and has {grace}"


def starting(rendered: Rendered) -> Iterator[str]:
    """A start may take as long as models may."""
    for workload, container, program in programs(rendered):
        if not workload.serves:
            continue
        settings = _settings(rendered, container, program)
        needed = _IMPORT_SECONDS + getattr(settings, "serving_start_seconds", 0.0)
        probe = container.get("startupProbe", {})
        allowed = probe.get("periodSeconds", 10) * probe.get("failureThreshold", 3)
        if allowed < needed:
            yield f"{workload.where} needs {needed:g} s to start and has {allowed}"


def living(rendered: Rendered) -> Iterator[str]:
    """A pod is not killed for what mends itself within it: readiness takes it out meanwhile."""
    for workload, container, _ in programs(rendered):
        if not workload.serves:
            continue
        patience, notice = (
            container[name].get("periodSeconds", 10) * container[name].get("failureThreshold", 3)
            for name in ("livenessProbe", "readinessProbe")
            if name in container
        )
        if patience < _HANGING_SECONDS:
            yield f"{workload.where} is killed after {patience} s of silence"
        if notice >= patience:
            yield f"{workload.where} is asked until it is killed"


def serving(rendered: Rendered) -> Iterator[str]:
    """One worker to a pod, on a core, within its memory, on a disk that outlives it."""
    for workload, container, program in programs(rendered):
        if program is not PROGRAMS["bentoml"]:
            continue
        settings = _settings(rendered, container, program)
        told = settings.model_dump()
        workers = told["serving_workers"]
        stated = container["resources"]
        if quantity(stated["requests"]["cpu"]) < workers:
            yield f"{workload.where} has {workers} workers on less than as many cores"
        bounded = (told["serving_memory_bytes"] or 0) + told["log_buffer_bytes"] + _PROCESS_BYTES
        if not told["serving_memory_bytes"] or quantity(stated["limits"]["memory"]) < workers * int(
            bounded
        ):
            yield f"{workload.where} may take more memory than its limit"
        yield from _spool(workload, container, str(settings.state_dir), told)


def _spool(
    workload: Workload, container: Manifest, state: str, told: dict[str, int]
) -> Iterator[str]:
    spec = workload.manifest["spec"]
    mounts = {one["mountPath"]: one["name"] for one in container["volumeMounts"]}
    claims = {one["metadata"]["name"]: one for one in spec.get("volumeClaimTemplates", [])}
    claim = claims.get(mounts.get(state, ""))
    if claim is None:
        yield f"{workload.where} spools to a disk that does not outlive the pod"
        return
    size = quantity(claim["spec"]["resources"]["requests"]["storage"])
    if size < 2 * told["serving_workers"] * told["log_spool_bytes"]:
        yield f"{workload.where} has a disk that its spool may fill"
    policy = spec.get("persistentVolumeClaimRetentionPolicy", {})
    if {policy.get("whenDeleted"), policy.get("whenScaled")} != {"Retain"}:
        yield f"{workload.where} throws its spool away with the replica"
    if spec.get("podManagementPolicy") != "Parallel":
        yield f"{workload.where} starts one replica after the other"


def sharing(rendered: Rendered) -> Iterator[str]:
    """Several replicas have their state elsewhere; one alone does not run beside its successor."""
    elsewhere = {
        "registry": ("understudy_database_url", "understudy_artifacts_url"),
        "monitor": ("understudy_monitor_outcomes_url",),
    }
    for name, wanted in elsewhere.items():
        workload = rendered.workload(name)
        volumes = {one["name"]: one for one in workload.pod["volumes"]}
        sources = volumes["secrets"]["projected"]["sources"]
        files = {item["path"] for one in sources for item in one["secret"]["items"]}
        shared = files >= set(wanted)
        replicas = workload.manifest["spec"].get("replicas", 1)
        if replicas > 1 and not shared:
            yield f"{workload.where} has {replicas} replicas with a store each"
        lasting = "persistentVolumeClaim" in volumes["state"]
        if not shared and not lasting:
            yield f"{workload.where} keeps its store on a disk that does not outlive the pod"
        strategy = workload.manifest["spec"]["strategy"]["type"]
        if lasting and strategy != "Recreate":
            yield f"{workload.where} has two pods at one SQLite file while it is rolled out"


def redis(rendered: Rendered) -> Iterator[str]:
    """Everything is written to disk, nothing is evicted, and there is room for a copy."""
    maps = {one["metadata"]["name"]: one["data"] for one in rendered.of("ConfigMap")}
    for workload in rendered.workloads:
        if workload.name != "redis":
            continue
        volumes = {one["name"]: one for one in workload.pod["volumes"]}
        text = maps[volumes["config"]["configMap"]["name"]]["redis.conf"]
        told = dict(line.split(maxsplit=1) for line in _lines(text))
        for name, value in {"appendonly": "yes", "maxmemory-policy": "noeviction"}.items():
            if told.get(name) != value:
                yield f"{workload.where} has {name} {told.get(name)}"
        limit = quantity(workload.containers[0]["resources"]["limits"]["memory"])
        most = quantity(told.get("maxmemory", "0").replace("gb", "Gi").replace("mb", "Mi"))
        if not most or limit < 2 * most:
            yield f"{workload.where} has no room to write its file anew"
        templates = workload.manifest["spec"].get("volumeClaimTemplates", [])
        mounts = {one["mountPath"]: one["name"] for one in workload.containers[0]["volumeMounts"]}
        if mounts.get(told["dir"]) not in {one["metadata"]["name"] for one in templates}:
            yield f"{workload.where} writes to a disk that does not outlive the pod"


def budgets(rendered: Rendered) -> Iterator[str]:
    """A budget lets a node be drained, and whoever has several replicas has one."""
    for budget in rendered.of("PodDisruptionBudget"):
        if budget["spec"].get("maxUnavailable") != 1:
            yield f"{where(budget)} does not let one go at a time"
    for workload in rendered.workloads:
        several = workload.manifest["spec"].get("replicas", 1) > 1
        guarded = [
            one
            for one in rendered.of("PodDisruptionBudget")
            if matches(one["spec"]["selector"], workload.labels)
        ]
        if workload.serves and several and not guarded:
            yield f"{workload.where} has several replicas and no budget"


def _asked(rendered: Rendered, workload: Workload) -> bool:
    """Whether a Service with an address of its own sends requests there."""
    return any(
        service["spec"].get("clusterIP") != "None"
        and matches({"matchLabels": service["spec"]["selector"]}, workload.labels)
        for service in rendered.of("Service")
    )


def _drain_seconds(settings: ServiceSettings) -> float:
    told = settings.model_dump()
    if "serving_drain_seconds" in told:
        parts = ("serving_drain_seconds", "serving_request_seconds", "log_drain_seconds")
        return _FIRST_REQUEST_SECONDS + sum(float(told[name]) for name in parts)
    if "registry_drain_seconds" in told:
        return float(told["registry_drain_seconds"] + told["registry_grace_seconds"])
    if "challenger_call_seconds" in told:
        return float(told["challenger_call_seconds"])
    return _MONITOR_GRACE_SECONDS


def _settings(rendered: Rendered, container: Manifest, program: Program) -> ServiceSettings:
    """With the values that it is told, as far as they are no secrets."""
    values = {
        name.removeprefix("UNDERSTUDY_").lower(): value
        for name, value in environment(rendered, container).items()
    }
    known = {name: values[name] for name in values.keys() & program.settings.model_fields.keys()}
    return program.settings(**{**dict.fromkeys(program.secrets, "…"), **known})  # type: ignore[arg-type] # as the environment says


def _lines(text: str) -> Iterator[str]:
    return (line for line in text.splitlines() if line.strip() and not line.startswith("#"))
