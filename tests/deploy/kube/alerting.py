"""The way of an alert: from rules by Alertmanager to the monitor, which asks Prometheus."""

import re
from collections.abc import Iterator, Mapping
from typing import Final
from urllib.parse import SplitResult, urlsplit

from tests.deploy.kube.applications import PROGRAMS
from tests.deploy.kube.manifests import Manifest, Rendered, where
from tests.deploy.kube.networks import Flow, flows
from tests.deploy.kube.settings import environment, programs

_OUTSIDE: Final = "monitoring"
_ASKED: Final = "UNDERSTUDY_MONITOR_PROMETHEUS_URL"


def telling(rendered: Rendered, secrets: Mapping[str, frozenset[str]]) -> Iterator[str]:
    """A webhook is one of our Services, with a key that there is, and Alertmanager gets there."""
    there = flows(rendered)
    for config in rendered.of("AlertmanagerConfig"):
        receivers = {one["name"]: one for one in config["spec"]["receivers"]}
        named = config["spec"]["route"]["receiver"]
        if named not in receivers:
            yield f"{where(config)} routes to {named}, which is nowhere"
        for one in (hook for each in receivers.values() for hook in each["webhookConfigs"]):
            address = urlsplit(one["url"])
            if not _served(rendered, address, config["metadata"]["namespace"]):
                yield f"{where(config)} posts to {one['url']}, which is nowhere"
            name = str(address.hostname).partition(".")[0]
            if Flow(f"{_OUTSIDE}: alertmanager", name, address.port or 80) not in there:
                yield f"{where(config)} posts to {one['url']}, where it does not get"
            key = one["httpConfig"]["authorization"]["credentials"]
            if key["key"] not in secrets.get(key["name"], frozenset()):
                yield f"{where(config)} has {key['key']} of Secret/{key['name']} for a key"


def heard(rendered: Rendered) -> Iterator[str]:
    """Names in routes and inhibitions are alerts, and alerts have what the operator looks for."""
    alerts = {one["alert"]: one for one in _alerts(rendered)}
    for config in rendered.of("AlertmanagerConfig"):
        for pattern in _named(config):
            if not any(re.fullmatch(pattern, name) for name in alerts):
                yield f"{where(config)} speaks of {pattern}, which no alert is called"
        for name, alert in alerts.items():
            # One that keeps the namespace of what it looks at has it from there.
            given = alert["labels"].get("namespace")
            if given != config["metadata"]["namespace"] and "namespace" not in alert["expr"]:
                yield f"{name} has namespace {given}, so {where(config)} is not about it"


def asking(rendered: Rendered) -> Iterator[str]:
    """Where alerts come from, Prometheus is asked as well, and the monitor gets there."""
    there = flows(rendered)
    told = any(rendered.of("AlertmanagerConfig"))
    for workload, container, program in programs(rendered):
        if program is not PROGRAMS["services.monitor"]:
            continue
        url = environment(rendered, container).get(_ASKED)
        if url is None and told:
            yield f"{workload.where} believes what it is told"
        elif url is not None:
            address = urlsplit(url)
            namespace = str(address.hostname).split(".")[1]
            if Flow(workload.name, f"{namespace}: prometheus", address.port or 80) not in there:
                yield f"{workload.where} asks {url}, where it does not get"


def _alerts(rendered: Rendered) -> Iterator[Manifest]:
    for rules in rendered.of("PrometheusRule"):
        for group in rules["spec"]["groups"]:
            yield from (one for one in group["rules"] if "alert" in one)


def _named(config: Manifest) -> Iterator[str]:
    spec = config["spec"]
    sides = [one[side] for one in spec["inhibitRules"] for side in ("sourceMatch", "targetMatch")]
    for matchers in [spec["route"]["matchers"], *sides]:
        yield from (one["value"] for one in matchers if one["name"] == "alertname")


def _served(rendered: Rendered, address: SplitResult, namespace: str) -> bool:
    for service in rendered.of("Service"):
        ports = {port["port"] for port in service["spec"]["ports"]}
        if address.hostname == f"{service['metadata']['name']}.{namespace}.svc":
            return address.port in ports
    return False
