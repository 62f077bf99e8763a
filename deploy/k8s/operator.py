"""Rules and routes of alerts as the Prometheus operator takes them, from the programs' own files.

An `AlertmanagerConfig` is about alerts with its own namespace as their label, which sums over
deployments lose; so every alert is given it. Routes to people stay with the cluster's Alertmanager.
"""

import re
from collections.abc import Iterable
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

import yaml

from deploy.k8s.objects import NAMESPACE, Manifest, manifest

_GROUP: Final = "monitoring.coreos.com"
_RECEIVER: Final = "monitor"
_KEY: Final = {"name": "understudy-alerts", "key": "alert"}
_MATCHER: Final = re.compile(r'\s*(\w+)\s*(=~|!~|!=|=)\s*"(.*)"\s*')
_GROUPING: Final = ("group_by", "group_wait", "group_interval", "repeat_interval")


def rules(path: Path) -> Manifest:
    """A file of rules as Prometheus reads it is the specification of a PrometheusRule."""
    spec = yaml.safe_load(path.read_text())
    for group in spec["groups"]:
        for rule in group["rules"]:
            # Whoever keeps namespaces apart names another one than ours.
            if "alert" in rule and "namespace" not in rule["expr"]:
                rule.setdefault("labels", {})["namespace"] = NAMESPACE
    return manifest(f"{_GROUP}/v1", "PrometheusRule", f"understudy-{path.stem}", spec=spec)


def alertmanager(path: Path) -> Manifest:
    """What the monitor is told, and which alert explains which."""
    told = yaml.safe_load(path.read_text())
    (route,) = (one for one in told["route"]["routes"] if one["receiver"] == _RECEIVER)
    (receiver,) = (one for one in told["receivers"] if one["name"] == _RECEIVER)
    spec = {
        "route": {
            "receiver": _RECEIVER,
            "matchers": _matchers(route["matchers"]),
            **{_camel(name): route[name] for name in _GROUPING},
        },
        "receivers": [
            {
                "name": _RECEIVER,
                "webhookConfigs": [_webhook(one) for one in receiver["webhook_configs"]],
            }
        ],
        "inhibitRules": [_inhibition(one) for one in told["inhibit_rules"]],
    }
    return manifest(f"{_GROUP}/v1alpha1", "AlertmanagerConfig", "understudy", spec=spec)


def _webhook(told: Manifest) -> Manifest:
    address = urlsplit(told["url"])
    return {
        "url": f"http://{address.hostname}.{NAMESPACE}.svc:{address.port}{address.path}",
        "sendResolved": told["send_resolved"],
        "maxAlerts": told["max_alerts"],
        "httpConfig": {"authorization": {"type": "Bearer", "credentials": dict(_KEY)}},
    }


def _inhibition(told: Manifest) -> Manifest:
    made: Manifest = {
        "sourceMatch": _matchers(told["source_matchers"]),
        "targetMatch": _matchers(told["target_matchers"]),
    }
    return {**made, "equal": told["equal"]} if "equal" in told else made


def _matchers(told: Iterable[str]) -> list[Manifest]:
    """Raises ValueError for what is no matcher."""
    found = [_MATCHER.fullmatch(one) for one in told]
    if None in found:
        raise ValueError(f"{told} are not all matchers")
    return [{"name": one[1], "matchType": one[2], "value": one[3]} for one in found if one]


def _camel(name: str) -> str:
    head, *rest = name.split("_")
    return head + "".join(part.capitalize() for part in rest)
