"""What a container's health check says of a service."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread

import pytest

from understudy.runtime.probe import why_unwell


class Answers(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200 if self.path == "/readyz?all=1" else 503)
        self.end_headers()
        self.wfile.write(b"redis: away")

    def log_message(self, *args: object) -> None:
        del args


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


def test_it_wants_one_address() -> None:
    assert run().returncode == 1
    assert "usage" in run().stderr
