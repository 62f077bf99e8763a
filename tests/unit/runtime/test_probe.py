"""What a container's health check says of a service."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread
from typing import ClassVar

import pytest

from understudy.runtime.probe import why_unwell


class Answers(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200 if self.path == "/readyz?all=1" else 503)
        self.end_headers()
        self.wfile.write(b"redis: away")

    def log_message(self, *args: object) -> None:
        del args


class Awakening(Answers):
    answers: ClassVar[Iterator[int]]

    def do_GET(self) -> None:
        self.send_response(next(self.answers))
        self.end_headers()


@contextmanager
def service() -> Iterator[str]:
    server = HTTPServer(("127.0.0.1", 0), Answers)
    thread = Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "understudy.runtime.probe", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_a_service_is_well_that_answers_200() -> None:
    with service() as url:
        assert why_unwell(f"{url}/readyz?all=1") is None
        assert run(f"{url}/readyz?all=1").returncode == 0


def test_what_an_unready_one_says_is_passed_on() -> None:
    with service() as url:
        assert why_unwell(f"{url}/readyz") == f"{url}/readyz: 503 redis: away"
        told = run(f"{url}/readyz")
    assert told.returncode == 1
    assert "503 redis: away" in told.stderr


def test_nobody_there_is_unwell() -> None:
    with service() as url:
        pass
    assert "ConnectionRefusedError" in str(why_unwell(url))


@pytest.mark.parametrize(
    "url", ["https://127.0.0.1/readyz", "127.0.0.1:8701", "file:///etc/passwd"]
)
def test_http_alone_is_asked(url: str) -> None:
    assert why_unwell(url) == f"{url} is no http address"


def test_it_waits_for_a_service_that_is_not_there_yet() -> None:
    """It has found nobody and unreadiness before it finds the service well."""
    Awakening.answers = iter((503, 503, 200))
    with service() as url:
        pass
    port = int(url.rpartition(":")[2])
    command = [sys.executable, "-m", "understudy.runtime.probe", f"{url}/readyz", "--wait", "60"]
    waiting = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    server = HTTPServer(("127.0.0.1", port), Awakening)
    try:
        for _ in range(3):
            server.handle_request()
        assert waiting.wait(60) == 0
    finally:
        waiting.kill()
        waiting.communicate()
        server.server_close()


def test_its_patience_ends() -> None:
    with service() as url:
        told = run(f"{url}/readyz", "--wait", "0.5")
    assert (told.returncode, "503 redis: away" in told.stderr) == (1, True)


def test_it_wants_one_address() -> None:
    """Exits with 2, so that it can't be taken for a service that is unwell."""
    for words in ((), ("http://127.0.0.1:1", "more"), ("http://127.0.0.1:1", "--wait", "long")):
        told = run(*words)
        assert (told.returncode, "usage" in told.stderr) == (2, True)
