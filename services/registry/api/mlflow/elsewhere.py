"""What MLflow's clients ask besides: what a server can do, and what a tracking server could."""

from fastapi import APIRouter
from fastapi.routing import APIRoute
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.routing import Match

from services.registry.api.mlflow import aliases, artifacts, models, versions
from services.registry.api.mlflow.answers import Answer
from services.registry.api.mlflow.artifacts import Looking
from services.registry.api.mlflow.errors import REFUSED
from services.registry.domain.mlflow_refusals import NotATrackingServerError

router = APIRouter(responses=REFUSED)
_ROUTERS = (models.router, aliases.router, versions.router, artifacts.router, router)


@router.get("/api/3.0/mlflow/server-info")
def server_info(_caller: Looking) -> Answer:
    """No workspaces, and files go through here in one piece."""
    return {
        "store_type": "UnderstudyRegistry",
        "workspaces_enabled": False,
        "trace_archival_enabled": False,
        "multipart_uploads_enabled": False,
        "multipart_downloads_enabled": False,
    }


_ROUTES = tuple(route for one in _ROUTERS for route in one.routes if isinstance(route, APIRoute))
"""All that are answered."""


@router.api_route(
    "/api/{rest:path}",
    methods=["GET", "POST", "PUT", "PATCH", "DELETE"],
    include_in_schema=False,
)
def elsewhere(_caller: Looking, rest: str, request: Request) -> Answer:
    """Experiments, runs, traces, webhooks, prompts; or another method than a path takes."""
    taken = {
        method for route in _ROUTES if _leads(route, request) for method in route.methods or ()
    }
    if taken:
        raise HTTPException(405, headers={"Allow": ", ".join(sorted(taken))})
    raise NotATrackingServerError(
        f"'/api/{rest[:200]}' is not answered here: Understudy is a model registry, not a tracking "
        "server. It answers registered-models/*, model-versions/* and mlflow-artifacts/artifacts; "
        "give MLflow another tracking URI for experiments, runs and traces."
    )


def _leads(route: APIRoute, request: Request) -> bool:
    """Whether only the method is another one."""
    return route.matches(request.scope)[0] is Match.PARTIAL
