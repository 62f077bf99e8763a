"""Probes, ahead of BentoML's: numbers for everybody, names for nobody.

`/livez` and `/readyz` are ours. SageMaker and MLflow ask `/ping`, MLflow `/health` too. KServe's v1
client asks `/` whether the server is alive, as browsers ask for its page: whoever wants HTML is
left to other routes.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Match, Route
from starlette.types import Scope

from services.serving.api.methods import taking
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


class _Alive(Route):
    """For programs: browsers say that they take HTML."""

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        """Whether the request is for this route."""
        if "text/html" in Headers(scope=scope).get("accept", ""):
            return Match.NONE, {}
        return super().matches(scope)


async def alive(_request: Request) -> Response:
    """The process answers, in the words of KServe's v1 protocol."""
    return JSONResponse({"status": "alive"})


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

    async def ping(_request: Request) -> Response:
        # As their own servers answer, line end and type included.
        status = 200 if look().ready else 503
        return Response("\n", status, media_type="application/json")

    async def live_in_v2(_request: Request) -> Response:
        return JSONResponse({"live": True, "ready": look().ready})

    async def ready_in_v2(_request: Request) -> Response:
        # KServe's client reads `ready` where the protocol's text says `live`.
        ready = look().ready
        return JSONResponse({"live": True, "ready": ready}, 200 if ready else 503)

    return [
        *taking("GET", "/v2/health/live", live_in_v2),
        *taking("GET", "/v2/health/ready", ready_in_v2),
        _Alive("/", alive, methods=["GET"]),
        Route("/ping", ping, methods=["GET"]),
        Route("/health", ping, methods=["GET"]),
        Route("/livez", liveness, methods=["GET"]),
        Route("/healthz", liveness, methods=["GET"]),
        Route("/readyz", readiness, methods=["GET"]),
    ]
