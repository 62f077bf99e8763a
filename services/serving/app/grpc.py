"""Joins the parts of a worker's gRPC server. Imported by workers that have one alone."""

from collections.abc import Callable
from datetime import UTC, datetime

from services.serving.api.admission import Admission
from services.serving.api.grpc.calls import Calls
from services.serving.api.grpc.health import SERVICE as HEALTH
from services.serving.api.grpc.health import Health
from services.serving.api.grpc.inference import SERVICE as INFERENCE
from services.serving.api.grpc.inference import Inference
from services.serving.api.grpc.reflection import SERVICE as REFLECTION
from services.serving.api.grpc.reflection import Reflection
from services.serving.api.grpc.server import GrpcServer, ServerBounds
from services.serving.operations import Serving
from services.serving.operations.models import Models
from services.serving.settings import ServingSettings


def grpc_server(
    settings: ServingSettings,
    serving: Serving,
    models: Models,
    admission: Admission,
    ready: Callable[[], bool],
) -> GrpcServer:
    """Inference, health and reflection. Must be called within the worker's event loop."""
    calls = Calls(admission, serving.note_refusal)
    services = frozenset({INFERENCE, HEALTH, REFLECTION})
    health = Health(ready, services, settings.serving_body_seconds)

    def admit(key: str | None) -> None:
        serving.standing[0].authenticate(key, datetime.now(UTC))

    handlers = {
        INFERENCE: Inference(serving, models, ready).handlers(calls),
        HEALTH: health.handlers(),
        REFLECTION: Reflection(services, admit).handlers(calls),
    }
    host = f"[{settings.host}]" if ":" in settings.host else settings.host
    return GrpcServer(
        f"{host}:{settings.serving_grpc_port}", _bounds_of(settings), handlers, health, calls
    )


def _bounds_of(settings: ServingSettings) -> ServerBounds:
    return ServerBounds(
        message_bytes=settings.serving_body_limit_bytes,
        connections=settings.serving_connections,
        calls=settings.serving_requests,
        handshake_seconds=settings.serving_head_seconds,
    )
