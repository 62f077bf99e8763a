"""What the driver knows of a server: how it is started, asked, and read."""

import os
import signal
import socket
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Protocol

from benchmarks.peers.environment import environment
from benchmarks.peers.models import Floats, Model
from benchmarks.peers.processes import Cores, Tree, started
from benchmarks.peers.workload import post

APPS: Final = Path(__file__).parent / "apps"
ONE_THREAD: Final = {
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "NUMEXPR_NUM_THREADS": "1",
}
"""For numeric libraries, everywhere: there is one core."""


@dataclass(frozen=True, slots=True)
class Site:
    """Where a server is to run, and with what."""

    cache: Path
    """Environments, kept over runs."""
    folder: Path
    """For files of this server and this run; exists and is empty."""
    model: Model
    cores: Cores


class Running(Protocol):
    """A server that has been started."""

    @property
    def port(self) -> int:
        """On 127.0.0.1."""

    @property
    def tree(self) -> Tree:
        """The processes whose CPU time is the cost of its answers."""

    @property
    def note(self) -> str:
        """What it became with this model, for the report; empty when there is nothing to say."""

    def requests(self, rows: Sequence[Floats]) -> list[bytes]:
        """One whole request for each array of rows."""

    def read(self, answer: bytes) -> Sequence[float] | None:
        """Probability of class 1 of each row; None when it does not score."""

    def pause(self) -> None:
        """Let it use no CPU until `resume`."""

    def resume(self) -> None:
        """Let it go on."""


class Server(Protocol):
    """One that can be measured."""

    @property
    def name(self) -> str:
        """How the command line and the tables call it."""

    @property
    def setup(self) -> str:
        """How it is set up, for the report."""

    @property
    def requirements(self) -> tuple[str, ...]:
        """What is installed for it, pinned; empty for ours."""

    def start(self, site: Site) -> AbstractContextManager[Running]:
        """Start it; it need not answer yet. Raises when it can't be installed or started."""


Command = Callable[["PeerSite"], Sequence[str]]
Body = Callable[[Floats], bytes]
Read = Callable[[bytes], Sequence[float] | None]


@dataclass(frozen=True, slots=True)
class PeerSite:
    """What a peer's command is written from."""

    bin: Path
    """The folder of its environment's programs."""
    folder: Path
    model: Model
    port: int

    @property
    def python(self) -> str:
        """Its interpreter."""
        return str(self.bin / "python")


@dataclass(frozen=True, slots=True)
class Peer:
    """A server of somebody else, in an environment of its own, in one process tree."""

    name: str
    setup: str
    requirements: tuple[str, ...]
    command: Command
    """Writes what files it needs into the site's folder; returns what to run there."""
    path: str
    body: Body
    read: Read
    env: Mapping[str, str] = field(default_factory=dict)
    pausable: bool = True
    """Its processes bear being stopped for minutes."""

    @contextmanager
    def start(self, site: Site) -> Iterator[Running]:
        """Install if need be, start, and end with the context."""
        folder = environment(site.cache, self.requirements)
        there = PeerSite(folder / "bin", site.folder, site.model, free_port())
        env = {
            **os.environ,
            **ONE_THREAD,
            "PATH": f"{there.bin}:{os.environ['PATH']}",
            "BENCH_MODEL": str(site.model.joblib),
            "BENCH_PORT": str(there.port),
            **self.env,
        }
        command = self.command(there)
        with started(command, env=env, folder=site.folder, core=site.cores.server) as tree:
            yield RunningPeer(self, there.port, tree)


@dataclass(frozen=True, slots=True)
class RunningPeer:
    """A peer's processes and its port."""

    peer: Peer
    port: int
    tree: Tree
    note: str = ""

    def requests(self, rows: Sequence[Floats]) -> list[bytes]:
        """One whole request for each array of rows."""
        return [post(self.peer.path, self.peer.body(each)) for each in rows]

    def read(self, answer: bytes) -> Sequence[float] | None:
        """Probability of class 1 of each row; None when it does not score."""
        return self.peer.read(answer)

    def pause(self) -> None:
        """Let it use no CPU until `resume`."""
        if self.peer.pausable:
            self.tree.signal(signal.SIGSTOP)

    def resume(self) -> None:
        """Let it go on."""
        if self.peer.pausable:
            self.tree.signal(signal.SIGCONT)


def app(name: str) -> str:
    """The path of an application in `apps`."""
    return str(APPS / name)


def free_port() -> int:
    """A port that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
