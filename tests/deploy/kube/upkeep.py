"""Names, versions of APIs, schedules."""

import re
from collections import Counter
from collections.abc import Iterator
from typing import Final
from zoneinfo import available_timezones

from tests.deploy.kube.manifests import CUSTOM_KINDS, Rendered, where

_LABEL: Final = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")
APIS: Final = {
    "v1": {"Namespace", "ServiceAccount", "ConfigMap", "Service", "PersistentVolumeClaim"},
    "apps/v1": {"Deployment", "StatefulSet"},
    "batch/v1": {"Job", "CronJob"},
    "autoscaling/v2": {"HorizontalPodAutoscaler"},
    "policy/v1": {"PodDisruptionBudget"},
    "networking.k8s.io/v1": {"NetworkPolicy", "Ingress"},
    "scheduling.k8s.io/v1": {"PriorityClass"},
    "monitoring.coreos.com/v1": {"ServiceMonitor", "PrometheusRule"},
    "monitoring.coreos.com/v1alpha1": {"AlertmanagerConfig"},
    "keda.sh/v1alpha1": {"ScaledObject"},
}
"""Those that are served, none of them removed or on its way out."""
_CLUSTER_WIDE: Final = frozenset({"Namespace", "PriorityClass"})
# Pods of a StatefulSet add their number, and a hash of revisions as a label.
_SHORTER: Final = {"StatefulSet": 52, "CronJob": 52, "Job": 63}
_FIELDS: Final = ((0, 59), (0, 23), (1, 31), (1, 12), (0, 7))


def apis(rendered: Rendered) -> Iterator[str]:
    """No API but those that are known here."""
    for one in rendered.manifests:
        if one["kind"] not in APIS.get(one["apiVersion"], set()):
            yield f"{where(one)} is of {one['apiVersion']}"


def names(rendered: Rendered) -> Iterator[str]:
    """DNS labels, no two alike, no Secret among them."""
    for one in rendered.manifests:
        name = one["metadata"]["name"]
        most = _SHORTER.get(one["kind"], 63)
        if len(name) > most or not _LABEL.fullmatch(name):
            yield f"{where(one)} is no name: at most {most} of a-z, 0-9 and -"
        if one["kind"] == "Secret":
            yield f"{where(one)} is a Secret among what is committed"
        outside = one["kind"] in _CLUSTER_WIDE
        if outside == ("namespace" in one["metadata"]):
            yield f"{where(one)} {'has a' if outside else 'has no'} namespace"
    counted = Counter(where(one) for one in rendered.manifests)
    for name in (name for name, count in counted.items() if count > 1):
        yield f"{name} is there twice"


def schedules(rendered: Rendered) -> Iterator[str]:
    """Five fields in range, a time zone that is one, one run at a time, a bounded history."""
    for job in rendered.of("CronJob"):
        spec = job["spec"]
        fields = str(spec["schedule"]).split()
        if len(fields) != len(_FIELDS) or not all(
            _fits(field, *bounds) for field, bounds in zip(fields, _FIELDS, strict=True)
        ):
            yield f"{where(job)} has no schedule: {spec['schedule']}"
        if spec.get("timeZone") not in available_timezones():
            yield f"{where(job)} has no time zone: {spec.get('timeZone')}"
        if spec.get("concurrencyPolicy") != "Forbid":
            yield f"{where(job)} may run beside itself"
        for name in ("successfulJobsHistoryLimit", "failedJobsHistoryLimit"):
            if not 0 < spec.get(name, 0) <= 10:
                yield f"{where(job)} has no {name}"


def labels(rendered: Rendered) -> Iterator[str]:
    """Labels say what belongs to us, so that it can be found and deleted."""
    for one in rendered.manifests:
        labels = one["metadata"].get("labels", {})
        if labels.get("app.kubernetes.io/part-of") != "understudy":
            yield f"{where(one)} is not labelled as a part of understudy"


def builtin(rendered: Rendered) -> Rendered:
    """Without the kinds that Kubernetes has no schema for."""
    return Rendered([one for one in rendered.manifests if one["kind"] not in CUSTOM_KINDS])


def _fits(field: str, low: int, high: int) -> bool:
    for part in field.split(","):
        found = re.fullmatch(r"(\*|\d+)(?:-(\d+))?(?:/(\d+))?", part)
        if found is None:
            return False
        numbers = [int(one) for one in (found[1], found[2]) if one and one != "*"]
        if any(not low <= one <= high for one in numbers) or found[3] == "0":
            return False
    return True
