"""Secrets of an installation of `overlays/dev`: drawn, printed, kept nowhere.

`python -m deploy.k8s.secrets | kubectl create -f -`: `create` refuses what is there already, so
that keys in use are not replaced by accident.
"""

import json
import tempfile
from collections.abc import Mapping
from pathlib import Path
from string import Template
from typing import Any, Final

import yaml

from understudy.launch.installation import draw, folders

Manifest = dict[str, Any]

_DEPLOY: Final = Path(__file__).parents[1]
_NAMESPACE_FILE: Final = _DEPLOY / "k8s" / "base" / "namespace.yaml"
_USERS_FILE: Final = _DEPLOY / "compose" / "users.acl"


def manifests() -> Manifest:
    """The namespace, and all Secrets that the overlay mounts, with values drawn now."""
    namespace = yaml.safe_load(_NAMESPACE_FILE.read_text())
    name = namespace["metadata"]["name"]
    made = [_secret(name, secret, values) for secret, values in _drawn().items()]
    return {"apiVersion": "v1", "kind": "List", "items": [namespace, *made]}


def _drawn() -> Mapping[str, Mapping[str, str]]:
    """By name of the Secret, then by its key."""
    with tempfile.TemporaryDirectory() as folder:
        found = folders(draw(Path(folder)), Template(_USERS_FILE.read_text()))
    registry = found["registry"].files
    urls = {name: found[name].files for name in ("serving", "challenger", "monitor")}
    return {
        "understudy-keys": {
            name: registry[f"understudy_{name}_key"] for name in ("admin", "service", "monitor")
        },
        "understudy-metrics": {"metrics": registry["understudy_metrics_key"]},
        "understudy-alerts": {"alert": registry["understudy_alert_key"]},
        "understudy-tokens": {"secret": registry["understudy_token_secret"]},
        "understudy-redis": {
            **{name: files["understudy_redis_url"] for name, files in urls.items()},
            "users": found["redis"].files["users.acl"] + "\n",
            # Nothing mounts it: who operates Redis looks it up.
            "operator": found["redis"].files["operator"],
        },
    }


def _secret(namespace: str, name: str, values: Mapping[str, str]) -> Manifest:
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": name, "namespace": namespace},
        "type": "Opaque",
        "stringData": dict(values),
    }


def main() -> None:
    """Print them as one list."""
    print(json.dumps(manifests(), indent=1))  # noqa: T201 - for kubectl to read


if __name__ == "__main__":
    main()
