"""`python -m services.registry`: reads the settings, builds the registry, serves it."""

import socket
import sys

import uvicorn
from pydantic import ValidationError

from services.registry.app import App, build
from services.registry.settings import RegistrySettings
from understudy.contracts.refusals import Refusal
from understudy.runtime.logs import configure_logs

_FAILED_TO_START = 2
_GRACE_SECONDS = 10


class Server(uvicorn.Server):
    """Ends waits for a snapshot before it waits for open requests; else a stop takes half a minute.

    The lifespan's end comes too late for that: uvicorn reaches it when all requests have ended.
    """

    def __init__(self, config: uvicorn.Config, app: App) -> None:
        super().__init__(config)
        self._app = app

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Stop, in this order: waits, requests, lifespan."""
        self._app.stop_waiting()
        await super().shutdown(sockets)


def main() -> None:
    """Serve until a signal; exit with 2 when the settings or the surroundings are wrong."""
    try:
        settings = RegistrySettings()
    except ValidationError as error:
        sys.exit(_complaint(error))
    log = configure_logs("registry", settings.log_level)
    log.info("starting", settings=settings.effective())
    if settings.admin_key is None:
        log.warning("no_admin_key", remedy="set UNDERSTUDY_ADMIN_KEY to administer this registry")
    try:
        app = build(settings)
    except Refusal as refusal:
        cause = str(refusal.__cause__ or "")
        log.error("start_failed", code=refusal.code, detail=refusal.detail, cause=cause)  # noqa: TRY400 - the cause says it all
        sys.exit(_FAILED_TO_START)
    _serve(app, settings)
    log.info("stopped")


def _serve(app: App, settings: RegistrySettings) -> None:
    config = uvicorn.Config(
        app.asgi,
        host=settings.host,
        port=settings.registry_port,
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=_GRACE_SECONDS,
    )
    try:
        Server(config, app).run()
    except KeyboardInterrupt:
        return


def _complaint(error: ValidationError) -> str:
    lines = [
        f"  UNDERSTUDY_{'_'.join(map(str, one['loc'])).upper()}: {one['msg']}"
        for one in error.errors(include_input=False, include_url=False, include_context=False)
    ]
    return "\n".join(["The registry can't start; put these settings right:", *lines])


if __name__ == "__main__":
    main()
