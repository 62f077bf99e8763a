"""Writes the dashboards: `python -m deploy.grafana.generate`.

`--serving URL --monitor URL` say where links lead; a test fails when the files are stale.
"""

import argparse
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

try:
    from grafana_foundation_sdk.cog.encoder import JSONEncoder
except ModuleNotFoundError:
    # It is no part of what runs.
    sys.stderr.write("Grafana's SDK is not installed: make install first.\n")
    raise SystemExit(2) from None

from deploy.grafana.data_plane import data_plane
from deploy.grafana.deployment import deployment
from deploy.grafana.fleet import fleet
from deploy.grafana.usage import usage
from deploy.grafana.variables import Addresses

FOLDER: Final = Path(__file__).parent / "dashboards"
DASHBOARDS: Final = {
    "fleet": fleet,
    "deployment": deployment,
    "data-plane": data_plane,
    "usage": usage,
}


def generated(addresses: Addresses) -> Iterator[tuple[str, str]]:
    """Each file's name and text."""
    for name, made in DASHBOARDS.items():
        text = json.dumps(made(addresses), cls=JSONEncoder, indent=2, sort_keys=True)
        yield f"{name}.json", text + "\n"


def main() -> None:
    """Write them all."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--serving", default=Addresses().serving)
    parser.add_argument("--monitor", default=Addresses().monitor)
    parser.add_argument("--out", type=Path, default=FOLDER)
    asked = parser.parse_args()
    asked.out.mkdir(parents=True, exist_ok=True)
    for name, text in generated(Addresses(asked.serving, asked.monitor)):
        (asked.out / name).write_text(text)


if __name__ == "__main__":
    main()
