"""Plain JSON predictions, as a bare ASGI application: this is the path that must be quick."""

import time
import uuid
from collections.abc import Sequence
from typing import Final
from urllib.parse import parse_qs

import msgspec
from starlette.requests import Request
from starlette.types import Receive, Scope, Send

from services.serving.api.bodies import (
    ClientGoneError,
    Row,
    decode_json,
    header,
    read_body,
    rows_of,
)
from services.serving.domain.ids import row_ids, well_formed
from services.serving.domain.rows import Shape
from services.serving.metrics import ServingMetrics
from services.serving.operations import Answer, Serving
from understudy.contracts.refusals import Refusal
from understudy.runtime.http import on_exception, refusal_response
from understudy.runtime.keys import presented_key

_ENCODER: Final = msgspec.json.Encoder()
_PREFIX: Final = "/v1/deployments/"
_SUFFIX: Final = "/predict"


def deployment_of(scope: Scope) -> str | None:
    """The deployment that a request asks for a prediction; None for all other requests."""
    path: str = scope["path"]
    if scope["method"] == "POST" and path.startswith(_PREFIX) and path.endswith(_SUFFIX):
        name = path[len(_PREFIX) : -len(_SUFFIX)]
        return name if name and "/" not in name else None
    return None


class Predict:
    """`POST /v1/deployments/{deployment}/predict`."""

    def __init__(self, serving: Serving, metrics: ServingMetrics, body_limit: int) -> None:
        self._serving = serving
        self._metrics = metrics
        self._body_limit = body_limit

    async def __call__(self, deployment: str, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        started = time.perf_counter()
        request_id = header(scope, b"x-request-id")
        if not well_formed(request_id):
            request_id = ""
        try:
            key = _key(scope)
            rows, shape = await self._rows(deployment, key, scope, receive)
            batch = shape is not Shape.ONE
            answers = await self._serving.predict(
                deployment,
                rows,
                key=key,
                ids=_ids(scope, request_id, len(rows), batch=batch),
                shape=shape,
            )
        except ClientGoneError:
            return
        except Exception as error:  # noqa: BLE001 - no middleware stands before this path
            await self._refuse(error, scope, receive, send, request_id or uuid.uuid4().hex)
            return
        body = _ENCODER.encode(_content(answers, batch=batch))
        headers = _headers(answers, len(body), request_id, batch=batch)
        elapsed = 1_000 * (time.perf_counter() - started)
        headers.append((b"server-timing", b"app;dur=%.3f" % elapsed))
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    async def _rows(
        self, deployment: str, key: str | None, scope: Scope, receive: Receive
    ) -> tuple[Sequence[Row], Shape]:
        try:
            if key is None:  # that is checked at once; a key is checked when the rows are there
                self._serving.check_may_predict(deployment, key=None)
            return await self._read(deployment, key, scope, receive)
        except Refusal as refusal:
            self._metrics.refused(refusal.code)
            raise

    async def _read(
        self, deployment: str, key: str | None, scope: Scope, receive: Receive
    ) -> tuple[Sequence[Row], Shape]:
        try:
            return rows_of(decode_json(await read_body(scope, receive, self._body_limit)))
        except Refusal:
            # Whoever may not ask is told that, and not what is wrong with the body.
            self._serving.check_may_predict(deployment, key=key)
            raise

    async def _refuse(
        self, error: Exception, scope: Scope, receive: Receive, send: Send, request_id: str
    ) -> None:
        scope.setdefault("state", {})["request_id"] = request_id
        if isinstance(error, Refusal):
            response = refusal_response(error, instance=scope["path"], request_id=request_id)
        else:
            response = await on_exception(Request(scope), error)
        response.headers["X-Request-ID"] = request_id
        await response(scope, receive, send)


def _key(scope: Scope) -> str | None:
    return presented_key(
        {name: header(scope, name.encode()) for name in ("x-api-key", "authorization")}
    )


def _ids(scope: Scope, request_id: str, rows: int, *, batch: bool) -> list[str] | None:
    """The caller's ids: from the query, else from the request id; None when it has none."""
    query = scope["query_string"]
    asked = parse_qs(query.decode("latin-1")).get("prediction_id") if query else None
    name = asked[0] if asked else request_id
    if not name:
        return None
    return row_ids(name, rows) if batch else [name]


def _content(answers: Sequence[Answer], *, batch: bool) -> dict[str, object]:
    if not batch:
        return _member(answers[0])
    return {"predictions": [_member(answer) for answer in answers]}


def _member(answer: Answer) -> dict[str, object]:
    """The shape of `contracts.serving.Prediction`."""
    member: dict[str, object] = {
        "prediction_id": answer.prediction_id,
        "prediction": answer.prediction,
    }
    if answer.probabilities is not None:
        member["probabilities"] = answer.probabilities
    member["model"] = {"name": answer.model, "version": answer.version}
    return member


def _headers(
    answers: Sequence[Answer], length: int, request_id: str, *, batch: bool
) -> list[tuple[bytes, bytes]]:
    first = answers[0]
    headers = [
        (b"content-type", b"application/json"),
        (b"content-length", b"%d" % length),
        (b"x-model-version", b"%d" % first.version),
        (b"x-request-id", (request_id or first.prediction_id).encode()),
    ]
    if not batch:
        headers.append((b"x-prediction-id", first.prediction_id.encode()))
    return headers
