"""The supervisor with real processes, small ones: a script that answers /readyz."""

import asyncio
import os
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from tests.conftest import free_port
from understudy.launch.events import Died, Event, Killed, Ready, Started, Stopped
from understudy.launch.keeper import Keeper
from understudy.launch.plan import Plan, ProcessSpec
from understudy.launch.strays import adopt_orphans
from understudy.launch.supervisor import NotReadyError, Supervisor, rotate

READY = """
    import http.server, sys
    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200); self.send_header("Content-Length", "0"); self.end_headers()
    print("listening", flush=True)
    http.server.HTTPServer(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
"""
STUBBORN = """
    import signal, time
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    print("up", flush=True)
    time.sleep(60)
"""
LEAVES_A_CHILD = """
    import subprocess, sys, time
    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"],
                             start_new_session=True)
    print(child.pid, flush=True)
    time.sleep(60)
"""
BREAKS = """
    raise SystemExit("the setting UNDERSTUDY_X is wrong")
"""


def spec_of(folder: Path, script: str, name: str = "toy", port: int = 0) -> ProcessSpec:
    return ProcessSpec(
        name=name,
        argv=(sys.executable, "-c", textwrap.dedent(script), str(port)),
        env={},
        ready_url=f"http://127.0.0.1:{port}/readyz",
        log=folder / f"{name}.log",
        pid_file=folder / f"{name}.pid",
    )


async def until(holds: Callable[[], bool], seconds: float = 10.0) -> None:
    assert await asyncio.to_thread(within, seconds, holds)


def run(story: Awaitable[None]) -> None:
    async def within_a_deadline() -> None:
        async with asyncio.timeout(30):
            await story

    asyncio.run(within_a_deadline())


def alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"


def pid_of(spec: ProcessSpec) -> int:
    return int(spec.pid_file.read_text())


def test_a_process_that_is_killed_comes_back(tmp_path: Path) -> None:
    spec, events = spec_of(tmp_path, READY, port=free_port()), list[Event]()

    async def story() -> None:
        supervisor = Supervisor(Plan(None, (spec,), ()), events.append)
        await supervisor.start()
        first = pid_of(spec)
        os.kill(first, signal.SIGKILL)
        await until(lambda: sum(isinstance(event, Started) for event in events) == 2)
        assert pid_of(spec) != first
        await supervisor.stop()

    run(story())
    assert [type(event) for event in events] == [Started, Ready, Died, Started, Stopped]
    assert "signal SIGKILL" in str(events[2])
    assert not spec.pid_file.exists()


def test_a_process_that_cannot_be_started_is_tried_again(tmp_path: Path) -> None:
    spec, events = spec_of(tmp_path, READY, port=free_port()), list[Event]()
    spec.log.mkdir()  # so that its output has nowhere to go

    async def story() -> None:
        keeper = Keeper(spec, events.append)
        keeper.start()
        await until(lambda: any(isinstance(event, Died) for event in events))
        spec.log.rmdir()
        await until(lambda: any(isinstance(event, Started) for event in events))
        await keeper.stop()

    run(story())
    assert "not started" in str(events[0])
    assert isinstance(events[-1], Stopped)


def test_redis_starts_first_and_stops_last(tmp_path: Path) -> None:
    redis = spec_of(tmp_path, READY, "redis", free_port())
    service = spec_of(tmp_path, READY, "service", free_port())
    events = list[Event]()

    async def story() -> None:
        supervisor = Supervisor(Plan(redis, (service,), ()), events.append)
        await supervisor.start()
        await supervisor.stop()

    run(story())
    told = [(type(event), event.name) for event in events]
    assert told.index((Ready, "redis")) < told.index((Started, "service"))
    assert told.index((Stopped, "service")) < told.index((Stopped, "redis"))


def test_a_start_that_cannot_succeed_shows_the_end_of_the_log(tmp_path: Path) -> None:
    spec = spec_of(tmp_path, BREAKS, port=free_port())

    async def story() -> None:
        supervisor = Supervisor(Plan(None, (spec,), ()), lambda _event: None)
        try:
            with pytest.raises(NotReadyError, match="UNDERSTUDY_X is wrong"):
                await supervisor.start()
        finally:
            await supervisor.stop()

    run(story())


def test_a_start_has_a_deadline(tmp_path: Path) -> None:
    spec = spec_of(tmp_path, "import time; time.sleep(60)", port=free_port())

    async def story() -> None:
        supervisor = Supervisor(Plan(None, (spec,), ()), lambda _event: None, ready_seconds=0.3)
        try:
            with pytest.raises(NotReadyError, match=r"not ready after 0\.3 s"):
                await supervisor.start()
        finally:
            await supervisor.stop()

    run(story())


def test_what_does_not_stop_is_killed(tmp_path: Path) -> None:
    spec, events = spec_of(tmp_path, STUBBORN), list[Event]()

    async def story() -> None:
        keeper = Keeper(spec, events.append, stop_seconds=0.3)
        keeper.start()
        await until(lambda: spec.log.exists() and "up" in spec.log.read_text())
        await keeper.stop()

    run(story())
    assert [type(event) for event in events] == [Started, Killed, Stopped]


def test_what_a_killed_process_leaves_behind_goes_before_it_starts_again(tmp_path: Path) -> None:
    spec, events = spec_of(tmp_path, LEAVES_A_CHILD), list[Event]()

    def children() -> list[int]:
        return [int(line) for line in spec.log.read_text().split()] if spec.log.exists() else []

    async def story() -> None:
        adopt_orphans()
        keeper = Keeper(spec, events.append, stop_seconds=2)
        keeper.start()
        await until(lambda: len(children()) == 1)
        os.kill(pid_of(spec), signal.SIGKILL)
        await until(lambda: len(children()) == 2)
        assert not alive(children()[0])
        await keeper.stop()
        assert not alive(children()[1])

    run(story())


LAUNCHER = """
    import asyncio, sys
    from pathlib import Path
    from understudy.launch.keeper import Keeper
    from understudy.launch.plan import ProcessSpec

    async def main():
        folder = Path(sys.argv[1])
        Keeper(
            ProcessSpec("toy", (sys.executable, "-c", "import time; time.sleep(60)"), {}, "",
                        folder / "toy.log", folder / "toy.pid"),
            print,
        ).start()
        await asyncio.sleep(60)

    asyncio.run(main())
"""


def test_processes_stop_when_the_launcher_is_killed(tmp_path: Path) -> None:
    command = [sys.executable, "-c", textwrap.dedent(LAUNCHER), str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as launcher:
        assert within(10, (tmp_path / "toy.pid").exists)
        pid = int((tmp_path / "toy.pid").read_text())
        # The wish is made before the program is: wait until it has become it.
        assert within(10, lambda: b"launch.child" not in Path(f"/proc/{pid}/cmdline").read_bytes())
        launcher.kill()
    assert within(10, lambda: not alive(pid))


def within(seconds: float, holds: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + seconds
    while not holds():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


def test_logs_are_kept_from_start_to_start(tmp_path: Path) -> None:
    log = tmp_path / "toy.log"
    for number in range(5):
        rotate(log)
        log.write_text(f"start {number}")
    assert (tmp_path / "toy.log.1").read_text() == "start 3"
    assert (tmp_path / "toy.log.3").read_text() == "start 1"
    assert not (tmp_path / "toy.log.4").exists()
