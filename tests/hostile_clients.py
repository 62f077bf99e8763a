"""What clients do to a real process to hold it up: endless heads, heads and bodies that stop."""

import contextlib
import socket
import time
from pathlib import Path

import httpx

_FLAT_KILOBYTES = 40_000
_GIVE_UP_SECONDS = 20.0
SECONDS = 1.0
"""What the settings of a process under test allow for heads and bodies."""


def assert_endless_heads_are_refused(port: int, pid: int) -> None:
    """At once, and without holding what came."""
    before, refused = _memory(pid), False
    with socket.create_connection(("127.0.0.1", port), _GIVE_UP_SECONDS) as client:
        client.sendall(b"GET /livez HTTP/1.1\r\nHost: here\r\nX-Long: ")
        try:
            for _ in range(50):
                client.sendall(b"a" * 1_000_000)
        except ConnectionError:
            refused = True
    assert refused
    assert_alive(port)
    assert _memory(pid) - before < _FLAT_KILOBYTES


def assert_half_heads_are_closed(port: int) -> None:
    """Ten of them, and one connection that never says anything; others are answered meanwhile."""
    heads = [b"GET /livez HTTP/1.1\r\nHost:"] * 10 + [b""]
    clients = [socket.create_connection(("127.0.0.1", port), _GIVE_UP_SECONDS) for _ in heads]
    for client, head in zip(clients, heads, strict=True):
        client.sendall(head)
    assert_alive(port)
    for client in clients:
        with client:
            assert rest_of(client) == b""


def assert_half_bodies_end(port: int, path: str, status: int, *headers: str) -> None:
    """With that status, and nothing stays open."""
    with socket.create_connection(("127.0.0.1", port), _GIVE_UP_SECONDS) as client:
        client.sendall(_head(path, 1_000, *headers) + b'{"half":')
        assert_alive(port)
        assert rest_of(client).startswith(b"HTTP/1.1 %d " % status)


def leave_in_the_middle(port: int, path: str, *headers: str, method: str = "POST") -> None:
    """Send some of a body, and go once the process has begun to read it."""
    with socket.create_connection(("127.0.0.1", port), _GIVE_UP_SECONDS) as client:
        client.sendall(_head(path, 10_000_000, *headers, method=method) + b" " * 3_000_000)
        time.sleep(0.2)
    assert_alive(port)


def read_slowly(port: int, path: str, *headers: str) -> bytes:
    """All that is answered, over several times as long as a head may take."""
    found = b""
    with ask_and_read_nothing(port, path, *headers) as client:
        for _ in range(20):
            time.sleep(SECONDS / 5)
            found += client.recv(65_536)
        return found + rest_of(client)


def ask_and_read_nothing(port: int, path: str, *headers: str) -> socket.socket:
    """The connection, with next to no room for an answer on this side."""
    client = socket.socket()
    client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65_536)
    client.settimeout(_GIVE_UP_SECONDS)
    client.connect(("127.0.0.1", port))
    client.sendall(_head(path, 0, "Connection: close", *headers, method="GET"))
    return client


def rest_of(client: socket.socket) -> bytes:
    """All that comes until the other side closes; a test that waits for ever fails in between."""
    found = b""
    with contextlib.suppress(ConnectionError):
        while part := client.recv(65_536):
            found += part
    return found


def assert_alive(port: int) -> None:
    """It answers."""
    assert httpx.get(f"http://127.0.0.1:{port}/livez", timeout=_GIVE_UP_SECONDS).is_success


def _head(path: str, length: int, *headers: str, method: str = "POST") -> bytes:
    lines = [
        f"{method} {path} HTTP/1.1",
        "Host: here",
        "Content-Type: application/json",
        f"Content-Length: {length}",
        *headers,
    ]
    return "\r\n".join([*lines, "", ""]).encode()


def _memory(pid: int) -> int:
    """Resident, in kB."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS:"))
