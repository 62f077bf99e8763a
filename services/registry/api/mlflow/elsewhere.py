"""What MLflow's clients ask besides: what a server can do, and what a tracking server could."""

from fastapi import APIRouter

from services.registry.api.mlflow.answers import Answer
from services.registry.api.mlflow.artifacts import Looking
from services.registry.domain.mlflow_refusals import NotATrackingServerError

router = APIRouter()


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


@router.api_route("/api/{rest:path}", methods=["GET", "POST", "PUT", "PATCH", "DELETE"])
def elsewhere(_caller: Looking, rest: str) -> Answer:
    """Experiments, runs, traces, stages' webhooks, prompts."""
    raise NotATrackingServerError(
        f"'/api/{rest[:200]}' is not answered here: Understudy is a model registry, not a tracking "
        "server. It answers registered-models/*, model-versions/* and mlflow-artifacts/artifacts; "
        "give MLflow another tracking URI for experiments, runs and traces."
    )
