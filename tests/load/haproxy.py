"""Debian's HAProxy in front of several servers, told of what comes and goes as people run it."""

import shutil
import socket
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tests.cluster import free_ports
from tests.fakes.serving import eventually

HAPROXY: Final = shutil.which("haproxy")
_BACKEND: Final = "serving"
# Connections that are refused may go elsewhere when `retries` is more than 0; a request that was
# sent is never sent again.
_CONFIG: Final = """
global
    stats socket {socket} mode 600 level admin
defaults
    mode http
    timeout connect 2s
    timeout client 30s
    timeout server 30s
    timeout http-keep-alive 30s
    retries {retries}
    option redispatch 1
frontend callers
    bind 127.0.0.1:{port}
    default_backend serving
backend serving
    balance roundrobin
    option httpchk
    http-check send meth HEAD uri /readyz
    http-check expect status 200
    default-server {check}
{servers}
"""


@dataclass(frozen=True, slots=True)
class Balancer:
    """A running HAProxy."""

    port: int
    socket: Path

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def remove(self, server: str) -> None:
        """Send it no further requests."""
        self._say(f"disable server {_BACKEND}/{server}")

    def add(self, server: str) -> None:
        """Send it requests again."""
        self._say(f"enable server {_BACKEND}/{server}")

    def is_up(self, server: str) -> bool:
        """Whether requests go to it."""
        lines = self._ask("show stat").splitlines()
        names = lines[0].lstrip("# ").split(",")
        rows = (dict(zip(names, line.split(","), strict=False)) for line in lines[1:] if line)
        (found,) = [row for row in rows if (row["pxname"], row["svname"]) == (_BACKEND, server)]
        return found["status"].startswith(("UP", "no check"))

    def _say(self, command: str) -> None:
        answer = self._ask(command).strip()
        if answer:
            raise RuntimeError(answer)

    def _ask(self, command: str) -> str:
        with socket.socket(socket.AF_UNIX) as line, line.makefile("rb") as answer:
            line.connect(str(self.socket))
            line.sendall(f"{command}\n".encode())
            return answer.read().decode()


@contextmanager
def balancer(
    folder: Path, servers: Mapping[str, int], *, checks: bool, retries: int
) -> Iterator[Balancer]:
    """HAProxy over servers by name and port; with `checks` it asks their `/readyz`."""
    assert HAPROXY is not None
    folder.mkdir(parents=True, exist_ok=True)
    (port,) = free_ports(1)
    running = Balancer(port, folder / "haproxy.sock")
    lines = [f"    server {name} 127.0.0.1:{number}" for name, number in servers.items()]
    config = folder / "haproxy.cfg"
    check = "check inter 500ms fall 2 rise 1" if checks else "no-check"
    config.write_text(
        _CONFIG.format(
            socket=running.socket,
            port=port,
            retries=retries,
            check=check,
            servers="\n".join(lines),
        )
    )
    with (folder / "haproxy.log").open("wb") as log:
        process = subprocess.Popen([HAPROXY, "-db", "-f", config], stdout=log, stderr=log)
    try:
        eventually(running.socket.exists, 10.0)
        eventually(lambda: all(running.is_up(name) for name in servers), 20.0)
        yield running
    finally:
        process.terminate()
        process.wait(10.0)
