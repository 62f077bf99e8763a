"""Faults of how pods run, and of what they are told."""

from typing import Final

from tests.deploy.kube.faults import BOX, POD, REGISTRY, SERVING
from tests.deploy.kube.planting import GONE, Fault, put, without

_MONITOR: Final = "Deployment/monitor"
_CHALLENGER: Final = "StatefulSet/challenger"
_STATE: Final = {"name": "state", "emptyDir": {"sizeLimit": "5Gi"}}
_HTTP: Final = {"path": "/livez", "port": "http"}

RUNNING: Final = [
    *(
        Fault("probes", complaint, put(SERVING, f"{BOX}|{path}", value))
        for path, value, complaint in (
            ("livenessProbe", GONE, "has no livenessProbe"),
            ("livenessProbe|tcpSocket", {"port": "http"}, "has a livenessProbe of 2 kinds"),
            ("readinessProbe|httpGet|path", "/ready", "at /ready, which is no route for probes"),
            ("readinessProbe|httpGet|path", "/metrics", "at /metrics, which is no route"),
            ("readinessProbe|httpGet|port", "web", "at port web, which is nowhere"),
            ("readinessProbe|httpGet|path", "/livez", "ready as soon as it lives"),
            ("livenessProbe|httpGet|path", "/readyz", "livenessProbe that depends on others"),
            ("startupProbe|httpGet|path", "/readyz", "startupProbe that depends on others"),
            ("readinessProbe|timeoutSeconds", 3, "asks its readinessProbe again before"),
        )
    ),
    Fault(
        "probes",
        "Deployment/registry has a livenessProbe at /healthz, which is no route for probes",
        put(REGISTRY, f"{BOX}|livenessProbe|httpGet", {**_HTTP, "path": "/healthz"}),
    ),
    *(
        Fault(check, complaint, put(SERVING, f"{BOX}|{path}", value))
        for check, path, value, complaint in (
            ("images", "image", "understudy/serving", "which is not pinned"),
            ("images", "image", "understudy/serving:latest", "which is not pinned"),
            ("images", "image", "redis:6", "runs redis:6, which is not pinned"),
            ("images", "image", "understudy/serving:9.9.9", "of several versions: 0.1.0, 9.9.9"),
            ("images", "imagePullPolicy", "Always", "pulls Always"),
            ("compose", "image", "understudy/server:0.1.0", "compose has None"),
            ("compose", "image", "understudy/serving:9.9.9", "compose has 0.1.0"),
            ("resources", "resources|limits|memory", GONE, "how much memory it takes"),
            ("resources", "resources|requests|cpu", "2500m", "requests more cpu than its limit"),
        )
    ),
    Fault(
        "resources",
        "has a volume without a bound: tmp",
        put(SERVING, f"{POD}|volumes|1|emptyDir", {}),
    ),
]

TOLD: Final = [
    *(
        Fault("told", complaint, put("ConfigMap/serving", f"data|{name}", value))
        for name, value, complaint in (
            ("UNDERSTUDY_SERVING_WORKER", "1", "which is no setting of its"),
            ("UNDERSTUDY_MONITOR_PORT", "8702", "which is no setting of its"),
            ("WORKERS", "1", "is told WORKERS, which nobody reads"),
            ("UNDERSTUDY_SERVING_WORKERS", "none", "is told a wrong serving_workers"),
            ("UNDERSTUDY_REDIS_URL", "redis://redis", "which is secret, in the open"),
        )
    ),
    Fault(
        "secret files",
        "has a secret file redis_uri, which is no secret setting",
        put(
            SERVING,
            f"{POD}|volumes|0|projected|sources|1|secret|items|0|path",
            "understudy_redis_uri",
        ),
    ),
    Fault(
        "secret files",
        "can't start without service_key",
        put(SERVING, f"{POD}|volumes|0|projected|sources|0|secret|items", []),
    ),
    Fault(
        "secret files",
        "reads secrets from /run/other, where nothing is mounted",
        put("ConfigMap/serving", "data|UNDERSTUDY_SECRETS_DIR", "/run/other"),
    ),
    Fault(
        "listening",
        "StatefulSet/serving is started at another port than it is told",
        put(SERVING, f"{BOX}|args|3", "8800"),
    ),
    Fault(
        "listening",
        "Deployment/monitor listens at 8702 and shows [8703]",
        put(_MONITOR, f"{BOX}|ports|0|containerPort", 8703),
    ),
    Fault(
        "consumers",
        "shares one consumer's name among replicas",
        put(_CHALLENGER, f"{BOX}|env", []),
    ),
    Fault(
        "consumers",
        "has names that change with each restart",
        put(_CHALLENGER, "kind", "Deployment"),
    ),
]

SUMS: Final = [
    Fault(
        "stopping",
        "StatefulSet/serving needs 30.5 s to stop and has 30",
        put(SERVING, f"{POD}|terminationGracePeriodSeconds", 30),
    ),
    Fault(
        "stopping",
        "StatefulSet/serving needs 55.5 s to stop and has 45",
        put("ConfigMap/serving", "data|UNDERSTUDY_SERVING_DRAIN_SECONDS", "30"),
    ),
    Fault(
        "stopping",
        "stops while requests are still sent to it",
        put(SERVING, f"{BOX}|lifecycle", {}),
    ),
    Fault(
        "starting",
        "StatefulSet/serving needs 120 s to start and has 15",
        put(SERVING, f"{BOX}|startupProbe|failureThreshold", 3),
    ),
    *(
        Fault("living", complaint, put(SERVING, f"{BOX}|{path}", value))
        for path, value, complaint in (
            ("livenessProbe|failureThreshold", 3, "is killed after 30 s of silence"),
            ("readinessProbe|failureThreshold", 30, "is asked until it is killed"),
        )
    ),
    Fault(
        "serving",
        "has 4 workers on less than as many cores",
        put("ConfigMap/serving", "data|UNDERSTUDY_SERVING_WORKERS", "4"),
    ),
    Fault(
        "serving",
        "may take more memory than its limit",
        put("ConfigMap/serving", "data|UNDERSTUDY_SERVING_MEMORY_BYTES", "2147483648"),
    ),
    Fault(
        "serving",
        "spools to a disk that does not outlive the pod",
        put(SERVING, "spec|volumeClaimTemplates", []),
    ),
    Fault(
        "serving",
        "has a disk that its spool may fill",
        put(SERVING, "spec|volumeClaimTemplates|0|spec|resources|requests|storage", "1Gi"),
    ),
    Fault(
        "serving",
        "throws its spool away with the replica",
        put(SERVING, "spec|persistentVolumeClaimRetentionPolicy|whenScaled", "Delete"),
    ),
    Fault(
        "serving",
        "starts one replica after the other",
        put(SERVING, "spec|podManagementPolicy", GONE),
    ),
    Fault(
        "sharing",
        "Deployment/registry has 2 replicas with a store each",
        put(REGISTRY, f"{POD}|volumes|0|projected|sources", []),
    ),
    Fault(
        "sharing",
        "keeps its store on a disk that does not outlive the pod",
        put(_MONITOR, f"{POD}|volumes|0|projected|sources", []),
    ),
    Fault(
        "budgets",
        "does not let one go at a time",
        put("PodDisruptionBudget/serving", "spec|maxUnavailable", 0),
    ),
    Fault(
        "budgets",
        "Deployment/monitor has several replicas and no budget",
        without("PodDisruptionBudget/monitor"),
    ),
]

DEV: Final = [
    Fault(
        "sharing",
        "has two pods at one SQLite file while it is rolled out",
        put(REGISTRY, "spec|strategy|type", "RollingUpdate"),
    ),
    Fault(
        "sharing",
        "Deployment/monitor keeps its store on a disk that does not outlive the pod",
        put(_MONITOR, f"{POD}|volumes|0", _STATE),
    ),
    *(
        Fault("redis", complaint, put("ConfigMap/redis", "data|redis.conf", text))
        for text, complaint in (
            ("dir /data\nmaxmemory 1gb\nappendonly yes", "has maxmemory-policy None"),
            ("dir /data\nmaxmemory 1gb\nappendonly no", "has appendonly no"),
            ("dir /data\nmaxmemory 2gb\nappendonly yes", "has no room to write its file anew"),
            ("dir /tmp\nmaxmemory 1gb", "writes to a disk that does not outlive the pod"),
        )
    ),
    Fault(
        "networks",
        "StatefulSet/redis listens at port 6379 to StatefulSet/serving, which may not speak to it",
        without("NetworkPolicy/clients-to-redis"),
    ),
]
