"""The monitor's process ends with its work, also as process 1 of a container."""

import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

PROGRAM = """
import asyncio, sys, time
from services.monitor.__main__ import Server
from understudy.runtime.bounded import ConnectionBounds

async def app(scope, receive, send):
    await receive()
    asyncio.create_task(asyncio.to_thread(time.sleep, 600))
    await asyncio.sleep(0.1)
    await send({"type": "lifespan.startup.complete"})
    print("ready", flush=True)
    await receive()
    print("ended", flush=True)
    await send({"type": "lifespan.shutdown.complete"})

Server(app, ConnectionBounds(10, 5.0), host="127.0.0.1", port=int(sys.argv[1])).run()
print("never", flush=True)
"""
ISOLATED = ("unshare", "--pid", "--fork", "--kill-child")


def may_isolate() -> bool:
    if shutil.which("unshare") is None:
        return False
    return subprocess.run([*ISOLATED, "true"], capture_output=True, check=False).returncode == 0


def child_of(pid: int) -> int:
    return int(Path(f"/proc/{pid}/task/{pid}/children").read_text().split()[0])


@pytest.mark.skipif(not may_isolate(), reason="needs 'unshare --pid', thus to be root")
def test_process_1_waits_for_no_thread_when_it_has_ended() -> None:
    command = [*ISOLATED, sys.executable, "-c", PROGRAM, "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            assert process.stdout.readline() == "ready\n"
            first = child_of(process.pid)
            # uvicorn listens to signals before it starts the application.
            os.kill(first, signal.SIGTERM)
            assert process.stdout.read() == "ended\n"
            assert process.wait(60) == 0
        finally:
            process.kill()
