"""A real uvicorn under hostile clients: endless heads, too many connections, unread uploads."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator
from typing import Any

import pytest
import uvicorn
from starlette.types import Receive, Scope, Send

from services.serving.api.connections import Connections
from tests.conftest import free_port
from tests.fakes.serving import eventually
from understudy.runtime.bounded import ConnectionBounds

pytestmark = pytest.mark.anyio

ASK = b"POST /x HTTP/1.1\r\nHost: here\r\nContent-Length: 0\r\n\r\n"
BOUNDS = ConnectionBounds(connections=3, head_seconds=10.0, head_bytes=4_096, finish_seconds=1.0)


async def answer(scope: Scope, receive: Receive, send: Send) -> None:
    """Answers without reading a body; `/slow` never."""
    if scope["type"] != "http":
        return
    while scope["path"] == "/slow":
        if (await receive())["type"] == "http.disconnect":
            return
    await send(
        {"type": "http.response.start", "status": 413, "headers": [(b"content-length", b"2")]}
    )
    await send({"type": "http.response.body", "body": b"no"})


class World:
    def __init__(self, server: uvicorn.Server, listener: socket.socket) -> None:
        self.listener = listener
        self.server = server
        self.connections = Connections(server, BOUNDS)
        self.port = listener.getsockname()[1]

        self._writers: list[asyncio.StreamWriter] = []

    async def connection(self) -> Any:
        """The only one, as the server has it."""
        (found,) = await asyncio.to_thread(
            eventually, lambda: [*self.server.server_state.connections]
        )
        return found

    async def expire(self) -> None:
        """Look twice, with as much time between as a head may take."""
        await self.connections.expire(lambda: 100.0)
        await self.connections.expire(lambda: 100.0 + BOUNDS.head_seconds)

    def deaf(self) -> socket.socket:
        """A client that need not read for its server to be held up soon."""
        self.listener.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4_096)
        client = socket.socket()
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
        client.connect(("127.0.0.1", self.port))
        client.settimeout(0)
        return client

    async def open(
        self, connection: socket.socket | None = None
    ) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        if connection is None:
            connection = socket.create_connection(("127.0.0.1", self.port))
        connection.settimeout(0)
        reader, writer = await asyncio.open_connection(sock=connection)
        self._writers.append(writer)
        return reader, writer

    async def close(self) -> None:
        for writer in self._writers:
            writer.close()
            with contextlib.suppress(ConnectionError):
                await writer.wait_closed()


@pytest.fixture
async def world() -> AsyncIterator[World]:
    listener = socket.create_server(("127.0.0.1", free_port()))
    config = uvicorn.Config(answer, lifespan="off", log_config=None, http="httptools")
    config.load()
    server = uvicorn.Server(config)
    # As BentoML's supervisor does, somebody else holds the socket too.
    world = World(server, listener.dup())
    world.connections.bound()
    running = asyncio.create_task(server._serve([listener]))
    await asyncio.to_thread(eventually, lambda: server.started)
    yield world
    await world.close()
    server.should_exit = True
    await running
    world.listener.close()


async def ended(reader: asyncio.StreamReader) -> bytes:
    """All that comes before the connection is closed."""
    found = b""
    with contextlib.suppress(ConnectionResetError):
        async with asyncio.timeout(5.0):
            while part := await reader.read(65_536):
                found += part
    return found


async def test_a_head_without_end_is_refused(world: World) -> None:
    reader, writer = await world.open()
    writer.write(b"POST /x HTTP/1.1\r\nHost: here\r\nX-Long: " + b"a" * 10_000)
    assert b" 431 " in await ended(reader)


async def test_a_head_that_does_not_come_ends_its_connection(world: World) -> None:
    reader, writer = await world.open()
    writer.write(b"POST /x HTTP/1.1\r\nHost:")
    await world.connection()
    await world.expire()
    assert await ended(reader) == b""


async def test_a_head_without_end_is_cut_off_while_a_request_is_under_way(world: World) -> None:
    reader, writer = await world.open()
    writer.write(ASK.replace(b"/x", b"/slow"))
    connection = await world.connection()
    await asyncio.to_thread(eventually, lambda: connection.cycle)
    writer.write(b"POST /x HTTP/1.1\r\nHost: here\r\nX-Long: " + b"a" * 10_000)
    assert await ended(reader) == b""


async def test_a_client_that_asks_on_and_does_not_read_holds_nothing_for_long(
    world: World,
) -> None:
    state, loop = world.server.server_state, asyncio.get_running_loop()
    with world.deaf() as client:
        asking = asyncio.create_task(loop.sock_sendall(client, ASK * 100_000))
        connection = await world.connection()
        await asyncio.to_thread(eventually, lambda: connection.flow.write_paused and state.tasks)
        await world.expire()
        await asyncio.to_thread(eventually, lambda: not state.connections and not state.tasks)
        with contextlib.suppress(ConnectionError):
            await asking


async def test_a_closed_connection_does_not_wait_for_its_reader_for_ever(world: World) -> None:
    state, loop = world.server.server_state, asyncio.get_running_loop()
    with world.deaf() as client:
        connection = await world.connection()
        asked = 0
        while not connection.transport.get_write_buffer_size():
            asked += 20
            await loop.sock_sendall(client, ASK * 20)
            await asyncio.to_thread(eventually, lambda most=asked: state.total_requests == most)
        assert not connection.flow.write_paused
        connection.timeout_keep_alive_handler()
        await world.expire()
        await asyncio.to_thread(eventually, lambda: not state.connections)


async def test_one_connection_too_many_is_refused(world: World) -> None:
    for _ in range(BOUNDS.connections):
        await world.open()
    reader, _ = await world.open()
    found = await ended(reader)
    assert b" 503 " in found
    assert b"retry-after: 1" in found


async def test_an_upload_that_nobody_reads_is_dropped_and_then_cut_off(world: World) -> None:
    reader, writer = await world.open()
    writer.write(b"POST /x HTTP/1.1\r\nHost: here\r\nContent-Length: 1000000000\r\n\r\n")
    assert b" 413 " in await reader.readuntil(b"no")
    with contextlib.suppress(ConnectionError):
        for _ in range(1_000):  # a gigabyte, were it let
            writer.write(b"a" * 1_000_000)
            await writer.drain()
    assert writer.transport.is_closing()


async def test_answers_are_the_last_of_their_connection_once_the_worker_leaves(
    world: World,
) -> None:
    reader, writer = await world.open()
    writer.write(ASK)
    first = await reader.readuntil(b"no")
    assert b"connection: close" not in first
    world.connections.say_close()
    writer.write(ASK)
    assert b"connection: close" in await ended(reader)


async def test_the_last_one_leaves_no_connection_without_an_answer(world: World) -> None:
    waiting = [socket.create_connection(("127.0.0.1", world.port)) for _ in range(3)]
    await world.connections.stop_accepting(last=True)
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", world.port))
    for connection in waiting:
        reader, writer = await world.open(connection)
        writer.write(ASK)
        assert b" 413 " in await reader.readuntil(b"no")
        # What was shut can be opened again: that is what a worker does that is started anew.
    world.listener.listen()
    socket.create_connection(("127.0.0.1", world.port)).close()
