"""A stretch of network between two programs, with a delay that can be set while they talk."""

import asyncio
import contextlib
import threading
from collections.abc import Iterator
from contextlib import contextmanager

_CHUNK = 65_536


class SlowNetwork:
    """Forwards TCP to a port; every chunk takes `seconds` each way."""

    def __init__(self, port: int, to: int) -> None:
        self.port = port
        self.seconds = 0.0
        self._to = to

    async def serve(self) -> None:
        """Until it is cancelled."""
        server = await asyncio.start_server(self._forward, "127.0.0.1", self.port)
        async with server:
            await server.serve_forever()

    async def _forward(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        beyond: asyncio.StreamWriter | None = None
        try:
            beyond_reader, beyond = await asyncio.open_connection("127.0.0.1", self._to)
            await asyncio.gather(self._carry(reader, beyond), self._carry(beyond_reader, writer))
        except OSError:
            pass
        finally:
            for end in (writer, beyond):
                if end is not None:
                    end.transport.abort()

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        # Chunks overtake neither each other nor wait for each other: a delay, not a bottleneck.
        on_the_way: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue()
        loop = asyncio.get_running_loop()

        async def deliver() -> None:
            while True:
                due, chunk = await on_the_way.get()
                await asyncio.sleep(max(0.0, due - loop.time()))
                if not chunk:
                    writer.close()
                    return
                writer.write(chunk)
                await writer.drain()

        async def take() -> None:
            while chunk := await reader.read(_CHUNK):
                on_the_way.put_nowait((loop.time() + self.seconds, chunk))
            on_the_way.put_nowait((loop.time() + self.seconds, b""))

        with contextlib.suppress(OSError):
            await asyncio.gather(take(), deliver())


@contextmanager
def slow_network(port: int, to: int) -> Iterator[SlowNetwork]:
    """In a thread of its own, until the end."""
    network, over = SlowNetwork(port, to), threading.Event()

    async def run() -> None:
        serving = asyncio.create_task(network.serve())
        await asyncio.to_thread(over.wait)
        serving.cancel()

    thread = threading.Thread(target=lambda: asyncio.run(run()), daemon=True)
    thread.start()
    try:
        yield network
    finally:
        over.set()
        thread.join(5)
