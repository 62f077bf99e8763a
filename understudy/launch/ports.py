"""Whether the ports are free, asked before anything is started, and who holds a taken one."""

import contextlib
import errno
import socket
from collections import Counter
from collections.abc import Sequence

from understudy.launch.errors import LaunchError
from understudy.launch.plan import PortUse


class PortTakenError(LaunchError):
    """Another program listens where one of ours has to."""


def check_ports(host: str, uses: Sequence[PortUse]) -> None:
    """Raise LaunchError when two settings name one port, or PortTakenError when one is taken."""
    for port, count in Counter(use.port for use in uses).items():
        if count > 1:
            settings = " and ".join(use.setting for use in uses if use.port == port)
            raise LaunchError(f"{settings} both say {port}; each process needs its own port.")
    taken = [use for use in uses if not _free(host, use.port)]
    if taken:
        raise PortTakenError("\n".join(_message(use) for use in taken))


def _free(host: str, port: int) -> bool:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                return False
            raise LaunchError(f"UNDERSTUDY_HOST={host}, port {port}: {error.strerror}.") from error
    return True


def _message(use: PortUse) -> str:
    holder = _holder(use.port)
    by = f" by {holder}" if holder else ""
    return (
        f"Port {use.port}, meant for {use.purpose}, is taken{by}. "
        f"Stop that, or choose another port: {use.setting}={use.port + 100}"
    )


def _holder(port: int) -> str | None:
    """Who listens there, where the machine tells us."""
    try:
        import psutil  # noqa: PLC0415 - the message does without it
    except ImportError:
        return None
    with contextlib.suppress(psutil.Error, OSError):
        for found in psutil.net_connections("tcp"):
            listens = found.status == psutil.CONN_LISTEN and found.pid
            if listens and getattr(found.laddr, "port", None) == port:
                return f"{psutil.Process(found.pid).name()} (process {found.pid})"
    return None
