"""Writes what components take from other folders: rules, routes of alerts, dashboards.

`python -m deploy.k8s.generate`. Kustomize reads no file outside its own folder, and these belong to
Prometheus, Alertmanager and Grafana first. A test says when what is written is not fresh.

`--serving URL --monitor URL --out FILE` writes the dashboards alone, with links that lead there:
a file for an overlay of one's own, in place of the component.
"""

import argparse
import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Final

import yaml

from deploy.grafana.generate import generated as dashboards
from deploy.grafana.variables import Addresses
from deploy.k8s.objects import LABELS, Manifest, manifest
from deploy.k8s.operator import alertmanager, rules

_DEPLOY: Final = Path(__file__).parents[1]
_COMPONENTS: Final = Path(__file__).parent / "components"
_HEADING: Final = "# Written by deploy/k8s/generate.py from {}.\n"


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
    operator, prometheus = _COMPONENTS / "prometheus-operator", _DEPLOY / "prometheus" / "rules"
    routes = _DEPLOY / "alertmanager" / "alertmanager.yml"
    return {
        operator / "rules.yaml": _written(
            "deploy/prometheus/rules", [rules(path) for path in sorted(prometheus.glob("*.yml"))]
        ),
        operator / "alertmanager.yaml": _written(
            "deploy/alertmanager/alertmanager.yml", [alertmanager(routes)]
        ),
        _COMPONENTS / "grafana-dashboards" / "dashboards.yaml": boards(Addresses()),
    }


def boards(addresses: Addresses) -> str:
    """The dashboards, with links to those addresses."""
    made = [_dashboard(name, text) for name, text in sorted(dashboards(addresses))]
    return _written("deploy/grafana", made)


def _dashboard(name: str, text: str) -> Manifest:
    """Grafana's sidecar looks for the label."""
    short = json.dumps(json.loads(text), separators=(",", ":"), ensure_ascii=False)
    made = manifest("v1", "ConfigMap", f"grafana-{Path(name).stem}", data={name: short})
    made["metadata"]["labels"] = {**LABELS, "grafana_dashboard": "1"}
    return made


def _written(source: str, manifests: Iterable[Manifest]) -> str:
    body = yaml.dump_all(manifests, Dumper=_Dumper, sort_keys=False, width=100, allow_unicode=True)
    return _HEADING.format(source) + body


def main() -> None:
    """Write all of it, or the dashboards alone."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--serving", default=Addresses().serving, help="as a browser reaches it")
    parser.add_argument("--monitor", default=Addresses().monitor, help="as a browser reaches it")
    parser.add_argument("--out", type=Path, help="a file for the dashboards alone")
    asked = parser.parse_args()
    addresses = Addresses(asked.serving, asked.monitor)
    if asked.out is None and addresses != Addresses():
        parser.error("--out says where dashboards with other links go; ours stay as they are")
    files = generated() if asked.out is None else {asked.out: boards(addresses)}
    for path, text in files.items():
        path.write_text(text)


if __name__ == "__main__":
    main()
