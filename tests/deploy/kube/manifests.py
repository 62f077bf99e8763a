"""Rendered manifests, and the pods within them."""

import copy
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

Manifest = dict[str, Any]

POD_TEMPLATES: Final = {
    "Deployment": ("spec", "template"),
    "StatefulSet": ("spec", "template"),
    "DaemonSet": ("spec", "template"),
    "Job": ("spec", "template"),
    "CronJob": ("spec", "jobTemplate", "spec", "template"),
}
CUSTOM_KINDS: Final = frozenset(
    {"ServiceMonitor", "PrometheusRule", "AlertmanagerConfig", "ScaledObject"}
)
"""Kinds of operators, whose schemas are not Kubernetes's."""


@dataclass(frozen=True, slots=True)
class Workload:
    """Something that makes pods."""

    manifest: Manifest
    template: Manifest

    @property
    def name(self) -> str:
        return str(self.manifest["metadata"]["name"])

    @property
    def where(self) -> str:
        return where(self.manifest)

    @property
    def labels(self) -> Mapping[str, str]:
        found: Mapping[str, str] = self.template["metadata"].get("labels", {})
        return found

    @property
    def pod(self) -> Manifest:
        found: Manifest = self.template["spec"]
        return found

    @property
    def containers(self) -> Sequence[Manifest]:
        return [*self.pod.get("initContainers", []), *self.pod["containers"]]

    @property
    def serves(self) -> bool:
        return self.manifest["kind"] in {"Deployment", "StatefulSet", "DaemonSet"}


@dataclass(frozen=True, slots=True)
class Rendered:
    """What `kubectl apply -k` would send."""

    manifests: Sequence[Manifest]

    def of(self, *kinds: str) -> Iterator[Manifest]:
        return (one for one in self.manifests if one["kind"] in kinds)

    def names(self, *kinds: str) -> set[str]:
        return {str(one["metadata"]["name"]) for one in self.of(*kinds)}

    def find(self, reference: str) -> Manifest:
        """`Kind/name`; of what a generator made, the name without its hash."""
        (found,) = (one for one in self.manifests if plain(one) == reference)
        return found

    @property
    def workloads(self) -> list[Workload]:
        return [
            Workload(one, _inner(one, POD_TEMPLATES[one["kind"]]))
            for one in self.of(*POD_TEMPLATES)
        ]

    def workload(self, name: str) -> Workload:
        (found,) = (one for one in self.workloads if one.name == name)
        return found

    def copied(self) -> "Rendered":
        return Rendered(copy.deepcopy(list(self.manifests)))


def where(manifest: Manifest) -> str:
    """`Kind/name`."""
    return f"{manifest['kind']}/{manifest['metadata']['name']}"


def plain(manifest: Manifest) -> str:
    """The same without the hash that generated names end in."""
    name = str(manifest["metadata"]["name"])
    if manifest["kind"] == "ConfigMap" and "-" in name:
        head, _, tail = name.rpartition("-")
        name = head if len(tail) == 10 and tail.isalnum() and _mixed(tail) else name
    return f"{manifest['kind']}/{name}"


def matches(selector: Mapping[str, Any], labels: Mapping[str, str]) -> bool:
    """As Kubernetes selects: an empty selector takes everything."""
    wanted = selector.get("matchLabels", {})
    if any(labels.get(key) != value for key, value in wanted.items()):
        return False
    return all(_expressed(one, labels) for one in selector.get("matchExpressions", []))


def _expressed(expression: Mapping[str, Any], labels: Mapping[str, str]) -> bool:
    value = labels.get(expression["key"])
    match expression["operator"]:
        case "In":
            return value in expression["values"]
        case "NotIn":
            return value not in expression["values"]
        case "Exists":
            return value is not None
        case _:
            return value is None


def _mixed(tail: str) -> bool:
    return any(one.isdigit() for one in tail)


def _inner(manifest: Manifest, path: Sequence[str]) -> Manifest:
    found: Manifest = manifest
    for step in path:
        found = found[step]
    return found
