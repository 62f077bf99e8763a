"""Faults of references and rights, planted in what dev or production render to."""

from typing import Final

from tests.deploy.kube.planting import GONE, Fault, first, put, without

REGISTRY: Final = "Deployment/registry"
SERVING: Final = "StatefulSet/serving"
POD: Final = "spec|template|spec"
BOX: Final = f"{POD}|containers|0"
_CONTEXT: Final = f"{BOX}|securityContext"
_WHOLE: Final = f"{POD}|securityContext"
YES: Final = True
NO: Final = False
_LABEL: Final = "app.kubernetes.io/name"

REFERENCES: Final = [
    Fault(
        "selectors",
        "Deployment/registry does not select its own pods",
        put(REGISTRY, f"spec|selector|matchLabels|{_LABEL}", "other"),
    ),
    Fault(
        "selectors",
        "Service/serving selects 0 workloads",
        put("Service/serving", f"spec|selector|{_LABEL}", "server"),
    ),
    Fault(
        "selectors",
        "PodDisruptionBudget/monitor selects 0 workloads",
        put("PodDisruptionBudget/monitor", f"spec|selector|matchLabels|{_LABEL}", "monitors"),
    ),
    Fault(
        "selectors",
        "StatefulSet/serving spreads other pods than its own",
        put(
            SERVING,
            f"{POD}|topologySpreadConstraints|0|labelSelector|matchLabels|{_LABEL}",
            "registry",
        ),
    ),
    Fault(
        "ports",
        "Service/registry leads to port https, which is nowhere",
        put("Service/registry", "spec|ports|0|targetPort", "https"),
    ),
    Fault(
        "ports", "has a port without a name", put("Deployment/monitor", f"{BOX}|ports|0|name", "")
    ),
    Fault(
        "ports",
        "Ingress/understudy leads to Service/server, which is nowhere",
        put(
            "Ingress/understudy",
            "spec|rules|0|http|paths|0|backend|service|name",
            "server",
        ),
    ),
    Fault(
        "ports",
        "Ingress/understudy leads to port web, which is nowhere",
        put(
            "Ingress/understudy",
            "spec|rules|0|http|paths|0|backend|service|port|name",
            "web",
        ),
    ),
    Fault(
        "targets",
        "HorizontalPodAutoscaler/serving scales Deployment/serving, which is nowhere",
        put("HorizontalPodAutoscaler/serving", "spec|scaleTargetRef|kind", "Deployment"),
    ),
    Fault(
        "targets",
        "ScaledObject/challenger scales StatefulSet/challengers, which is nowhere",
        put("ScaledObject/challenger", "spec|scaleTargetRef|name", "challengers"),
    ),
    Fault(
        "targets",
        "StatefulSet/serving says how many there are, and so does",
        put(SERVING, "spec|replicas", 3),
    ),
    Fault(
        "targets",
        "is named by Service/serving-replicas, which is nowhere",
        without("Service/serving-replicas"),
    ),
    Fault(
        "accounts",
        "runs as ServiceAccount/monitor, which is nowhere",
        without("ServiceAccount/monitor"),
    ),
    Fault(
        "accounts",
        "has PriorityClass/understudy-serving, which is nowhere",
        without("PriorityClass/understudy-serving"),
    ),
    Fault(
        "volumes",
        "mounts scratch, which is no volume",
        put(REGISTRY, f"{BOX}|volumeMounts|0|name", "scratch"),
    ),
    Fault(
        "volumes",
        "has a volume tmp that nobody mounts",
        put(SERVING, f"{BOX}|volumeMounts|2", GONE),
    ),
    Fault(
        "volumes",
        "claims PersistentVolumeClaim/disk, which is nowhere",
        put(
            REGISTRY,
            f"{POD}|volumes|1",
            {"name": "x", "persistentVolumeClaim": {"claimName": "disk"}},
        ),
    ),
    Fault(
        "configuration",
        "reads ConfigMap/setting, which is nowhere",
        put(REGISTRY, f"{BOX}|envFrom|0|configMapRef|name", "setting"),
    ),
    Fault(
        "configuration",
        "reads Secret/understudy-key, which is nowhere",
        put(SERVING, f"{POD}|volumes|0|projected|sources|0|secret|name", "understudy-key"),
    ),
    Fault(
        "configuration",
        "reads workers of Secret/understudy-keys, which is not in it",
        put(SERVING, f"{POD}|volumes|0|projected|sources|0|secret|items|0|key", "workers"),
    ),
    Fault(
        "configuration",
        "ServiceMonitor/understudy-serving reads key of Secret/understudy-metrics",
        put(
            "ServiceMonitor/understudy-serving",
            "spec|endpoints|0|authorization|credentials|key",
            "key",
        ),
    ),
    Fault(
        "scraping",
        "ServiceMonitor/understudy-monitor finds 0 Services",
        put("ServiceMonitor/understudy-monitor", f"spec|selector|matchLabels|{_LABEL}", "m"),
    ),
    Fault(
        "scraping",
        "ServiceMonitor/understudy-registry asks port web, which is nowhere",
        put("ServiceMonitor/understudy-registry", "spec|endpoints|0|port", "web"),
    ),
]

RIGHTS: Final = [
    *(
        Fault("restricted", f"shares the host: {name}", put(REGISTRY, f"{POD}|{name}", YES))
        for name in ("hostNetwork", "hostPID", "hostIPC")
    ),
    Fault(
        "restricted",
        "has a volume of a forbidden kind: host",
        put(REGISTRY, f"{POD}|volumes|3", {"name": "host", "hostPath": {"path": "/"}}),
    ),
    Fault(
        "restricted",
        "sets sysctl kernel.msgmax",
        put(REGISTRY, f"{_WHOLE}|sysctls", [{"name": "kernel.msgmax", "value": "1"}]),
    ),
    Fault(
        "restricted",
        "is a process of the host",
        put(REGISTRY, f"{_WHOLE}|windowsOptions", {"hostProcess": True}),
    ),
    *(
        Fault("restricted", complaint, put(SERVING, f"{_CONTEXT}|{path}", value))
        for path, value, complaint in (
            ("privileged", True, "is privileged"),
            ("allowPrivilegeEscalation", GONE, "may gain rights"),
            ("capabilities|drop", ["NET_RAW"], "keeps capabilities"),
            ("capabilities|add", ["SYS_PTRACE"], "adds capabilities"),
            ("runAsNonRoot", False, "may run as root"),
            ("runAsUser", 0, "runs as root"),
            ("seccompProfile", {"type": "Unconfined"}, "has no seccomp profile"),
            ("procMount", "Unmasked", "sees all of /proc"),
            ("appArmorProfile", {"type": "Unconfined"}, "is not confined by AppArmor"),
            ("seLinuxOptions", {"user": "root"}, "chooses its SELinux user or role"),
        )
    ),
    Fault(
        "restricted",
        "takes a port of the host",
        put(SERVING, f"{BOX}|ports|0|hostPort", 80),
    ),
    *(
        Fault("beyond", f"has {name} 1000", put(SERVING, f"{_WHOLE}|{name}", 1000))
        for name in ("runAsUser", "runAsGroup", "fsGroup")
    ),
    Fault(
        "beyond",
        "gets a token of the cluster",
        put(SERVING, f"{POD}|automountServiceAccountToken", GONE),
    ),
    Fault(
        "beyond",
        "gets a variable for each Service",
        put(SERVING, f"{POD}|enableServiceLinks", YES),
    ),
    Fault(
        "beyond",
        "may write to its root file system",
        put(SERVING, f"{_CONTEXT}|readOnlyRootFilesystem", NO),
    ),
    Fault(
        "beyond",
        "ServiceAccount/serving hands out tokens",
        put("ServiceAccount/serving", "automountServiceAccountToken", YES),
    ),
    Fault("namespace", "Deployment comes before the Namespace", first(REGISTRY)),
    Fault(
        "namespace",
        "Namespace/understudy does not enforce restricted",
        put(
            "Namespace/understudy",
            "metadata|labels|pod-security.kubernetes.io/enforce",
            "baseline",
        ),
    ),
    Fault(
        "namespace",
        "Deployment/registry is in no namespace of ours",
        put(REGISTRY, "metadata|namespace", "default"),
    ),
]
