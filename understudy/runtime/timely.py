"""Bodies that don't come: who waits for one waits for a bounded time."""

import asyncio
from collections.abc import Sequence

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from understudy.contracts.refusals import SlowBodyError


class TimelyBodies:
    """ASGI middleware: whoever reads a body that is not whole in time gets SlowBodyError.

    Below `streamed` bodies take as long as they take; their readers have limits of their own.
    """

    def __init__(self, app: ASGIApp, seconds: float, streamed: Sequence[str] = ()) -> None:
        self._app = app
        self._seconds = seconds
        self._streamed = tuple(streamed)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http" or scope["path"].startswith(self._streamed):
            await self._app(scope, receive, send)
            return
        deadline = asyncio.get_running_loop().time() + self._seconds
        awaited = True

        async def in_time() -> Message:
            nonlocal awaited
            if not awaited:
                return await receive()
            try:
                async with asyncio.timeout_at(deadline):
                    message = await receive()
            except TimeoutError as error:
                raise SlowBodyError(self._seconds) from error
            awaited = awaited and message.get("more_body", False)
            return message

        async def send_on(message: Message) -> None:
            # Whoever has begun to answer waits for nothing but the client's going.
            nonlocal awaited
            awaited = False
            await send(message)

        await self._app(scope, in_time, send_on)
