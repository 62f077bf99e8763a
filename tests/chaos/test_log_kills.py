"""Rows answered under load are in the log, whatever is killed: counted by id on both sides."""

import contextlib
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis

from tests.chaos.log_writer import BOUNDS
from tests.conftest import free_port
from tests.fakes.serving import entries, eventually
from understudy.contracts.events import decode_predictions, predictions_key
from understudy.contracts.vocabulary import Durability
from understudy.launch.redis_server import find_redis_server, redis_command

WRITER = Path(__file__).with_name("log_writer.py")
REDIS_KILLS = 3
ANSWERED = 100_000


class World:
    """A Redis and two writers over one disk."""

    def __init__(self, folder: Path, durability: Durability) -> None:
        self.folder = folder
        self.durability = durability
        self.port = free_port()
        self.url = f"redis://127.0.0.1:{self.port}/0"
        self.processes: list[subprocess.Popen[bytes]] = []

    def start_redis(self) -> subprocess.Popen[bytes]:
        command = redis_command(find_redis_server(), port=self.port, folder=self.folder)
        return self._start(command)

    def start_writer(self, name: str) -> subprocess.Popen[bytes]:
        notes = str(self.folder / f"{name}.notes")
        spool = str(self.folder / "spool")
        return self._start([sys.executable, str(WRITER), self.url, spool, self.durability, notes])

    def answered(self) -> Counter[str]:
        """Ids that were answered. A line that a kill cut off was not."""
        found: Counter[str] = Counter()
        for notes in self.folder.glob("*.notes"):
            found.update(
                line for line in notes.read_text().splitlines(keepends=True) if line[-1] == "\n"
            )
        return Counter({line.strip(): times for line, times in found.items()})

    def logged(self) -> Counter[str]:
        with redis.Redis.from_url(self.url) as client:
            found = entries(client, predictions_key("flowers"))
        return Counter(name for fields in found for name in decode_predictions(fields).ids)

    def close(self) -> None:
        for process in self.processes:
            process.kill()
            process.wait()

    def _start(self, command: list[str]) -> subprocess.Popen[bytes]:
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
        self.processes.append(process)
        return process


@contextlib.contextmanager
def world(folder: Path, durability: Durability) -> Iterator[World]:
    made = World(folder, durability)
    try:
        yield made
    finally:
        made.close()


@pytest.mark.timeout(400)
@pytest.mark.parametrize("durability", Durability)
def test_answered_rows_are_logged_once_whatever_is_killed(
    tmp_path: Path, durability: Durability
) -> None:
    with world(tmp_path, durability) as there:
        server = there.start_redis()
        doomed, survivor = there.start_writer("doomed"), there.start_writer("survivor")
        for kill in range(REDIS_KILLS):
            before = there.answered().total()
            eventually(lambda least=before: there.answered().total() > least + 10_000, 60.0)
            server.kill()
            server.wait()
            # Long enough once for the disk spool to fill.
            time.sleep(8.0 if kill == 1 else 1.0)
            if kill == REDIS_KILLS - 1:
                doomed.kill()
                doomed.wait()
            server = there.start_redis()
        eventually(lambda: there.answered().total() >= ANSWERED, 120.0)
        # The survivor adopts what the other left, and leaves nothing itself.
        eventually(lambda: len([*(tmp_path / "spool").iterdir()]) <= 1, 60.0)
        survivor.terminate()
        assert survivor.wait(30.0) == 0
        left = sum(1 for _ in (tmp_path / "spool").rglob("*.spool"))
        answered, logged = there.answered(), there.logged()
        lost = answered.keys() - logged.keys()
        print(
            f"{durability}: {answered.total():,} rows answered, {len(lost)} of them not logged, "
            f"{sum(times > 1 for times in logged.values())} logged twice, {left} segments left"
        )
        assert max(logged.values()) == 1
        # Relaxed: once for the writer that was killed, once for each whose disk was full.
        assert len(lost) <= (0 if durability is Durability.STRICT else 3 * BOUNDS.relaxed_rows)
        assert left == 0
