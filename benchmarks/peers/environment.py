"""An environment for each peer, made once by uv and kept: its pins are part of its name."""

import hashlib
import re
import shutil
import subprocess
import sys
from pathlib import Path

_INSTALL_SECONDS = 600


class NotInstalledError(Exception):
    """What a peer needs could not be installed; the message is the installer's last words."""


def environment(cache: Path, requirements: tuple[str, ...]) -> Path:
    """The folder of a virtual environment with exactly these pins. Raises NotInstalledError."""
    pins = "\n".join(requirements)
    digest = hashlib.sha256(f"{sys.version}\n{pins}".encode()).hexdigest()[:8]
    name = re.split(r"[^\w-]", requirements[0])[0]
    folder = cache / "environments" / f"{name}-{digest}"
    made = folder / "made"
    if not made.exists():
        shutil.rmtree(folder, ignore_errors=True)
        _uv("venv", "--python", sys.executable, str(folder))
        _uv("pip", "install", "--python", str(folder / "bin" / "python"), *requirements)
        made.write_text(pins)
    return folder


def _uv(*arguments: str) -> None:
    beside = Path(sys.executable).parent / "uv"
    uv = str(beside) if beside.exists() else shutil.which("uv")
    if uv is None:
        raise NotInstalledError("uv is not there: pip install uv")
    done = subprocess.run(
        [uv, *arguments], capture_output=True, text=True, timeout=_INSTALL_SECONDS, check=False
    )
    if done.returncode:
        raise NotInstalledError(done.stderr.strip()[-2_000:])
