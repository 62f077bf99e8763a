"""Other people's clients, unmodified, each in an environment of its own.

`clients/<name>.txt` pins what an environment holds; `clients/<name>_*.py` are run in it. A script
reads one JSON value from its standard input and writes one to its standard output: no code of ours
is imported there.
"""

import hashlib
import json
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

ROOT: Final = Path(__file__).parents[2]
CLIENTS: Final = Path(__file__).parent / "clients"
_UV: Final = Path(sys.executable).with_name("uv")
_INSTALL_SECONDS: Final = 600
_RUN_SECONDS: Final = 300


def environment(name: str) -> Path:
    """The Python of a client's environment; made when its pins are new."""
    pins = CLIENTS / f"{name}.txt"
    digest = hashlib.sha256(pins.read_bytes()).hexdigest()[:12]
    folder = ROOT / ".foreign" / f"{name}-{digest}"
    python, whole = folder / "bin" / "python", folder / "whole"
    if not whole.exists():
        version = f"{sys.version_info.major}.{sys.version_info.minor}"
        _run(str(_UV), "venv", "--quiet", "--clear", "--python", version, str(folder))
        _run(str(_UV), "pip", "install", "--quiet", "--python", str(python), "-r", str(pins))
        whole.touch()  # an installation that was cut off is made anew
    return python


def ask(client: str, script: str, told: Mapping[str, Any], **variables: str) -> Any:
    """What the script answered. `variables` are added to its otherwise empty environment."""
    found = subprocess.run(
        [str(environment(client)), str(CLIENTS / script)],
        input=json.dumps(told).encode(),
        capture_output=True,
        timeout=_RUN_SECONDS,
        check=False,
        env={"PATH": "/usr/bin:/bin", "HOME": str(ROOT / ".foreign"), **variables},
    )
    assert found.returncode == 0, found.stderr.decode(errors="replace")[-4_000:]
    return json.loads(found.stdout)


def _run(*command: str) -> None:
    subprocess.run(command, check=True, timeout=_INSTALL_SECONDS, capture_output=True)
