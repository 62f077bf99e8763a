"""Renders overlays, with and without components, as `kubectl apply -k` would."""

import os
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import yaml

from tests.deploy.kube.manifests import Manifest, Rendered

ROOT: Final = Path(__file__).parents[3]
K8S: Final = ROOT / "deploy" / "k8s"
OVERLAYS: Final = ("dev", "production")
COMPONENTS: Final = tuple(sorted(one.name for one in (K8S / "components").iterdir()))
KUBECTL: Final = shutil.which("kubectl")


def render(folder: Path) -> Rendered:
    """What is in a folder with a kustomization."""
    assert KUBECTL is not None
    done = subprocess.run(
        [KUBECTL, "kustomize", str(folder)], capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode == 0, done.stderr
    return Rendered([one for one in yaml.safe_load_all(done.stdout) if one])


def render_with(overlay: str, components: Sequence[str], scratch: Path) -> Rendered:
    """An overlay as an operator would extend it, in a folder of their own."""
    scratch.mkdir(parents=True, exist_ok=True)
    kustomization: Manifest = {
        "apiVersion": "kustomize.config.k8s.io/v1beta1",
        "kind": "Kustomization",
        "resources": [os.path.relpath(K8S / "overlays" / overlay, scratch.resolve())],
        "components": [
            os.path.relpath(K8S / "components" / name, scratch.resolve()) for name in components
        ],
    }
    (scratch / "kustomization.yaml").write_text(yaml.safe_dump(kustomization))
    return render(scratch)
