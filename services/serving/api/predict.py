"""Plain JSON predictions, as a bare ASGI application: this is the path that must be quick."""

import asyncio
import time
import uuid
from functools import lru_cache
from typing import Final
from urllib.parse import parse_qs

from starlette.requests import Request
from starlette.types import Receive, Scope, Send

from services.serving.api.bodies import ClientGoneError, decode_json, read_body, rows_of
from services.serving.api.decoding import TypedReader
from services.serving.api.encoding import encoded
from services.serving.domain.ids import row_ids, well_formed
from services.serving.domain.rows import Plan, Shape
from services.serving.domain.table import Deployment, Live
from services.serving.metrics import Dialect, ServingMetrics
from services.serving.operations import Answers, Serving
from understudy.contracts.refusals import Refusal
from understudy.runtime.http import on_exception, refusal_response
from understudy.runtime.keys import bearer

_PREFIX: Final = "/v1/deployments/"
_SUFFIX: Final = "/predict"
_READERS: Final = 1_000
"""One for each version that answered lately."""


def deployment_of(scope: Scope) -> str | None:
    """The deployment that a request asks for a prediction; None for all other requests."""
    path: str = scope["path"]
    if path.endswith(_SUFFIX) and path.startswith(_PREFIX) and scope["method"] == "POST":
        name = path[len(_PREFIX) : -len(_SUFFIX)]
        return name if name and "/" not in name else None
    return None


class Predict:
    """`POST /v1/deployments/{deployment}/predict`."""

    def __init__(self, serving: Serving, metrics: ServingMetrics, body_limit: int) -> None:
        self._serving = serving
        self._metrics = metrics
        self._body_limit = body_limit
        self._reader = lru_cache(_READERS)(_reader)

    async def __call__(self, deployment: str, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        started = time.perf_counter()
        key, request_id = _presented(scope)
        try:
            found, live = self._serving.admit_to_predict(deployment, key)
            body = await read_body(scope, receive, self._body_limit)
            reply, batch = self._ask(found, live, body, request_id, scope["query_string"])
            answers = await reply
        except ClientGoneError:
            return
        except Exception as error:  # noqa: BLE001 - no middleware stands before this path
            await self._refuse(error, scope, receive, send, request_id or uuid.uuid4().hex)
            return
        content = encoded(answers, batch=batch)
        headers = _headers(answers, len(content), request_id, batch=batch)
        elapsed = 1_000 * (time.perf_counter() - started)
        headers.append((b"server-timing", b"app;dur=%.3f" % elapsed))
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": content})

    def _ask(
        self, found: Deployment, live: Live, body: bytes, request_id: str, query: bytes
    ) -> tuple[asyncio.Future[Answers], bool]:
        """Have the rows of a body answered; says also whether they came as a batch."""
        read, draft = self._reader(live.main.plan).read(body), None
        if read is not None:
            cells, shape = read
            self._serving.check_rows(len(cells), shape)
        else:
            rows, shape = rows_of(decode_json(body))
            self._serving.check_rows(len(rows), shape)
            draft = live.main.plan.read(rows, live.policy, shape)
            cells = draft.cells
        batch = shape is not Shape.ONE
        ids = _ids(query, request_id, len(cells), batch=batch)
        reply = self._serving.answer(found, live, cells, ids, dialect=Dialect.JSON, draft=draft)
        return reply, batch

    async def _refuse(
        self, error: Exception, scope: Scope, receive: Receive, send: Send, request_id: str
    ) -> None:
        scope.setdefault("state", {})["request_id"] = request_id
        if isinstance(error, Refusal):
            self._metrics.refused(error.code)
            response = refusal_response(error, instance=scope["path"], request_id=request_id)
        else:
            response = await on_exception(Request(scope), error)
        response.headers["X-Request-ID"] = request_id
        await response(scope, receive, send)


def _reader(plan: Plan) -> TypedReader:
    return TypedReader(plan.columns)


def _presented(scope: Scope) -> tuple[str | None, str]:
    """The key and the well-formed request id of a request, in one pass over its headers."""
    key, authorization, request_id = b"", b"", ""
    for name, value in scope["headers"]:
        if name == b"authorization":
            authorization = value
        elif name == b"x-api-key":
            key = value
        elif name == b"x-request-id":
            request_id = str(value, "latin-1")
    if request_id and not well_formed(request_id):
        request_id = ""
    if key:
        return str(key, "latin-1").strip(), request_id
    return bearer(str(authorization, "latin-1")), request_id


def _ids(query: bytes, request_id: str, rows: int, *, batch: bool) -> list[str] | None:
    """The caller's ids: from the query, else from the request id; None when it has none."""
    asked = parse_qs(query.decode("latin-1")).get("prediction_id") if query else None
    name = asked[0] if asked else request_id
    if not name:
        return None
    return row_ids(name, rows) if batch else [name]


def _headers(
    answers: Answers, length: int, request_id: str, *, batch: bool
) -> list[tuple[bytes, bytes]]:
    first = answers.ids[0]
    headers = [
        (b"content-type", b"application/json"),
        (b"content-length", b"%d" % length),
        (b"x-model-version", b"%d" % answers.version),
        (b"x-request-id", (request_id or first).encode()),
    ]
    if not batch:
        headers.append((b"x-prediction-id", first.encode()))
    return headers
