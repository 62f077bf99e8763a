"""The last while of a process: it answers, and asks each client to go elsewhere."""

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send


class Draining:
    """Whether the process is about to stop."""

    def __init__(self) -> None:
        self.begun = False

    def begin(self) -> None:
        """From now on."""
        self.begun = True

    def around(self, app: ASGIApp) -> ASGIApp:
        """The application, closing each connection after its answer once it is time."""

        async def served(scope: Scope, receive: Receive, send: Send) -> None:
            async def closing(message: Message) -> None:
                if self.begun and message["type"] == "http.response.start":
                    MutableHeaders(scope=message)["Connection"] = "close"
                await send(message)

            await app(scope, receive, closing if scope["type"] == "http" else send)

        return served
