"""Real processes, with the ceiling's application in this environment in the place of peers."""

import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from benchmarks.peers.contest import Contest, Loads, Place
from benchmarks.peers.generator import Generator
from benchmarks.peers.measurements import Cell
from benchmarks.peers.models import Model, ModelName, train
from benchmarks.peers.processes import Cores, started
from benchmarks.peers.server import Peer, PeerSite, Running, RunningPeer, Site, free_port
from benchmarks.peers.servers.echo import ECHO, uvicorn

LOADS = Loads(rows=(1, 2), connections=(1,), half=True, rounds=2, seconds=0.1, warm_up_seconds=0.05)


@dataclass(frozen=True)
class Installed:
    """A peer that needs no environment of its own."""

    peer: Peer
    requirements: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        return self.peer.name

    @property
    def setup(self) -> str:
        return self.peer.setup

    @contextmanager
    def start(self, site: Site) -> Iterator[Running]:
        there = PeerSite(Path(sys.executable).parent, site.folder, site.model, free_port())
        command = self.peer.command(there)
        with started(command, env={}, folder=site.folder, core=site.cores.server) as tree:
            yield RunningPeer(self.peer, there.port, tree)


def echo(name: str) -> Installed:
    return Installed(replace(ECHO, name=name))


def liar() -> Installed:
    command = lambda site: uvicorn(site, "echo_app")  # noqa: E731
    return Installed(replace(ECHO, name="liar", command=command, read=lambda _: [2.0]))


@pytest.fixture
def model(tmp_path: Path) -> Model:
    return train(ModelName.parse("linear-3"), tmp_path / "model")


@pytest.fixture
def place(tmp_path: Path, generator: Generator) -> Place:
    return Place(tmp_path, Cores(server=0, other=0), generator, lambda _: None)


def test_servers_take_turns_and_who_is_wrong_takes_no_part(place: Place, model: Model) -> None:
    contest = Contest(place, model, LOADS)
    with contest.holding([echo("a"), liar(), echo("b")]):
        contest.measure()
    assert list(contest.failures) == ["liar"]
    assert "WrongAnswerError" in contest.failures["liar"]
    closed = [run for run in contest.runs if run.cell == Cell("linear-3", 1, 1)]
    assert [(run.server, run.round) for run in closed] == [("a", 0), ("b", 0), ("a", 1), ("b", 1)]
    assert {run.cell.rows for run in contest.runs} == {1, 2}
    assert all(run.errors == {} for run in contest.runs)
    assert all(run.answered > 0 and run.memory_bytes > 0 for run in contest.runs)
    opened = {run.cell for run in contest.runs if run.cell.rate}
    assert len(opened) == 2


def test_a_server_that_ends_while_starting_is_not_waited_for(place: Place, model: Model) -> None:
    broken = Installed(replace(ECHO, name="broken", command=lambda site: [site.python, "-c", ""]))
    contest = Contest(place, model, LOADS)
    with contest.holding([broken]):
        contest.measure()
    assert "ended while it was starting" in contest.failures["broken"]
    assert contest.runs == []


def test_a_tree_is_pinned_paused_and_ended_whole(tmp_path: Path) -> None:
    script = "import subprocess, sys; subprocess.run([sys.executable, '-c', 'input()'])"
    command = [sys.executable, "-c", script]
    with started(command, env={}, folder=tmp_path, core=0) as tree:
        assert tree.cpu_seconds() >= 0.0
        tree.signal(signal.SIGSTOP)
        members = tree.members()
        tree.signal(signal.SIGCONT)
        assert members
    assert tree.members() == []
