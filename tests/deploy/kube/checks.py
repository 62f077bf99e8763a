"""All checks by name, and what they need to know beside the manifests."""

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Final

import yaml

from tests.deploy.kube import (
    alerting,
    networks,
    references,
    rights,
    running,
    settings,
    timing,
    upkeep,
)
from tests.deploy.kube.applications import Doors
from tests.deploy.kube.manifests import Manifest, Rendered
from tests.deploy.kube.rendering import K8S, ROOT

Check = Callable[[Rendered], Iterator[str]]

_DOORS: Final = Doors()
_DEFAULT: Final = re.compile(r"\$\{[A-Z_]+:-([^}]*)\}")


def example_secrets() -> Mapping[str, frozenset[str]]:
    """Secrets that an operator makes, with their keys; `users` is for a Redis that is ours."""
    text = (K8S / "overlays" / "production" / "secrets.example.yaml").read_text()
    made = {one["metadata"]["name"]: one["stringData"] for one in yaml.safe_load_all(text)}
    keys = {name: frozenset(values) for name, values in made.items()}
    return {**keys, "understudy-redis": keys["understudy-redis"] | {"users"}}


def compose_images() -> Mapping[str, str]:
    """Images of the compose file with the tags that they have by default."""
    services: Mapping[str, Manifest] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())[
        "services"
    ]
    stated = (_DEFAULT.sub(r"\1", one["image"]).partition(":") for one in services.values())
    return {name: tag for name, _, tag in stated}


CHECKS: Final[Mapping[str, Check]] = {
    "selectors": references.selectors,
    "ports": references.ports,
    "targets": references.targets,
    "accounts": references.accounts,
    "volumes": references.volumes,
    "configuration": lambda one: references.configuration(one, example_secrets()),
    "scraping": references.scraping,
    "telling": lambda one: alerting.telling(one, example_secrets()),
    "heard": alerting.heard,
    "asking": alerting.asking,
    "restricted": rights.restricted,
    "beyond": rights.beyond,
    "namespace": rights.namespace,
    "probes": lambda one: running.probes(one, _DOORS),
    "images": lambda one: running.images(one, compose_images()),
    "compose": lambda one: running.ours_as_in_compose(one, compose_images()),
    "resources": running.resources,
    "told": settings.told,
    "secret files": settings.secret_files,
    "listening": settings.ports,
    "consumers": settings.names,
    "stopping": timing.stopping,
    "starting": timing.starting,
    "living": timing.living,
    "serving": timing.serving,
    "sharing": timing.sharing,
    "redis": timing.redis,
    "budgets": timing.budgets,
    "networks": networks.rules,
    "apis": upkeep.apis,
    "names": upkeep.names,
    "labels": upkeep.labels,
    "schedules": upkeep.schedules,
}


def complaints(rendered: Rendered) -> list[str]:
    """What all checks have to say."""
    return [f"{name}: {one}" for name, check in CHECKS.items() for one in check(rendered)]
