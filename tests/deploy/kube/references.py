"""What names something names something that is there."""

from collections.abc import Iterator, Mapping
from typing import Any

from tests.deploy.kube.manifests import Manifest, Rendered, Workload, matches, plain, where


def selectors(rendered: Rendered) -> Iterator[str]:
    """A workload selects its own pods; a Service, a budget, a spread select those of one."""
    for workload in rendered.workloads:
        selector = workload.manifest["spec"].get("selector")
        if workload.serves and not matches(selector or {"matchLabels": {"": ""}}, workload.labels):
            yield f"{workload.where} does not select its own pods"
        for spread in workload.pod.get("topologySpreadConstraints", []):
            if not matches(spread["labelSelector"], workload.labels):
                yield f"{workload.where} spreads other pods than its own"
    for service in rendered.of("Service"):
        chosen = _selected(rendered, {"matchLabels": service["spec"].get("selector", {"": ""})})
        if len(chosen) != 1:
            yield f"{where(service)} selects {len(chosen)} workloads"
    for budget in rendered.of("PodDisruptionBudget"):
        chosen = _selected(rendered, budget["spec"]["selector"])
        if len(chosen) != 1:
            yield f"{where(budget)} selects {len(chosen)} workloads"


def ports(rendered: Rendered) -> Iterator[str]:
    """Ports are named, and a Service's and an Ingress's lead to one that is there."""
    for workload in rendered.workloads:
        for container in workload.containers:
            for port in container.get("ports", []):
                if not port.get("name"):
                    yield f"{workload.where} has a port without a name"
    for service in rendered.of("Service"):
        names = _port_names(_selected(rendered, {"matchLabels": service["spec"]["selector"]}))
        for port in service["spec"]["ports"]:
            if port.get("targetPort") not in names:
                yield f"{where(service)} leads to port {port.get('targetPort')}, which is nowhere"
    for ingress in rendered.of("Ingress"):
        yield from _backends(rendered, ingress)


def targets(rendered: Rendered) -> Iterator[str]:
    """Autoscalers have something to scale, and nobody else says how many there are."""
    there = {plain(one): one for one in rendered.manifests}
    for scaler in rendered.of("HorizontalPodAutoscaler", "ScaledObject"):
        target = scaler["spec"]["scaleTargetRef"]
        found = there.get(f"{target['kind']}/{target['name']}")
        if found is None or found["apiVersion"] != target["apiVersion"]:
            yield f"{where(scaler)} scales {target['kind']}/{target['name']}, which is nowhere"
        elif "replicas" in found["spec"]:
            yield f"{where(found)} says how many there are, and so does {where(scaler)}"
    for workload in rendered.workloads:
        name = workload.manifest["spec"].get("serviceName")
        if name and name not in rendered.names("Service"):
            yield f"{workload.where} is named by Service/{name}, which is nowhere"


def accounts(rendered: Rendered) -> Iterator[str]:
    """ServiceAccounts and PriorityClasses."""
    for workload in rendered.workloads:
        account = workload.pod.get("serviceAccountName", "default")
        if account not in rendered.names("ServiceAccount"):
            yield f"{workload.where} runs as ServiceAccount/{account}, which is nowhere"
        priority = workload.pod.get("priorityClassName")
        if priority and priority not in rendered.names("PriorityClass"):
            yield f"{workload.where} has PriorityClass/{priority}, which is nowhere"


def volumes(rendered: Rendered) -> Iterator[str]:
    """Mounts have volumes, volumes have what they are made of."""
    for workload in rendered.workloads:
        templates = workload.manifest["spec"].get("volumeClaimTemplates", [])
        claims = {one["metadata"]["name"] for one in templates}
        volumes = {one["name"]: one for one in workload.pod.get("volumes", [])}
        mounted = {
            mount["name"]
            for container in workload.containers
            for mount in container.get("volumeMounts", [])
        }
        for name in mounted - volumes.keys() - claims:
            yield f"{workload.where} mounts {name}, which is no volume"
        for name in (volumes.keys() | claims) - mounted:
            yield f"{workload.where} has a volume {name} that nobody mounts"
        for volume in volumes.values():
            claim = volume.get("persistentVolumeClaim", {}).get("claimName")
            if claim and claim not in rendered.names("PersistentVolumeClaim"):
                yield f"{workload.where} claims PersistentVolumeClaim/{claim}, which is nowhere"


def configuration(rendered: Rendered, secrets: Mapping[str, frozenset[str]]) -> Iterator[str]:
    """ConfigMaps and Secrets that are read are there, with the keys that are read."""
    maps = {one["metadata"]["name"]: frozenset(one["data"]) for one in rendered.of("ConfigMap")}
    for reader, kind, name, keys in _read(rendered):
        there = (maps if kind == "ConfigMap" else secrets).get(name)
        if there is None:
            yield f"{reader} reads {kind}/{name}, which is nowhere"
        else:
            for key in sorted(keys - there):
                yield f"{reader} reads {key} of {kind}/{name}, which is not in it"


def scraping(rendered: Rendered) -> Iterator[str]:
    """Each ServiceMonitor finds one Service, by labels and by the port's name."""
    for monitor in rendered.of("ServiceMonitor"):
        found = [
            service
            for service in rendered.of("Service")
            if matches(monitor["spec"]["selector"], service["metadata"].get("labels", {}))
        ]
        if len(found) != 1:
            yield f"{where(monitor)} finds {len(found)} Services"
            continue
        names = {port["name"] for port in found[0]["spec"]["ports"]}
        for endpoint in monitor["spec"]["endpoints"]:
            if endpoint["port"] not in names:
                yield f"{where(monitor)} asks port {endpoint['port']}, which is nowhere"


def _selected(rendered: Rendered, selector: Mapping[str, Any]) -> list[Workload]:
    return [one for one in rendered.workloads if matches(selector, one.labels)]


def _port_names(workloads: list[Workload]) -> set[str]:
    return {
        port.get("name", "")
        for workload in workloads
        for container in workload.containers
        for port in container.get("ports", [])
    }


def _backends(rendered: Rendered, ingress: Manifest) -> Iterator[str]:
    services = {one["metadata"]["name"]: one for one in rendered.of("Service")}
    for rule in ingress["spec"]["rules"]:
        for path in rule["http"]["paths"]:
            wanted = path["backend"]["service"]
            found = services.get(wanted["name"])
            if found is None:
                yield f"{where(ingress)} leads to Service/{wanted['name']}, which is nowhere"
            elif wanted["port"]["name"] not in {one["name"] for one in found["spec"]["ports"]}:
                yield f"{where(ingress)} leads to port {wanted['port']['name']}, which is nowhere"


def _read(rendered: Rendered) -> Iterator[tuple[str, str, str, frozenset[str]]]:
    """Reader, kind, name, keys."""
    for workload in rendered.workloads:
        for container in workload.containers:
            for source in container.get("envFrom", []):
                kind = "ConfigMap" if "configMapRef" in source else "Secret"
                (reference,) = source.values()
                yield workload.where, kind, reference["name"], frozenset()
        for volume in workload.pod.get("volumes", []):
            for kind, name, items in _sources(volume):
                yield workload.where, kind, name, frozenset(item["key"] for item in items)
    for monitor in rendered.of("ServiceMonitor"):
        for endpoint in monitor["spec"]["endpoints"]:
            key = endpoint["authorization"]["credentials"]
            yield where(monitor), "Secret", key["name"], frozenset({key["key"]})


def _sources(volume: Manifest) -> Iterator[tuple[str, str, list[Manifest]]]:
    parts = volume["projected"]["sources"] if "projected" in volume else [volume]
    for part in parts:
        if "configMap" in part:
            yield "ConfigMap", part["configMap"]["name"], part["configMap"].get("items", [])
        if "secret" in part:
            secret = part["secret"]
            yield "Secret", secret.get("name", secret.get("secretName")), secret.get("items", [])
