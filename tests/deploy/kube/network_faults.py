"""Faults of who may speak to whom."""

from typing import Final

from tests.deploy.kube.planting import Fault, put, without

NETWORKS: Final = [
    Fault(
        "networks",
        "StatefulSet/serving is open by default: Egress",
        without("NetworkPolicy/default-deny"),
    ),
    Fault(
        "networks",
        "may speak to port 8701 of Deployment/registry, which does not listen to it",
        without("NetworkPolicy/registry-from-followers"),
    ),
    Fault(
        "networks",
        "listens at port 8701 to Deployment/monitor, which may not speak to it",
        without("NetworkPolicy/followers-to-registry"),
    ),
    *(
        Fault("networks", complaint, put(f"NetworkPolicy/{name}", f"spec|{path}", value))
        for name, path, value, complaint in (
            (
                "followers-to-registry",
                "egress|0|ports|0|port",
                8700,
                "NetworkPolicy/followers-to-registry names port 8700, which nobody has",
            ),
            (
                "registry-from-followers",
                "ingress|0|ports|0|port",
                "web",
                "NetworkPolicy/registry-from-followers names port web, which nobody has",
            ),
            (
                "followers-to-registry",
                "egress|0|to|0|podSelector|matchLabels|app.kubernetes.io/name",
                "registrar",
                "leads to pods that are nowhere",
            ),
            (
                "told-by-alertmanager",
                "podSelector|matchLabels|app.kubernetes.io/name",
                "monitors",
                "NetworkPolicy/told-by-alertmanager is about nobody",
            ),
            (
                "scraped-by-prometheus",
                "ingress|0|from",
                [],
                "has a rule for everybody, or for every port",
            ),
        )
    ),
]
