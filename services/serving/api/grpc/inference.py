"""The Open Inference Protocol's own service, and what Triton's clients ask beside it.

What is told of models is told as over HTTP: the members have the same names.
"""

from collections.abc import Callable, Mapping
from typing import Any, Final, Protocol, TypeVar

from google.protobuf.json_format import ParseDict
from google.protobuf.message import Message

from services.serving.api import oip_models as told
from services.serving.api.grpc.calls import Answer, Call, Calls, Context, Exchange, Handler, parsed
from services.serving.api.grpc.predicting import Predicting
from services.serving.api.grpc.wire import open_inference_pb2 as wire
from services.serving.domain.errors import NotLoadedError, UnsupportedError
from services.serving.operations import Serving
from services.serving.operations.models import Entry, Model, Models

_SERVICE: Final = wire.DESCRIPTOR.services_by_name["GRPCInferenceService"]
SERVICE: Final[str] = _SERVICE.full_name
_RELEASES: Final = "The registry says which models are loaded."
_ABSENT: Final[Mapping[str, str]] = {
    "ModelStreamInfer": "Predictions are not streamed; ask by ModelInfer.",
    "RepositoryModelLoad": _RELEASES,
    "RepositoryModelUnload": _RELEASES,
    "TraceSetting": "Tracing is not set here.",
    "LogSettings": "Logging is not set here.",
}
_NO_SHARED_MEMORY: Final = "Shared memory is not offered; send the values in the request."
_M = TypeVar("_M", bound=Message)


class _Named(Protocol):
    """A message that names a model."""

    name: str
    version: str


class Inference:
    """Every method of the service."""

    def __init__(self, serving: Serving, models: Models, ready: Callable[[], bool]) -> None:
        self._serving = serving
        self._models = models
        self._ready = ready
        self._predicting = Predicting(serving, models)

    def handlers(self, calls: Calls) -> Mapping[str, Handler]:
        """By method; those that there are none of say so to whoever reaches something."""
        answers: Mapping[str, Answer] = {
            "ModelReady": self._model_ready,
            "ServerMetadata": self._server_metadata,
            "ModelMetadata": self._model_metadata,
            "ModelInfer": self._predicting.infer,
            "ModelConfig": self._model_config,
            "ModelStatistics": self._model_statistics,
            "RepositoryIndex": self._repository_index,
        }
        found = {name: calls.unary(name, answer) for name, answer in answers.items()}
        found["ServerLive"] = calls.open(lambda: wire.ServerLiveResponse(live=True))
        found["ServerReady"] = calls.open(lambda: wire.ServerReadyResponse(ready=self._ready()))
        for method in _SERVICE.methods:
            if method.name not in found:
                found[method.name] = calls.streaming(method.name, self._absent(method.name))
        return found

    async def _server_metadata(self, call: Call, message: bytes) -> Message:
        parsed(wire.ServerMetadataRequest, message)
        self._entries(call)
        return _message(wire.ServerMetadataResponse, told.server())

    async def _model_ready(self, call: Call, message: bytes) -> Message:
        try:
            self._find(call, parsed(wire.ModelReadyRequest, message))
        except NotLoadedError:
            return wire.ModelReadyResponse(ready=False)
        return wire.ModelReadyResponse(ready=True)

    async def _model_metadata(self, call: Call, message: bytes) -> Message:
        model = self._find(call, parsed(wire.ModelMetadataRequest, message))
        return _message(wire.ModelMetadataResponse, told.metadata(model))

    async def _model_config(self, call: Call, message: bytes) -> Message:
        model = self._find(call, parsed(wire.ModelConfigRequest, message))
        return _message(wire.ModelConfigResponse, {"config": told.configuration(model)})

    async def _model_statistics(self, call: Call, message: bytes) -> Message:
        request = parsed(wire.ModelStatisticsRequest, message)
        if request.name:
            models = [self._find(call, request)]
        else:
            models = [entry.model for entry in self._entries(call) if entry.model is not None]
        await self._serving.count(call.key, call.note)
        wanted = [(one, [one.version] if request.version else one.versions) for one in models]
        counted = await self._models.statistics()
        return _message(wire.ModelStatisticsResponse, told.statistics(wanted, counted))

    async def _repository_index(self, call: Call, message: bytes) -> Message:
        request = parsed(wire.RepositoryIndexRequest, message)
        found = told.index(self._entries(call), ready_only=request.ready)
        return _message(wire.RepositoryIndexResponse, {"models": found})

    def _absent(self, method: str) -> Exchange:
        async def refuse(call: Call, _context: Context) -> None:
            self._entries(call)
            raise UnsupportedError(_ABSENT.get(method, _NO_SHARED_MEMORY))

        return refuse

    def _entries(self, call: Call) -> list[Entry]:
        """For those who reach something."""
        return self._models.entries(call.key)

    def _find(self, call: Call, request: _Named) -> Model:
        call.deployment = request.name
        return self._models.find(request.name, call.key, request.version or None)


def _message(kind: type[_M], members: Mapping[str, Any]) -> _M:
    """Members that the message does not have are told over HTTP alone."""
    return ParseDict({**members}, kind(), ignore_unknown_fields=True)
