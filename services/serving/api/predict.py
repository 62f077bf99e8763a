"""Plain JSON predictions: this is the path that must be quick.

`Predict` knows no transport: `api.direct` brings it requests straight from uvicorn's parser, and
`PredictOverASGI` any other way.
"""

import asyncio
import time
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache, partial
from typing import Final

from starlette.responses import Response
from starlette.types import Receive, Scope, Send
from structlog.contextvars import bound_contextvars

from services.serving.api.bodies import (
    LONG_BYTES,
    ClientGoneError,
    Row,
    decode_json,
    protected_of,
    read_body,
    rows_of,
    too_large,
)
from services.serving.api.csv_answers import csv_answers
from services.serving.api.csv_bodies import csv_rows
from services.serving.api.decoding import TypedReader
from services.serving.api.encoding import encoded
from services.serving.api.limited import add_fields
from services.serving.api.presented import Presented, Visitor
from services.serving.api.wishes import Wishes, wishes_of
from services.serving.domain.drafts import Cells
from services.serving.domain.errors import BodyTooLargeError
from services.serving.domain.ids import row_ids
from services.serving.domain.protected import read_protected
from services.serving.domain.rows import Plan, Shape
from services.serving.domain.table import Deployment, Live
from services.serving.metrics import Dialect
from services.serving.operations import Answers, Serving
from services.serving.operations.calls import Asked, Reply
from services.serving.operations.paying import once
from understudy.contracts.refusals import Refusal
from understudy.runtime.http import failure_response, refusal_response, server_timing
from understudy.runtime.tracing import trace_id

PREFIX: Final = "/v1/deployments/"
SUFFIX: Final = "/predict"
_READERS: Final = 1_000
"""One for each version that answered lately."""
_HEADERS: Final = (
    b"content-type: %b\r\ncontent-length: %d\r\nx-model-version: %d\r\n"
    b"x-request-id: %b\r\n%bserver-timing: app;dur=%.3f\r\n"
)
_JSON: Final = b"application/json"
_CSV: Final = b"text/csv; charset=utf-8"
_Decoded = tuple[Sequence[Cells], Sequence[Row] | None, Shape, Sequence[object] | None]
"""Cells, or rows that need a closer look; how they came; what is told of protected attributes."""
_NAMED: Final = b"x-prediction-id: %b\r\n"


@dataclass(slots=True, eq=False)
class Begun:
    """A request of somebody who may ask."""

    presented: Presented
    deployment: Deployment
    live: Live
    wishes: Wishes
    batch: bool = False


class Predict:
    """`POST /v1/deployments/{deployment}/predict`, whatever carries it."""

    def __init__(self, serving: Serving, body_limit: int) -> None:
        self._serving = serving
        self._reader = lru_cache(_READERS)(_reader)
        self.body_limit = body_limit

    @property
    def asleep(self) -> frozenset[str]:
        """Deployments whose model must be loaded first; see `awaken`."""
        return self._serving.asleep

    async def awaken(self, deployment: str, presented: Presented) -> None:
        """Wait until the deployment's model is in memory. Raises Refusal subclasses."""
        await self._serving.awaken(deployment, presented.key)

    def begin(self, deployment: str, presented: Presented, visitor: Visitor) -> Begun:
        """Let a request in by its head. Raises Refusal subclasses."""
        now, standing = presented.since, self._serving.standing
        welcome = visitor.welcome(deployment, presented, standing, now)
        if welcome is None:
            found, live, presented.allowance = self._serving.welcome(deployment, presented.key)
            visitor.note(deployment, presented, standing, now)
        else:
            found, live, presented.allowance = welcome
        if presented.length > self.body_limit:
            raise self.too_large()
        return Begun(presented, found, live, wishes_of(presented))

    def ask(self, begun: Begun, body: bytes, reply: Reply) -> None:
        """Have the rows of a body answered. Raises Refusal subclasses, or the reply has them."""
        allowance = begun.presented.allowance
        if allowance is not None and (taken := allowance.ask()) is not None:
            once(taken, reply, lambda _taken: self._ask(begun, body, reply))
        else:
            self._ask(begun, body, reply)

    def _ask(self, begun: Begun, body: bytes, reply: Reply) -> None:
        if len(body) <= LONG_BYTES:
            self._answer(begun, reply, self._decoded(begun, body))
        else:  # others need not wait for it
            loop = asyncio.get_running_loop()
            decoding = loop.run_in_executor(None, self._decoded, begun, body)
            once(decoding, reply, partial(self._answer, begun, reply))

    def _decoded(self, begun: Begun, body: bytes) -> _Decoded:
        if begun.wishes.dialect is not Dialect.CSV:
            read = self._reader(begun.live.main.plan).read(body)
            if read is not None:
                cells, shape, told = read
                self._serving.check_rows(len(cells), shape)
                return cells, None, shape, told
        rows, shape, told = self._rows(begun, body)
        return (), rows, shape, told

    def _answer(self, begun: Begun, reply: Reply, decoded: _Decoded) -> None:
        live, draft, wishes = begun.live, None, begun.wishes
        cells, rows, shape, told = decoded
        if rows is not None:
            draft = self._serving.read(begun.deployment, live, rows, shape)
            cells = draft.cells
        begun.batch = shape is not Shape.ONE
        ids = _ids(begun, len(cells))
        asked = Asked(cells, ids, wishes.dialect, reply, shape, draft)
        asked.options = wishes.options
        if told is not None:
            asked.protected = read_protected(live.main.signature, told, len(cells))
        self._serving.answer(begun.deployment, live, asked, begun.presented.allowance)

    def _rows(
        self, begun: Begun, body: bytes
    ) -> tuple[Sequence[Row], Shape, Sequence[object] | None]:
        """Rows of any body that can be read, be they legal or not."""
        if begun.wishes.dialect is Dialect.CSV:
            check = partial(self._serving.check_rows, shape=Shape.LIST)
            return csv_rows(body, begun.live.main.signature, check=check), Shape.LIST, None
        decoded = decode_json(body)
        rows, shape = rows_of(decoded)
        told = protected_of(decoded)
        self._serving.check_rows(len(rows), shape)
        return rows, shape, told

    def answer(self, begun: Begun, answers: Answers) -> tuple[bytes, bytes]:
        """The headers, as lines, and the body of an answer."""
        as_csv = begun.wishes.csv_answer
        content = csv_answers(answers) if as_csv else encoded(answers, batch=begun.batch)
        first = answers.ids[0].encode()
        headers = _HEADERS % (
            _CSV if as_csv else _JSON,
            len(content),
            answers.version,
            begun.presented.request_id.encode() or first,
            b"" if begun.batch else _NAMED % first,
            1_000 * (time.perf_counter() - begun.presented.since),
        )
        if begun.presented.allowance is not None:
            headers += begun.presented.allowance.lines
        return headers, content

    def refused(self, error: Exception, deployment: str, presented: Presented) -> Response:
        """The answer to whoever is turned down, or met a failure of ours."""
        path = f"{PREFIX}{deployment}{SUFFIX}"
        request_id = presented.request_id or uuid.uuid4().hex
        refusal = error if isinstance(error, Refusal) else None
        self._serving.note_refusal(deployment, refusal)
        if isinstance(error, Refusal):
            response = refusal_response(error, instance=path, request_id=request_id)
        else:
            with bound_contextvars(trace_id=trace_id(presented.text(b"traceparent"))):
                response = failure_response(error, instance=path, request_id=request_id)
        response.headers["X-Request-ID"] = request_id
        response.headers["Server-Timing"] = server_timing(presented.since)
        if presented.allowance is not None:
            add_fields(response.headers, presented.allowance)
        return response

    def too_large(self) -> BodyTooLargeError:
        """What to say of a body beyond the limit."""
        return too_large(self.body_limit)


class PredictOverASGI:
    """The same as a bare ASGI application."""

    def __init__(self, predict: Predict) -> None:
        self._predict = predict

    async def __call__(self, deployment: str, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        presented = Presented.of(scope["headers"], scope["query_string"])
        reply: asyncio.Future[Answers] = asyncio.get_running_loop().create_future()
        try:
            await self._predict.awaken(deployment, presented)
            begun = self._predict.begin(deployment, presented, Visitor())
            body = await read_body(scope, receive, self._predict.body_limit)
            self._predict.ask(begun, body, reply)
            lines, content = self._predict.answer(begun, await reply)
        except ClientGoneError:
            return
        except Exception as error:  # noqa: BLE001 - no middleware stands before this path
            await self._predict.refused(error, deployment, presented)(scope, receive, send)
            return
        headers = [line.split(b": ", 1) for line in lines.splitlines()]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": content})


def deployment_of(scope: Scope) -> str | None:
    """The deployment that a request asks for a prediction; None for all other requests."""
    path: str = scope["path"]
    if path.endswith(SUFFIX) and path.startswith(PREFIX) and scope["method"] == "POST":
        name = path[len(PREFIX) : -len(SUFFIX)]
        return name if name and "/" not in name else None
    return None


def _reader(plan: Plan) -> TypedReader:
    return TypedReader(plan.columns)


def _ids(begun: Begun, rows: int) -> Sequence[str]:
    """The caller's ids: from the query, else from the request id; empty when it has none."""
    name = begun.wishes.name or begun.presented.request_id
    if not name:
        return ()
    return row_ids(name, rows) if begun.batch else [name]
