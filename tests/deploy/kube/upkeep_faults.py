"""Faults of names, APIs and schedules."""

from typing import Final

from tests.deploy.kube.planting import GONE, Fault, beside, put

_STRAY: Final = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "stray"}, "data": {}}

UPKEEP: Final = [
    Fault(
        "apis",
        "is of autoscaling/v2beta2",
        put("HorizontalPodAutoscaler/serving", "apiVersion", "autoscaling/v2beta2"),
    ),
    Fault(
        "apis",
        "is of policy/v1beta1",
        put("PodDisruptionBudget/serving", "apiVersion", "policy/v1beta1"),
    ),
    Fault(
        "names",
        "Service/Registry_1 is no name",
        put("Service/registry", "metadata|name", "Registry_1"),
    ),
    Fault(
        "names",
        f"CronJob/{'b' * 53} is no name: at most 52",
        put("CronJob/registry-backup", "metadata|name", "b" * 53),
    ),
    Fault(
        "names",
        "is a Secret among what is committed",
        put("ServiceAccount/serving", "kind", "Secret"),
    ),
    Fault(
        "names",
        "PriorityClass/understudy-serving has a namespace",
        put("PriorityClass/understudy-serving", "metadata|namespace", "understudy"),
    ),
    Fault(
        "names",
        "Service/registry has no namespace",
        put("Service/registry", "metadata|namespace", GONE),
    ),
    Fault(
        "names",
        "Service/serving is there twice",
        put("Service/registry", "metadata|name", "serving"),
    ),
    Fault("labels", "ConfigMap/stray is not labelled as a part of understudy", beside(_STRAY)),
    *(
        Fault("schedules", complaint, put("CronJob/registry-backup", f"spec|{path}", value))
        for path, value, complaint in (
            ("schedule", "17 24 * * *", "has no schedule: 17 24 * * *"),
            ("schedule", "17 2 * *", "has no schedule: 17 2 * *"),
            ("schedule", "17 2 * * */0", "has no schedule: 17 2 * * */0"),
            ("timeZone", "Mars/Olympus", "has no time zone: Mars/Olympus"),
            ("concurrencyPolicy", "Allow", "may run beside itself"),
            ("failedJobsHistoryLimit", GONE, "has no failedJobsHistoryLimit"),
        )
    ),
]
