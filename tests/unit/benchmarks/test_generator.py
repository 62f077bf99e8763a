import socketserver
import struct
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from benchmarks.peers.generator import Generator, GeneratorError, Load
from benchmarks.peers.workload import post, write_requests

GOOD = b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\ngood"
BUSY = b"HTTP/1.1 503 Busy\r\nContent-Length: 4\r\n\r\nbusy"
CLOSED = Load(connections=3, seconds=0.2, warm_up_seconds=0.05)

Respond = Callable[[int, bytes], bytes | None]


class Listener(socketserver.ThreadingTCPServer):
    """Answers the numbered requests as it is told; None ends the connection."""

    daemon_threads = True
    allow_reuse_address = True

    def __init__(self, respond: Respond) -> None:
        super().__init__(("127.0.0.1", 0), Conversation)
        self.respond = respond
        self.bodies: list[bytes] = []


class Conversation(socketserver.StreamRequestHandler):
    def handle(self) -> None:
        listener = self.server
        assert isinstance(listener, Listener)
        while head := self._head():
            body = self.rfile.read(int(head.lower().split(b"content-length:")[1].split()[0]))
            listener.bodies.append(body)
            answer = listener.respond(len(listener.bodies), body)
            if answer is None:
                return
            self.wfile.write(answer)

    def _head(self) -> bytes:
        head = b""
        while (line := self.rfile.readline()) and line != b"\r\n":
            head += line
        return head


@contextmanager
def listening(respond: Respond) -> Iterator[Listener]:
    with Listener(respond) as listener:
        threading.Thread(target=listener.serve_forever, daemon=True).start()
        yield listener
        listener.shutdown()


@pytest.fixture
def requests(tmp_path: Path) -> Path:
    write_requests(tmp_path / "requests", [post("/", b"%d" % n) for n in range(5)])
    return tmp_path / "requests"


def test_good_answers_are_counted_and_bodies_go_round(generator: Generator, requests: Path) -> None:
    with listening(lambda *_: GOOD) as listener:
        seen = generator.ask(listener.server_address[1], requests, CLOSED, (4, 4))
    assert seen.errors == {"ill_sized": 0, "disconnected": 0, "unanswered": 0}
    assert 0 < seen.requests <= seen.answered == len(listener.bodies)
    assert seen.rate == pytest.approx(seen.requests / seen.seconds, abs=0.01)
    assert seen.latency_us.p50 <= seen.latency_us.p99 <= seen.latency_us.max
    counts = {body: listener.bodies.count(body) for body in listener.bodies}
    assert len(counts) == 5
    assert max(counts.values()) - min(counts.values()) <= 1


def test_refusals_are_counted_by_status(generator: Generator, requests: Path) -> None:
    with listening(lambda number, _: BUSY if number % 2 else GOOD) as listener:
        seen = generator.ask(listener.server_address[1], requests, CLOSED, (4, 4))
    assert seen.errors["503"] > 0
    assert seen.answered == len(listener.bodies) // 2


def test_answers_of_another_length_are_errors(generator: Generator, requests: Path) -> None:
    with listening(lambda *_: GOOD) as listener:
        seen = generator.ask(listener.server_address[1], requests, CLOSED, (5, 9))
    assert seen.requests == 0
    assert seen.errors["ill_sized"] == len(listener.bodies)


def test_a_connection_that_ends_is_counted_and_made_again(
    generator: Generator, requests: Path
) -> None:
    with listening(lambda number, _: GOOD if number % 5 else None) as listener:
        seen = generator.ask(listener.server_address[1], requests, CLOSED, (4, 4))
    assert seen.errors["disconnected"] == len(listener.bodies) // 5
    assert seen.requests > 0


def test_an_open_loop_sends_what_is_due_however_few_connections(
    generator: Generator, requests: Path
) -> None:
    load = Load(connections=2, seconds=0.25, warm_up_seconds=0.25, rate=200)
    with listening(lambda *_: GOOD) as listener:
        seen = generator.ask(listener.server_address[1], requests, load, (4, 4))
    assert seen.requests == 50
    assert seen.answered == len(listener.bodies) == 100


def test_requests_that_never_get_an_answer_count_with_their_wait(
    compiled: Path, requests: Path
) -> None:
    silent = threading.Event()

    def answer_never(*_: object) -> None:
        silent.wait(20)

    with listening(answer_never) as listener:
        options = {"port": listener.server_address[1], "seconds": 0.1, "warm-up": 0, "drain": 0.1}
        options |= {"rate": 100, "connections": 1}
        command = [str(compiled), "--requests", str(requests)]
        command += [part for name, value in options.items() for part in (f"--{name}", str(value))]
        printed = subprocess.run(command, capture_output=True, text=True, check=True).stdout
        silent.set()
    assert '"requests": 0,' in printed
    assert '"unanswered": 10' in printed


def test_who_does_not_listen_is_an_error(generator: Generator, requests: Path) -> None:
    with listening(lambda *_: GOOD) as listener:
        port = listener.server_address[1]
    with pytest.raises(GeneratorError, match="connect"):
        generator.ask(port, requests, CLOSED, (4, 4))


@pytest.mark.parametrize("content", [b"", struct.pack("<I", 9) + b"short"])
def test_a_file_of_cut_off_requests_is_refused(
    generator: Generator, tmp_path: Path, content: bytes
) -> None:
    (tmp_path / "requests").write_bytes(content)
    with pytest.raises(GeneratorError, match="requests"):
        generator.ask(1, tmp_path / "requests", CLOSED, (4, 4))
