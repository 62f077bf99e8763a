"""Pod Security `restricted`, as its standard says it, and a little more."""

from collections.abc import Iterator
from typing import Final

from tests.deploy.kube.manifests import Manifest, Rendered, Workload

USER: Final = 10001
_VOLUMES: Final = frozenset(
    {
        "configMap",
        "csi",
        "downwardAPI",
        "emptyDir",
        "ephemeral",
        "persistentVolumeClaim",
        "projected",
        "secret",
    }
)
_SYSCTLS: Final = frozenset(
    {
        "kernel.shm_rmid_forced",
        "net.ipv4.ip_local_port_range",
        "net.ipv4.ip_unprivileged_port_start",
        "net.ipv4.tcp_syncookies",
        "net.ipv4.ping_group_range",
    }
)


def restricted(rendered: Rendered) -> Iterator[str]:
    """Everything that the standard forbids."""
    for workload in rendered.workloads:
        yield from _pod(workload)
        for container in workload.containers:
            yield from _container(workload, container)


def _pod(workload: Workload) -> Iterator[str]:
    pod, context = workload.pod, workload.pod.get("securityContext", {})
    for name in ("hostNetwork", "hostPID", "hostIPC"):
        if pod.get(name):
            yield f"{workload.where} shares the host: {name}"
    for volume in pod.get("volumes", []):
        if not volume.keys() - {"name"} <= _VOLUMES:
            yield f"{workload.where} has a volume of a forbidden kind: {volume['name']}"
    for sysctl in context.get("sysctls", []):
        if sysctl["name"] not in _SYSCTLS:
            yield f"{workload.where} sets sysctl {sysctl['name']}"
    if context.get("windowsOptions", {}).get("hostProcess"):
        yield f"{workload.where} is a process of the host"


def _container(workload: Workload, container: Manifest) -> Iterator[str]:
    pod = workload.pod.get("securityContext", {})
    own = container.get("securityContext", {})
    both = {**pod, **own}
    who = f"{workload.where} ({container['name']})"
    yield from _rare(who, container, both)
    if own.get("allowPrivilegeEscalation") is not False:
        yield f"{who} may gain rights"
    capabilities = own.get("capabilities", {})
    if "ALL" not in capabilities.get("drop", []):
        yield f"{who} keeps capabilities"
    if set(capabilities.get("add", [])) - {"NET_BIND_SERVICE"}:
        yield f"{who} adds capabilities"
    if both.get("runAsNonRoot") is not True:
        yield f"{who} may run as root"
    if both.get("runAsUser") == 0:
        yield f"{who} runs as root"
    if both.get("seccompProfile", {}).get("type") not in {"RuntimeDefault", "Localhost"}:
        yield f"{who} has no seccomp profile"


def _rare(who: str, container: Manifest, both: Manifest) -> Iterator[str]:
    if both.get("privileged"):
        yield f"{who} is privileged"
    if both.get("procMount", "Default") != "Default":
        yield f"{who} sees all of /proc"
    if any(port.get("hostPort") for port in container.get("ports", [])):
        yield f"{who} takes a port of the host"
    if both.get("appArmorProfile", {}).get("type") == "Unconfined":
        yield f"{who} is not confined by AppArmor"
    if both.get("seLinuxOptions", {}).keys() & {"user", "role"}:
        yield f"{who} chooses its SELinux user or role"


def beyond(rendered: Rendered) -> Iterator[str]:
    """What the standard leaves open: a read-only root, one numeric user, no token, no links."""
    for workload in rendered.workloads:
        pod = workload.pod
        context = pod.get("securityContext", {})
        for name in ("runAsUser", "runAsGroup", "fsGroup"):
            if context.get(name) != USER:
                yield f"{workload.where} has {name} {context.get(name)}"
        if pod.get("automountServiceAccountToken") is not False:
            yield f"{workload.where} gets a token of the cluster"
        # Links would set variables that begin as our settings do.
        if pod.get("enableServiceLinks") is not False:
            yield f"{workload.where} gets a variable for each Service"
        for container in workload.containers:
            if container.get("securityContext", {}).get("readOnlyRootFilesystem") is not True:
                yield f"{workload.where} may write to its root file system"
    for account in rendered.of("ServiceAccount"):
        if account.get("automountServiceAccountToken") is not False:
            yield f"ServiceAccount/{account['metadata']['name']} hands out tokens"


def namespace(rendered: Rendered) -> Iterator[str]:
    """It comes first, holds its pods to the standard, and holds everything that has one."""
    first = rendered.manifests[0]
    if first["kind"] != "Namespace":
        yield f"{first['kind']} comes before the Namespace"
    for one in rendered.of("Namespace"):
        labels = one["metadata"].get("labels", {})
        for mode in ("enforce", "audit", "warn"):
            if labels.get(f"pod-security.kubernetes.io/{mode}") != "restricted":
                yield f"Namespace/{one['metadata']['name']} does not {mode} restricted"
    there = rendered.names("Namespace")
    for workload in rendered.workloads:
        if workload.manifest["metadata"].get("namespace") not in there:
            yield f"{workload.where} is in no namespace of ours"
