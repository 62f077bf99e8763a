"""How pods run: probes, images, resources."""

import re
from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Final

from tests.deploy.kube.applications import ANSWERS, Doors, program_of
from tests.deploy.kube.manifests import Manifest, Rendered, Workload

PROBES: Final = ("startupProbe", "readinessProbe", "livenessProbe")
_HANDLERS: Final = frozenset({"httpGet", "exec", "tcpSocket", "grpc"})
_LIVE: Final = "/livez"
_OURS: Final = "understudy/"
_VERSION: Final = re.compile(r"\d+\.\d+\.\d+([-+].+)?")
_SUFFIXES: Final = {
    "m": Decimal("0.001"),
    "k": Decimal(10) ** 3,
    "M": Decimal(10) ** 6,
    "G": Decimal(10) ** 9,
    "Ki": Decimal(2) ** 10,
    "Mi": Decimal(2) ** 20,
    "Gi": Decimal(2) ** 30,
    "Ti": Decimal(2) ** 40,
}


def quantity(text: object) -> Decimal:
    """`1536Mi`, `250m`, `2`."""
    found = re.fullmatch(r"(\d+(?:\.\d+)?)([a-zA-Z]*)", str(text))
    assert found is not None, f"{text} is no quantity"
    return Decimal(found[1]) * (_SUFFIXES[found[2]] if found[2] else 1)


def probes(rendered: Rendered, doors: Doors) -> Iterator[str]:
    """Three of them for whatever serves, each at a route that is there, liveness at `/livez`."""
    for workload in rendered.workloads:
        for container in workload.containers:
            for name in PROBES:
                probe = container.get(name)
                if probe is None and workload.serves:
                    yield f"{workload.where} has no {name}"
                elif probe is not None:
                    yield from _probe(workload, container, name, probe, doors)


def _probe(
    workload: Workload, container: Manifest, name: str, probe: Manifest, doors: Doors
) -> Iterator[str]:
    kinds = probe.keys() & _HANDLERS
    if len(kinds) != 1:
        yield f"{workload.where} has a {name} of {len(kinds)} kinds"
        return
    seconds = probe.get("timeoutSeconds", 1), probe.get("periodSeconds", 10)
    if seconds[0] > seconds[1]:
        yield f"{workload.where} asks its {name} again before an answer is due"
    (kind,) = kinds
    if kind != "httpGet":
        return
    names = {port.get("name") for port in container.get("ports", [])}
    if probe[kind]["port"] not in names:
        yield f"{workload.where} has a {name} at port {probe[kind]['port']}, which is nowhere"
    path, program = probe[kind]["path"], program_of(container)
    if program is None or doors.answer(program, path) not in ANSWERS:
        yield f"{workload.where} has a {name} at {path}, which is no route for probes"
    # Whatever fails elsewhere must not restart it; a start may not wait for others either.
    if name != "readinessProbe" and path != _LIVE:
        yield f"{workload.where} has a {name} that depends on others: {path}"
    if name == "readinessProbe" and path == _LIVE:
        yield f"{workload.where} is said to be ready as soon as it lives"


def images(rendered: Rendered, others: Mapping[str, str]) -> Iterator[str]:
    """Pinned: ours to a version, `others` to the tag that compose takes by default."""
    ours = set()
    for workload in rendered.workloads:
        for container in workload.containers:
            name, _, tag = container["image"].partition(":")
            if name.startswith(_OURS):
                ours.add(tag)
                pinned = _VERSION.fullmatch(tag) is not None
            else:
                pinned = tag == others.get(name, "")
            if not tag or not pinned:
                yield f"{workload.where} runs {container['image']}, which is not pinned"
            if container.get("imagePullPolicy") != "IfNotPresent":
                yield f"{workload.where} pulls {container.get('imagePullPolicy')}"
    if len(ours) > 1:
        yield f"services are of several versions: {', '.join(sorted(ours))}"


def ours_as_in_compose(rendered: Rendered, images: Mapping[str, str]) -> Iterator[str]:
    """Ours have the names, and the version, that compose builds them under."""
    for workload in rendered.workloads:
        for container in workload.containers:
            name, _, tag = container["image"].partition(":")
            if name.startswith(_OURS) and images.get(name) != tag:
                yield f"{workload.where} runs {name}:{tag}, compose has {images.get(name)}"


def resources(rendered: Rendered) -> Iterator[str]:
    """Requests and limits of both kinds, and requests within limits."""
    for workload in rendered.workloads:
        for container in workload.containers:
            stated = container.get("resources", {})
            for kind in ("cpu", "memory"):
                request = stated.get("requests", {}).get(kind)
                limit = stated.get("limits", {}).get(kind)
                if request is None or limit is None:
                    yield f"{workload.where} does not say how much {kind} it takes"
                elif quantity(request) > quantity(limit):
                    yield f"{workload.where} requests more {kind} than its limit"
        for volume in workload.pod.get("volumes", []):
            if "emptyDir" in volume and not (volume["emptyDir"] or {}).get("sizeLimit"):
                yield f"{workload.where} has a volume without a bound: {volume['name']}"
