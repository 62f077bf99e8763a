"""What generated manifests have in common."""

from typing import Any, Final

Manifest = dict[str, Any]

NAMESPACE: Final = "understudy"
LABELS: Final = {"app.kubernetes.io/part-of": "understudy"}


def manifest(version: str, kind: str, name: str, **content: object) -> Manifest:
    """An object in our namespace."""
    metadata = {"name": name, "namespace": NAMESPACE, "labels": dict(LABELS)}
    return {"apiVersion": version, "kind": kind, "metadata": metadata, **content}
