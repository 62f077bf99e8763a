"""Writes what components take from other folders: alerting rules and dashboards.

`python -m deploy.k8s.generate`. Kustomize reads no file outside its own folder, and both belong to
Prometheus and Grafana first. A test says when what is written is not fresh.
"""

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Final

import yaml

Manifest = dict[str, Any]

_DEPLOY: Final = Path(__file__).parents[1]
_COMPONENTS: Final = Path(__file__).parent / "components"
_HEADING: Final = "# Written by deploy/k8s/generate.py from {}.\n"
_LABELS: Final = {"app.kubernetes.io/part-of": "understudy"}
_NAMESPACE: Final = "understudy"


class _Dumper(yaml.SafeDumper):
    """Long texts as blocks, as a person would write them."""

    def ignore_aliases(self, data: object) -> bool:
        del data
        return True


def _text(dumper: _Dumper, text: str) -> yaml.ScalarNode:
    style = "|" if "\n" in text else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


_Dumper.add_representer(str, _text)


def generated() -> Mapping[Path, str]:
    """What each file should hold."""
    rules = sorted((_DEPLOY / "prometheus" / "rules").glob("*.yml"))
    boards = sorted((_DEPLOY / "grafana" / "dashboards").glob("*.json"))
    return {
        _COMPONENTS / "prometheus-operator" / "rules.yaml": _written(
            "deploy/prometheus/rules", [_rule(path) for path in rules]
        ),
        _COMPONENTS / "grafana-dashboards" / "dashboards.yaml": _written(
            "deploy/grafana/dashboards", [_dashboard(path) for path in boards]
        ),
    }


def _rule(path: Path) -> Manifest:
    """A file of rules as Prometheus reads it is the specification of a PrometheusRule."""
    return {
        "apiVersion": "monitoring.coreos.com/v1",
        "kind": "PrometheusRule",
        "metadata": _metadata(f"understudy-{path.stem}"),
        "spec": yaml.safe_load(path.read_text()),
    }


def _dashboard(path: Path) -> Manifest:
    """Grafana's sidecar looks for the label."""
    text = json.dumps(json.loads(path.read_text()), separators=(",", ":"), ensure_ascii=False)
    metadata = _metadata(f"grafana-{path.stem}")
    metadata["labels"] = {**_LABELS, "grafana_dashboard": "1"}
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": metadata,
        "data": {path.name: text},
    }


def _metadata(name: str) -> Manifest:
    return {"name": name, "namespace": _NAMESPACE, "labels": dict(_LABELS)}


def _written(source: str, manifests: Iterable[Manifest]) -> str:
    body = yaml.dump_all(manifests, Dumper=_Dumper, sort_keys=False, width=100, allow_unicode=True)
    return _HEADING.format(source) + body


def main() -> None:
    """Write all of it."""
    for path, text in generated().items():
        path.write_text(text)


if __name__ == "__main__":
    main()
