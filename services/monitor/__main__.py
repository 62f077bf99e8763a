"""`python -m services.monitor`: starts the monitor."""

import contextlib
import logging
import os
import socket
import sys
from collections.abc import Sequence
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Final

from fastapi import FastAPI

from services.monitor.app import create_app, verify
from services.monitor.domain.errors import OutcomesUnavailableError, UnknownOutcomesError
from services.monitor.settings import MonitorSettings
from understudy.runtime.bounded import ConnectionBounds
from understudy.runtime.logs import configure_logs
from understudy.runtime.server import BoundedServer

_FAILED_TO_START: Final = 3
_FINISH_SECONDS: Final = 5.0


def main() -> None:
    """Serve until told to stop; exit with 1 and one line when the surroundings are wrong."""
    without_pandas()
    settings = MonitorSettings()
    configure_logs("monitor", settings.log_level).info("starting", **settings.effective())
    bounds = ConnectionBounds(
        settings.monitor_connections, settings.monitor_head_seconds, finish_seconds=_FINISH_SECONDS
    )
    server = Server(_app(settings), bounds, host=settings.host, port=settings.monitor_port)
    with contextlib.suppress(KeyboardInterrupt):
        server.run()
    if not server.started:
        sys.exit(_FAILED_TO_START)


class Server(BoundedServer):
    """Ends the process with its work: nothing is left to be done when the application has ended.

    A signal ends it here anyway, but not what is process 1 of a container: that would wait for
    threads whose work nobody takes any more, and take its modules down for seconds.
    """

    async def serve(self, sockets: list[socket.socket] | None = None) -> None:
        """Until told to stop."""
        await super().serve(sockets)
        if self.started:
            logging.shutdown()
            sys.stdout.flush()
            os._exit(0)


def _app(settings: MonitorSettings) -> FastAPI:
    try:
        verify(settings)
        return create_app(settings)
    except (OutcomesUnavailableError, UnknownOutcomesError) as error:
        sys.exit(f"The monitor can't start: {error}")


def without_pandas() -> None:
    """Arrow imports pandas where it is installed, to see whether what it is given is a frame.

    Nothing here is one, and it would take 45 MB. Children import it for themselves.
    """
    sys.meta_path.insert(0, _NoPandas())


class _NoPandas(MetaPathFinder):
    """Says that there is no pandas. None in `sys.modules` would not do: Arrow takes it as it is."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Nothing of any other module."""
        del path, target
        if fullname == "pandas":
            raise ModuleNotFoundError("pandas is for child processes", name=fullname)
        return None


if __name__ == "__main__":
    main()
