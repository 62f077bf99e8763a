"""Who may see a deployment: asked before anything else by every route that shows one."""

from collections.abc import Callable

from fastapi import Request

from services.monitor.operations import Monitoring, Watch
from understudy.runtime.keys import presented_key

Readable = Callable[[str, Request], Watch]
"""From the path's deployment and the request's key to its watch. Raises refusals."""


def readable_by(monitoring: Monitoring) -> Readable:
    """A dependency for routes with `{deployment}` in their path."""

    def readable(deployment: str, request: Request) -> Watch:
        return monitoring.readable(presented_key(request.headers), deployment)

    return readable
