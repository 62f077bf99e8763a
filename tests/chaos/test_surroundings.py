"""Faults of what Understudy stands on: the network, the clock, the disk, the registry's database.

Each is caused under load. What was answered is in the log once afterwards, has its pair once, and
was counted by the monitor, as after the kills of `test_kills`.
"""

import contextlib
import os
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from tests.chaos.slow_network import slow_network
from tests.chaos.test_kills import check_nothing_is_lost, under_load
from tests.cluster import LaptopCluster, free_ports, laptop_cluster
from tests.fakes.serving import eventually
from tests.settling import metric
from tests.traffic import Traffic
from understudy.client.errors import ClientError
from understudy.contracts.registry import ReleaseRequest
from understudy.contracts.vocabulary import ReleaseKind
from understudy.launch.redis_server import find_redis_server, redis_command

FAULT_SECONDS = 15.0
AFTER_SECONDS = 15.0
HOUR = 3_600
DISK_BYTES = 256 * 1_024**2

Capsys = pytest.CaptureFixture[str]


def told(capsys: Capsys, what: str, traffic: Traffic, more: object) -> None:
    slowest = max(reply.seconds for reply in traffic.replies)
    with capsys.disabled():
        print(f"\n{what}: {len(traffic.replies)} requests, {len(traffic.failed)} failed,", end="")
        print(f" p99 {1e3 * traffic.quantile(0.99):.0f} ms, slowest {slowest:.2f} s\n  {more}")


def for_a_while(begin: Callable[[], object], end: Callable[[], object]) -> None:
    begin()
    time.sleep(FAULT_SECONDS)  # the fault itself, not a wait for something
    end()


@contextmanager
def redis_of_its_own(folder: Path) -> Iterator[int]:
    """A server that no launcher starts; its port."""
    folder.mkdir(parents=True)
    (port,) = free_ports(1)
    command = redis_command(find_redis_server(), port=port, folder=folder)
    with (folder / "log").open("wb") as log, subprocess.Popen(command, stdout=log) as process:
        try:
            yield port
        finally:
            process.terminate()


@pytest.mark.timeout(300)
@pytest.mark.parametrize("milliseconds", [20, 100, 1_000])
def test_a_slow_way_to_redis_fails_no_request(
    tmp_path: Path, milliseconds: int, capsys: Capsys
) -> None:
    with ExitStack() as stack:
        beyond = stack.enter_context(redis_of_its_own(tmp_path / "redis"))
        (port,) = free_ports(1)
        network = stack.enter_context(slow_network(port, beyond))
        settings = {"REDIS_URL": f"redis://127.0.0.1:{port}/0"}
        cluster = stack.enter_context(
            laptop_cluster(tmp_path / "laptop", with_example=True, settings=settings)
        )

        def slow_down(_: LaptopCluster) -> None:
            def become(seconds: float) -> None:
                network.seconds = seconds

            for_a_while(lambda: become(milliseconds / 1e3), lambda: become(0.0))

        traffic = under_load(cluster, f"slow-{milliseconds}", slow_down, AFTER_SECONDS)
        counts = check_nothing_is_lost(cluster, traffic)
        spooled = metric(cluster, "serving", "understudy_log_rows_total", state="spooled")
        what = f"{milliseconds} ms more each way to Redis for {FAULT_SECONDS:.0f} s"
        told(capsys, what, traffic, f"{spooled:.0f} rows went by disk; {counts}")
        assert traffic.failed == []


class Clock:
    """The time of day of whoever runs in its surroundings; `clock.c` says how."""

    def __init__(self, folder: Path) -> None:
        compiler = shutil.which("gcc") or shutil.which("cc")
        if compiler is None:
            pytest.skip("there is no C compiler")
        library, self._file = folder / "clock.so", folder / "clock"
        source = Path(__file__).with_name("clock.c")
        command = [compiler, "-shared", "-fPIC", "-O2", "-o", str(library), str(source), "-ldl"]
        subprocess.run(command, check=True)
        self.jump(0)
        self.surroundings = {"LD_PRELOAD": str(library), "CLOCK_OFFSET_FILE": str(self._file)}

    def jump(self, seconds: int) -> None:
        """From the true time, at once."""
        with self._file.open("r+b" if self._file.exists() else "wb") as file:
            file.write(seconds.to_bytes(8, sys.byteorder, signed=True))


@pytest.mark.timeout(300)
@pytest.mark.parametrize("jump", [2 * HOUR, -2 * HOUR], ids=["forward", "back"])
def test_a_clock_that_jumps_loses_nothing(tmp_path: Path, jump: int, capsys: Capsys) -> None:
    clock = Clock(tmp_path)
    laptop = laptop_cluster(tmp_path, with_example=True, surroundings=clock.surroundings)
    with laptop as cluster:

        def leap(_: LaptopCluster) -> None:
            clock.jump(jump)

        traffic = under_load(cluster, f"clock{jump}", leap, AFTER_SECONDS)
        counts = check_nothing_is_lost(cluster, traffic)
        untimely = metric(cluster, "monitor", "understudy_monitored_untimely_rows_total")
        judged = metric(cluster, "monitor", "understudy_verdict_judged_timestamp_seconds")
        told(
            capsys,
            f"all clocks jump by {jump:+d} s",
            traffic,
            f"{untimely:.0f} rows in no window; {counts}",
        )
        assert traffic.failed == []
        # It goes on judging, by the clock that there is now.
        assert abs(judged / counts_deployments(cluster) - (time.time() + jump)) < HOUR


def counts_deployments(cluster: LaptopCluster) -> int:
    return len(cluster.registry.deployments())


@contextmanager
def small_disk(folder: Path) -> Iterator[Path]:
    """A file system of its own, small enough to be filled."""
    folder.mkdir(parents=True)
    options = ["-t", "tmpfs", "-o", f"size={DISK_BYTES}", "tmpfs"]
    done = subprocess.run(["mount", *options, str(folder)], check=False, capture_output=True)  # noqa: S607
    if done.returncode:
        pytest.skip("file systems can be mounted by root only")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=False)  # noqa: S607


def fill(folder: Path) -> None:
    """Until there is no room for another byte."""
    with (folder / "ballast").open("wb", buffering=0) as file, contextlib.suppress(OSError):
        while True:
            file.write(bytes(65_536))


@pytest.mark.timeout(300)
def test_a_full_disk_refuses_what_it_can_not_keep_and_recovers(
    tmp_path: Path, capsys: Capsys
) -> None:
    with (
        small_disk(tmp_path / "disk") as folder,
        laptop_cluster(folder, with_example=True) as cluster,
    ):

        def run_full(_: LaptopCluster) -> None:
            for_a_while(lambda: fill(folder), (folder / "ballast").unlink)

        traffic = under_load(cluster, "disk", run_full, AFTER_SECONDS)
        counts = check_nothing_is_lost(cluster, traffic)
        statuses = sorted({reply.status for reply in traffic.failed})
        last = max((reply.started for reply in traffic.failed), default=0.0)
        after = max(reply.started for reply in traffic.replies) - last
        told(
            capsys,
            f"no room on the disk for {FAULT_SECONDS:.0f} s",
            traffic,
            f"refused with {statuses}, the last {after:.1f} s before the end; {counts}",
        )
        assert statuses == [503]
        assert all(reply.status == 200 for reply in traffic.replies[-250:])


def promotes(cluster: LaptopCluster) -> str:
    """Tries to change something; what came of it."""
    change = ReleaseRequest(kind=ReleaseKind.SWAP, reason="Part of a test.")
    try:
        return f"release {cluster.registry.release(cluster.example.deployment, change).release}"
    except ClientError as refused:
        return f"{type(refused).__name__}: {refused}"


@pytest.mark.timeout(300)
def test_a_locked_database_delays_changes_and_nothing_else(tmp_path: Path, capsys: Capsys) -> None:
    with laptop_cluster(tmp_path, with_example=True) as cluster:
        said: list[str] = []

        def lock(_: LaptopCluster) -> None:
            file = cluster.state_dir / "registry" / "registry.db"
            held = sqlite3.connect(file, isolation_level=None)
            held.execute("BEGIN IMMEDIATE")
            said.append(promotes(cluster))
            held.execute("ROLLBACK")
            held.close()
            said.append(promotes(cluster))

        traffic = under_load(cluster, "locked", lock, AFTER_SECONDS)
        counts = check_nothing_is_lost(cluster, traffic)
        told(capsys, "the registry's database is locked", traffic, f"{said}; {counts}")
        assert traffic.failed == []
        assert "database does not answer; try again" in said[0]
        assert said[1].startswith("release")


@pytest.mark.timeout(300)
def test_a_locked_store_of_outcomes_delays_counting_and_nothing_else(
    tmp_path: Path, capsys: Capsys
) -> None:
    with laptop_cluster(tmp_path, with_example=True) as cluster:

        def lock(_: LaptopCluster) -> None:
            file = next((cluster.state_dir / "monitor").glob("outcomes*.db"))
            held = sqlite3.connect(file, isolation_level=None)
            for_a_while(lambda: held.execute("BEGIN EXCLUSIVE"), lambda: held.execute("ROLLBACK"))
            held.close()

        traffic = under_load(cluster, "outcomes", lock, AFTER_SECONDS)
        counts = check_nothing_is_lost(cluster, traffic)
        failures = metric(cluster, "monitor", "understudy_monitor_step_failures_total")
        what = f"the store of outcomes is locked for {FAULT_SECONDS:.0f} s"
        told(capsys, what, traffic, f"{failures:.0f} steps tried again; {counts}")
        assert traffic.failed == []


@pytest.mark.timeout(300)
def test_an_archive_that_is_gone_holds_up_nothing_but_trimming(
    tmp_path: Path, capsys: Capsys
) -> None:
    archive, away = tmp_path / "archive", tmp_path / "away"
    archive.mkdir()
    settings = {"MONITOR_ARCHIVE_URL": archive.as_uri(), "MONITOR_ARCHIVE_SECONDS": "1"}
    with laptop_cluster(tmp_path / "laptop", with_example=True, settings=settings) as cluster:

        def lose() -> None:
            archive.rename(away)
            archive.touch()

        def find() -> None:
            archive.unlink()
            away.rename(archive)

        traffic = under_load(cluster, "archive", lambda _: for_a_while(lose, find), AFTER_SECONDS)
        counts = check_nothing_is_lost(cluster, traffic)
        failures = metric(cluster, "monitor", "understudy_archive_failures_total")
        deployment = cluster.example.deployment

        def archived() -> float:
            name, labels = "understudy_archive_rows_total", {"deployment": deployment}
            return metric(cluster, "monitor", name, stream="predictions", **labels)

        eventually(lambda: archived() == counts.log, 60.0)
        what = f"the archive is gone for {FAULT_SECONDS:.0f} s"
        told(capsys, what, traffic, f"{failures:.0f} tries failed; {counts}")
        assert traffic.failed == []
        assert failures > 0


@contextmanager
def postgres() -> Iterator[tuple[str, Callable[[str], None]]]:
    """A server of its own: its URL, and what does something to it (`start`, `stop`)."""
    programs = sorted(Path("/usr/lib/postgresql").glob("*/bin/pg_ctl"))
    if not programs or os.geteuid() or not shutil.which("setpriv"):
        pytest.skip("PostgreSQL is not installed, or it can't be given a user of its own")
    # Not below pytest's folders, which are root's alone.
    folder = Path(tempfile.mkdtemp(prefix="understudy-postgres-"))
    shutil.chown(folder, "postgres", "postgres")
    data, (port,) = folder / "data", free_ports(1)
    as_postgres = ["setpriv", "--reuid", "postgres", "--regid", "postgres", "--init-groups"]

    def control(what: str) -> None:
        options = f"-p {port} -k {folder} -c listen_addresses=127.0.0.1"
        more = (
            ["-o", options, "-l", str(folder / "log")] if what == "start" else ["-m", "immediate"]
        )
        command = [*as_postgres, str(programs[-1]), "-D", str(data), "-w", *more, what]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, cwd=folder)

    initdb = str(programs[-1].with_name("initdb"))
    arguments = ["-D", str(data), "-U", "postgres", "-A", "trust", "--no-sync"]
    subprocess.run(
        [*as_postgres, initdb, *arguments], check=True, stdout=subprocess.DEVNULL, cwd=folder
    )
    control("start")
    try:
        yield f"postgresql+psycopg://postgres@127.0.0.1:{port}/postgres", control
    finally:
        with contextlib.suppress(subprocess.CalledProcessError):
            control("stop")
        shutil.rmtree(folder)


@pytest.mark.timeout(300)
def test_a_database_that_is_gone_refuses_changes_and_nothing_else(
    tmp_path: Path, capsys: Capsys
) -> None:
    with ExitStack() as stack:
        url, control = stack.enter_context(postgres())
        settings = {"DATABASE_URL": url, "MONITOR_OUTCOMES_URL": url}
        cluster = stack.enter_context(
            laptop_cluster(tmp_path / "laptop", with_example=True, settings=settings)
        )
        said: list[str] = []

        def go(_: LaptopCluster) -> None:
            control("stop")
            said.append(promotes(cluster))
            time.sleep(FAULT_SECONDS)  # the fault itself
            control("start")
            said.append(promotes(cluster))

        traffic = under_load(cluster, "database", go, AFTER_SECONDS)
        counts = check_nothing_is_lost(cluster, traffic)
        told(capsys, "PostgreSQL is gone", traffic, f"{said}; {counts}")
        assert traffic.failed == []
        assert "database does not answer; try again" in said[0]
        assert said[1].startswith("release")
