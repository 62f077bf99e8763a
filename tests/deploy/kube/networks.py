"""Who may speak to whom: what NetworkPolicies let through, computed as Kubernetes does."""

from collections.abc import Iterator
from typing import Any, NamedTuple

from tests.deploy.kube.manifests import Manifest, Rendered, Workload, matches, where


class Flow(NamedTuple):
    """From a workload or an outside place to another, at a port."""

    source: str
    target: str
    port: int


def rules(rendered: Rendered) -> Iterator[str]:
    """Everybody is closed both ways first; ports of rules are there; no rule has one side only."""
    for workload in rendered.workloads:
        for direction in ("Ingress", "Egress"):
            closed = any(
                direction in policy["spec"]["policyTypes"]
                and policy["spec"]["podSelector"] == {}
                and not policy["spec"].get(direction.lower())
                for policy in _policies(rendered, workload)
            )
            if not closed:
                yield f"{workload.where} is open by default: {direction}"
    for policy in rendered.of("NetworkPolicy"):
        yield from _open_rules(policy)
        yield from _unknown_ports(rendered, policy)
        if not any(_selects(policy, workload) for workload in rendered.workloads):
            yield f"{where(policy)} is about nobody"
    yield from _one_sided(rendered)


def flows(rendered: Rendered) -> set[Flow]:
    """Everything that gets through."""
    found = {
        Flow(a.labels[_NAME], b.labels[_NAME], port)
        for a, b, port in _pairs(rendered)
        if _lets(rendered, a, "egress", b, port) and _lets(rendered, b, "ingress", a, port)
    }
    for workload in rendered.workloads:
        name = workload.labels[_NAME]
        for direction, peer, port in _outside(rendered, workload):
            flow = Flow(peer, name, port) if direction == "ingress" else Flow(name, peer, port)
            found.add(flow)
    return found


_NAME = "app.kubernetes.io/name"


def _one_sided(rendered: Rendered) -> Iterator[str]:
    for a, b, port in _pairs(rendered):
        leaves = _lets(rendered, a, "egress", b, port)
        arrives = _lets(rendered, b, "ingress", a, port)
        if leaves and not arrives:
            yield f"{a.where} may speak to port {port} of {b.where}, which does not listen to it"
        if arrives and not leaves:
            yield f"{b.where} listens at port {port} to {a.where}, which may not speak to it"


def _pairs(rendered: Rendered) -> Iterator[tuple[Workload, Workload, int]]:
    for a in rendered.workloads:
        for b in rendered.workloads:
            for port in _ports(b).values():
                yield a, b, port


def _lets(rendered: Rendered, who: Workload, direction: str, peer: Workload, port: int) -> bool:
    target = who if direction == "ingress" else peer
    end = "from" if direction == "ingress" else "to"
    return any(
        any(_is_peer(one, peer) for one in rule.get(end, []))
        and any(_number(one["port"], target) == port for one in rule["ports"])
        for policy in _policies(rendered, who)
        for rule in policy["spec"].get(direction, [])
    )


def _is_peer(peer: Manifest, workload: Workload) -> bool:
    """A peer with a namespace of its own is outside; one without is of ours."""
    return peer.keys() == {"podSelector"} and matches(peer["podSelector"], workload.labels)


def _outside(rendered: Rendered, workload: Workload) -> Iterator[tuple[str, str, int]]:
    for policy in _policies(rendered, workload):
        for direction, end in (("ingress", "from"), ("egress", "to")):
            for rule in policy["spec"].get(direction, []):
                for peer in rule[end]:
                    for port in rule["ports"]:
                        number = _number(port["port"], workload)
                        if peer.keys() != {"podSelector"} and number is not None:
                            yield direction, _place(peer), number


def _place(peer: Manifest) -> str:
    """A range of addresses, or the labels of a namespace and of its pods."""
    if "ipBlock" in peer:
        return str(peer["ipBlock"]["cidr"])
    selectors = (peer["namespaceSelector"], peer.get("podSelector", {}))
    return ": ".join(
        value if key == "kubernetes.io/metadata.name" or key in _PODS else f"{key}={value}"
        for selector in selectors
        for key, value in selector.get("matchLabels", {}).items()
    )


_PODS = {_NAME, "k8s-app"}


def _unknown_ports(rendered: Rendered, policy: Manifest) -> Iterator[str]:
    """A port of one of ours is one that it has: of who is selected, or of whom it speaks to."""
    chosen = [one for one in rendered.workloads if _selects(policy, one)]
    for rule in policy["spec"].get("ingress", []):
        yield from _strange(policy, rule, chosen)
    for rule in policy["spec"].get("egress", []):
        for peer in rule["to"]:
            told = [one for one in rendered.workloads if _is_peer(peer, one)]
            if peer.keys() == {"podSelector"} and not told:
                yield f"{where(policy)} leads to pods that are nowhere"
            yield from _strange(policy, rule, told)


def _strange(policy: Manifest, rule: Manifest, workloads: list[Workload]) -> Iterator[str]:
    for workload in workloads:
        known = _ports(workload)
        for port in rule["ports"]:
            if port["port"] not in known and port["port"] not in known.values():
                yield f"{where(policy)} names port {port['port']}, which nobody has"


def _open_rules(policy: Manifest) -> Iterator[str]:
    for direction, end in (("ingress", "from"), ("egress", "to")):
        for rule in policy["spec"].get(direction, []):
            if not rule.get(end) or not rule.get("ports"):
                yield f"{where(policy)} has a rule for everybody, or for every port"


def _policies(rendered: Rendered, workload: Workload) -> list[Manifest]:
    return [one for one in rendered.of("NetworkPolicy") if _selects(one, workload)]


def _selects(policy: Manifest, workload: Workload) -> bool:
    return matches(policy["spec"]["podSelector"], workload.labels)


def _ports(workload: Workload) -> dict[str, int]:
    return {
        port["name"]: port["containerPort"]
        for container in workload.containers
        for port in container.get("ports", [])
        if "name" in port
    }


def _number(port: Any, workload: Workload) -> int | None:
    return _ports(workload).get(port) if isinstance(port, str) else int(port)
