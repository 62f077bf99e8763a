"""Serving until a signal, and ending so that nobody who asks notices."""

import signal
import socket
import time
from types import FrameType

from services.registry.app import App, build
from services.registry.settings import RegistrySettings
from understudy.contracts.refusals import Refusal
from understudy.runtime.bounded import ConnectionBounds
from understudy.runtime.logs import configure_logs
from understudy.runtime.server import BoundedServer

_FAILED_TO_START = 2


class Server(BoundedServer):
    """Stops in steps: not ready any more but answering, no new connections, open requests, the end.

    A balancer that asks for readiness, or takes the address from its list, needs a while for that;
    whoever comes meanwhile is answered and asked to go elsewhere. A second signal ends that while.
    Waits for a snapshot end before open requests are waited for; else each takes half a minute.
    """

    def __init__(self, app: App, settings: RegistrySettings) -> None:
        super().__init__(
            app.asgi, _bounds_of(settings), host=settings.host, port=settings.registry_port
        )
        self._app = app
        self._drain_seconds = settings.registry_drain_seconds
        self._drained_at: float | None = None

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Begin to drain, or end draining. The signal is not raised again: the exit code is 0."""
        if self._drained_at is None:
            self._app.drain()
            self._drained_at = time.monotonic() + self._drain_seconds
        elif self.should_exit and sig == signal.SIGINT:
            self.force_exit = True
        else:
            self.should_exit = True
        del frame

    async def on_tick(self, counter: int) -> bool:
        """Whether to stop listening."""
        if self._drained_at is not None and time.monotonic() >= self._drained_at:
            self.should_exit = True
        return await super().on_tick(counter)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Stop, in this order: waits, requests, lifespan."""
        self._app.stop_waiting()
        await super().shutdown(sockets)


def serve(settings: RegistrySettings) -> int:
    """Returns the exit code: 2 when the surroundings are not as the settings say."""
    log = configure_logs("registry", settings.log_level)
    log.info("starting", settings=settings.effective())
    if settings.admin_key is None:
        log.warning("no_admin_key", remedy="set UNDERSTUDY_ADMIN_KEY to administer this registry")
    try:
        app = build(settings)
    except Refusal as refusal:
        cause = str(refusal.__cause__ or "")
        log.error("start_failed", code=refusal.code, detail=refusal.detail, cause=cause)  # noqa: TRY400 - the cause says it all
        return _FAILED_TO_START
    Server(app, settings).run()
    log.info("stopped")
    return 0


def _bounds_of(settings: RegistrySettings) -> ConnectionBounds:
    return ConnectionBounds(
        connections=settings.registry_connections,
        head_seconds=settings.registry_head_seconds,
        finish_seconds=settings.registry_grace_seconds,
        # An upload that is refused at its beginning may be read to its end.
        discard_bytes=settings.artifact_limit_bytes,
    )
