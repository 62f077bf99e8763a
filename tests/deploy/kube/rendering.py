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


class _Loader(yaml.SafeLoader):
    """Reads `=` as Go's parser does, which kubectl has: as text."""


def _text(loader: _Loader, node: yaml.ScalarNode) -> str:
    return str(loader.construct_scalar(node))


_Loader.add_constructor("tag:yaml.org,2002:value", _text)


def render(folder: Path) -> Rendered:
    """What is in a folder with a kustomization."""
    assert KUBECTL is not None
    done = subprocess.run(
        [KUBECTL, "kustomize", str(folder)], capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode == 0, done.stderr
    return Rendered([one for one in yaml.load_all(done.stdout, _Loader) if one])


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
