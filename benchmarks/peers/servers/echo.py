"""The ceiling: a bare ASGI application on uvicorn that sends each body back."""

from collections.abc import Sequence
from typing import Final

from benchmarks.peers.server import APPS, Peer, PeerSite
from benchmarks.peers.workload import compact


def uvicorn(site: PeerSite, application: str) -> Sequence[str]:
    """One worker, the fastest loop and parser, no access log."""
    return [
        *(site.python, "-m", "uvicorn", f"{application}:app", "--app-dir", str(APPS)),
        *("--host", "127.0.0.1", "--port", str(site.port), "--workers", "1"),
        *("--loop", "uvloop", "--http", "httptools"),
        *("--no-access-log", "--log-level", "warning"),
    ]


ECHO: Final = Peer(
    name="echo",
    setup="Bare ASGI application that sends each body back; uvicorn, uvloop, httptools.",
    requirements=("uvicorn[standard]==0.54.0",),
    command=lambda site: uvicorn(site, "echo_app"),
    path="/",
    body=lambda rows: compact({"rows": rows.tolist()}),
    read=lambda _: None,
)
