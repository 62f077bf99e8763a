"""A uvicorn server with bounds on what its clients may hold, and the options that all share."""

import os
import time
from collections.abc import Callable
from functools import partial
from typing import Any, Final

import uvicorn

from understudy.runtime.bounded import BoundedProtocol, ConnectionBounds
from understudy.runtime.stalling import LOOK_SECONDS, Stalling

_PROXIES: Final = "FORWARDED_ALLOW_IPS"
"""uvicorn's own setting; nobody is believed about others' addresses unless it names them."""


class BoundedServer(uvicorn.Server):
    """Serves an ASGI application until a signal."""

    def __init__(
        self,
        app: Callable[..., Any],
        bounds: ConnectionBounds,
        *,
        host: str,
        port: int,
    ) -> None:
        config = uvicorn.Config(
            app,
            host=host,
            port=port,
            http=partial(BoundedProtocol, bounds),  # type: ignore[arg-type]
            ws="none",
            log_config=None,
            access_log=False,
            server_header=False,
            proxy_headers=bool(os.environ.get(_PROXIES, "").strip()),
            timeout_graceful_shutdown=max(1, round(bounds.finish_seconds)),
        )
        super().__init__(config)
        self._stalling = Stalling(self.server_state, bounds.head_seconds, long_answers=True)
        self._looked = 0.0

    async def on_tick(self, counter: int) -> bool:
        """Whether to stop listening; ten times a second."""
        now = time.monotonic()
        if now - self._looked >= LOOK_SECONDS:
            self._looked = now
            self._stalling.look(now)
        return await super().on_tick(counter)
