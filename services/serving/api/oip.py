"""The Open Inference Protocol (v2) over HTTP, with versions and the extensions of Triton.

Source: https://github.com/kserve/open-inference-protocol and "HTTP/REST and GRPC Protocol" of
Triton. A model is a deployment; a version is that of its main, or of a challenger for those who
may read what challengers answer.
"""

from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import Final

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from services.serving.api import oip_models as told
from services.serving.api.asking import Asking
from services.serving.api.bodies import aside, decode_json, read_body
from services.serving.api.limited import note_allowance
from services.serving.api.methods import METHODS, taking
from services.serving.api.oip_inference import Inference
from services.serving.api.versioned import Versioned
from services.serving.domain.errors import MalformedBodyError, UnsupportedError
from services.serving.metrics import Dialect
from services.serving.operations.models import Model
from understudy.contracts.refusals import Refusal
from understudy.runtime.keys import presented_key

_MODEL: Final = "/v2/models/{model}"
_VERSION: Final = f"{_MODEL}/versions/{{version}}"
_ABSENT: Final = {
    "/v2/repository/models/{model}/load": "The registry says which models are loaded",
    "/v2/repository/models/{model}/unload": "The registry says which models are loaded",
    "/v2/systemsharedmemory/{path:path}": "Shared memory is not offered",
    "/v2/cudasharedmemory/{path:path}": "Shared memory is not offered",
    "/v2/trace/setting": "Tracing is not set here",
    "/v2/models/{model}/trace/setting": "Tracing is not set here",
    "/v2/logging": "Logging is not set here",
}
"""Triton's extensions that there are no plans for."""
Handler = Callable[[Request], Awaitable[Response]]


def routes(asking: Asking) -> Sequence[BaseRoute]:
    """All below `/v2` but the probes."""
    models = _Models(asking)
    get = {
        "": models.metadata,
        "/ready": models.ready,
        "/config": models.configuration,
        "/stats": models.statistics,
    }
    return [
        *taking("GET", "/v2", models.counted(models.server)),
        *taking("GET", "/v2/", models.counted(models.server)),
        *taking("GET", "/v2/models", models.counted(models.names)),
        # Before the paths of models: Triton's clients can't have a model of that name either.
        *taking("GET", "/v2/models/stats", models.counted(models.all_statistics)),
        *taking("POST", "/v2/repository/index", models.counted(models.index)),
        *(
            route
            for path in (_MODEL, _VERSION)
            for suffix, handle in get.items()
            for route in taking("GET", f"{path}{suffix}", models.counted(handle))
        ),
        *taking("POST", f"{_MODEL}/infer", models.infer),
        *taking("POST", f"{_VERSION}/infer", models.infer),
        *(
            Route(path, models.counted(models.absent(words)), methods=[*METHODS])
            for path, words in _ABSENT.items()
        ),
        Route("/v2/{path:path}", _nothing, methods=[*METHODS]),
    ]


async def _nothing(_request: Request) -> Response:
    raise HTTPException(404, "There is nothing at this path.")


class _Models:
    """The handlers."""

    def __init__(self, asking: Asking) -> None:
        self._asking = asking
        self._models = asking.models

    def counted(self, handle: Handler) -> Handler:
        """Counts what the handler refuses."""

        async def handled(request: Request) -> Response:
            try:
                return await handle(request)
            except Refusal as refusal:
                name = request.path_params.get("model")
                self._asking.serving.note_refusal(name, refusal)
                raise

        return handled

    async def server(self, request: Request) -> Response:
        """For those who reach something."""
        self._models.entries(presented_key(request.headers))
        return JSONResponse(told.server())

    async def names(self, request: Request) -> Response:
        """KServe's list of models."""
        entries = self._models.entries(presented_key(request.headers))
        return JSONResponse({"models": [entry.name for entry in entries]})

    async def metadata(self, request: Request) -> Response:
        """Inputs and outputs."""
        return JSONResponse(told.metadata(self._find(request)))

    async def configuration(self, request: Request) -> Response:
        """In Triton's words."""
        return JSONResponse(told.configuration(self._find(request)))

    async def ready(self, request: Request) -> Response:
        """Whether it answers. Raises NotLoadedError when not."""
        return JSONResponse(told.ready(self._find(request)))

    async def statistics(self, request: Request) -> Response:
        """Of one model, all its versions or one."""
        model = self._find(request)
        await self._count(request)
        numbers = [model.version] if "version" in request.path_params else model.versions
        found = await self._models.statistics()
        return JSONResponse(told.statistics([(model, numbers)], found))

    async def all_statistics(self, request: Request) -> Response:
        """Of all models that the caller reaches."""
        entries = self._models.entries(presented_key(request.headers))
        await self._count(request)
        loaded = [entry.model for entry in entries if entry.model is not None]
        found = await self._models.statistics()
        return JSONResponse(told.statistics([(one, one.versions) for one in loaded], found))

    async def index(self, request: Request) -> Response:
        """All models that the caller reaches, with their states."""
        entries = self._models.entries(presented_key(request.headers))
        limit = self._asking.body_limit
        body = await read_body(request.scope, request.receive, limit)
        asked = await aside(len(body), partial(decode_json, body)) if body.strip() else {}
        if not isinstance(asked, dict):
            raise MalformedBodyError('The body is no object. Send {"ready": true}, or nothing.')
        return JSONResponse(told.index(entries, ready_only=asked.get("ready") is True))

    def absent(self, words: str) -> Handler:
        """What there is none of, told to those who reach something."""

        async def refuse(request: Request) -> Response:
            self._models.entries(presented_key(request.headers))
            raise UnsupportedError(f"{words}.")

        return refuse

    async def infer(self, request: Request) -> Response:
        """Predict, as the main or as a challenger."""
        name, version = request.path_params["model"], request.path_params.get("version")
        inference = Inference(self._asking, name)
        asked = Versioned(self._asking, request, name, Dialect.OIP)
        return await asked.answer(version, inference.read, inference.write)

    async def _count(self, request: Request) -> None:
        """What costs more than a look counts as a request."""
        key = presented_key(request.headers)
        await self._asking.serving.count(key, partial(note_allowance, request))

    def _find(self, request: Request) -> Model:
        path = request.path_params
        return self._models.find(path["model"], presented_key(request.headers), path.get("version"))
