"""`/livez` and `/readyz`, ahead of BentoML's: numbers for everybody, names for nobody."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from understudy.runtime.http import liveness


@dataclass(frozen=True, slots=True)
class Readiness:
    """How a worker is. Only the first two members decide whether it is ready."""

    loaded: bool
    """A snapshot was taken up, as far as its models can be loaded."""
    draining: bool
    deployments: int
    not_loaded: int
    """Deployments that no release of answers."""
    log: Mapping[str, object]
    """How the log is: when it is degraded, predictions are answered all the same."""

    @property
    def ready(self) -> bool:
        """Whether to send requests here."""
        return self.loaded and not self.draining


def probes(look: Callable[[], Readiness]) -> list[BaseRoute]:
    """Routes of the probes; each takes HEAD as well."""

    async def readiness(_request: Request) -> Response:
        found = look()
        body = {
            "ready": found.ready,
            "draining": found.draining,
            "deployments": {"wanted": found.deployments, "not_loaded": found.not_loaded},
            "log": dict(found.log),
        }
        return JSONResponse(body) if found.ready else JSONResponse(body, 503, {"Retry-After": "1"})

    return [
        Route("/livez", liveness, methods=["GET"]),
        Route("/healthz", liveness, methods=["GET"]),
        Route("/readyz", readiness, methods=["GET"]),
    ]
