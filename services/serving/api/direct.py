"""Predictions answered straight from uvicorn's parser: no task, scope or messages for each.

An `Exchange` stands where uvicorn keeps a request's cycle and operations keep a future. Whatever is
not a plain prediction (another path, a pipelined request, a body that must be asked for) goes the
ASGI way, which answers predictions just the same.
"""

import time
from typing import Any, Final, cast

from uvicorn.protocols.http.httptools_impl import STATUS_LINE

from services.serving.api.admission import Admission
from services.serving.api.predict import PREFIX, SUFFIX, Begun, Predict
from services.serving.api.presented import Presented, Visitor
from services.serving.operations import Answers
from understudy.contracts.refusals import Refusal
from understudy.runtime.bounded import BoundedProtocol, ConnectionBounds

_PREFIX: Final = PREFIX.encode()
_SUFFIX: Final = SUFFIX.encode()
_OK: Final = STATUS_LINE[200]


class Exchange:
    """One request for predictions and its answer."""

    __slots__ = (
        "_begun",
        "_body",
        "_deployment",
        "_direct",
        "_presented",
        "disconnected",
        "keep_alive",
        "more_body",
        "response_complete",
        "since",
    )

    def __init__(
        self, direct: "DirectProtocol", deployment: str, presented: Presented, *, keep_alive: bool
    ) -> None:
        self._direct = direct
        self._deployment = deployment
        self._presented = presented
        self._begun: Begun | None = None
        self._body: bytes | bytearray = b""
        self.since = time.monotonic()
        # What uvicorn looks at.
        self.keep_alive = keep_alive
        self.more_body = True
        self.disconnected = False
        self.response_complete = False

    @property
    def message_event(self) -> "Exchange":
        """What uvicorn sets when a connection is lost."""
        return self

    def set(self) -> None:
        """Whatever happened to the connection: this exchange is over."""
        self._direct.admission.leave(self)

    def begin(self) -> None:
        """The head is there: whoever may not ask is told before the body has come."""
        if (refusal := self._direct.admission.enter(self)) is not None:
            self.keep_alive = False
            self.set_exception(refusal)
            return
        try:
            self._begun = self._direct.predict.begin(
                self._deployment, self._presented, self._direct.visitor
            )
        except Exception as error:  # noqa: BLE001 - nothing stands behind this path
            self.set_exception(error)

    def take(self, part: bytes) -> None:
        """Some of the body, or all of it."""
        if len(self._body) + len(part) > self._direct.predict.body_limit:
            self.keep_alive = False
            self.set_exception(self._direct.predict.too_large())
        elif not self._body:
            self._body = part
        elif isinstance(self._body, bytearray):
            self._body += part
        else:
            self._body = bytearray(self._body)
            self._body += part

    def ask(self) -> None:
        """The body is whole."""
        self.more_body = False
        body = bytes(self._body)
        self._body = b""
        try:
            assert self._begun is not None  # noqa: S101 - else it was answered before
            self._direct.predict.ask(self._begun, body, self)
        except Exception as error:  # noqa: BLE001 - nothing stands behind this path
            self.set_exception(error)

    def done(self) -> bool:
        """Whether nobody waits for an answer any more."""
        return self.response_complete or self.disconnected

    def set_result(self, answers: Answers) -> None:
        """Answer."""
        try:
            headers, content = self._direct.predict.answer(cast("Begun", self._begun), answers)
        except Exception as error:  # noqa: BLE001 - it must not cost others of the call their answers
            self.set_exception(error)
        else:
            self._write(_OK, headers, content)

    def set_exception(self, error: Exception) -> None:
        """Refuse, or own up to a failure of ours."""
        response = self._direct.predict.refused(error, self._deployment, self._presented)
        if response.headers.get("connection") == "close":
            self.keep_alive = False
        head = b"".join(b"%b: %b\r\n" % pair for pair in response.raw_headers)
        self._write(STATUS_LINE[response.status_code], head, bytes(response.body))

    def end(self, refusal: Refusal) -> None:
        """Its time is over."""
        self.keep_alive = False
        self.set_exception(refusal)

    def _write(self, status: bytes, headers: bytes, content: bytes) -> None:
        if self.done():
            return
        common, closes = self._direct.common_headers()
        keep = self.keep_alive and not closes
        close = b"" if self.keep_alive or closes else b"connection: close\r\n"
        transport = self._direct.transport
        transport.write(b"".join((status, common, headers, close, b"\r\n", content)))
        self.response_complete = True
        self._begun = None  # an idle connection must not keep a model in memory
        self._direct.admission.leave(self)
        if not keep:
            transport.close()
        self._direct.on_response_complete()


class DirectProtocol(BoundedProtocol):
    """uvicorn's protocol, with a shorter way for predictions."""

    def __init__(
        self, predict: Predict, admission: Admission, bounds: ConnectionBounds, **options: Any
    ) -> None:
        super().__init__(bounds, **options)
        self.predict = predict
        self.admission = admission
        self.visitor = Visitor()
        self._common: tuple[object, int, bytes, bool] = (None, 0, b"", False)

    def turned_away(self, refusal: Refusal) -> None:
        """Count it: nobody knows what it would have asked for."""
        self.admission.note(None, refusal)

    def on_message_begin(self) -> None:
        """A request begins. What ASGI needs of it is made when it turns out to go that way."""
        self.url = b""
        self.expect_100_continue = False
        self.headers = []

    def on_headers_complete(self) -> None:
        """Choose the way."""
        deployment = self._asked_for()
        if deployment is None:
            url, headers, expects = self.url, self.headers, self.expect_100_continue
            super().on_message_begin()
            self.url, self.expect_100_continue = url, expects
            self.headers += headers
            super().on_headers_complete()
            return
        name, query = deployment
        presented = Presented.of(self.headers, query)
        exchange = Exchange(self, name, presented, keep_alive=self.parser.should_keep_alive())
        self._ahead = self._dropped = 0
        self.cycle = exchange  # type: ignore[assignment] # it has what uvicorn looks at
        exchange.begin()

    def on_body(self, body: bytes) -> None:
        """Some of a body came."""
        exchange: Any = self.cycle
        if type(exchange) is Exchange and not exchange.response_complete:
            self._ahead = 0
            exchange.take(body)
        else:
            super().on_body(body)

    def on_message_complete(self) -> None:
        """A request is whole."""
        exchange: Any = self.cycle
        if type(exchange) is Exchange and exchange.more_body and not exchange.response_complete:
            self._ahead = 0
            exchange.ask()
        else:
            super().on_message_complete()

    def common_headers(self) -> tuple[bytes, bool]:
        """What each answer of this server carries, and whether that ends connections."""
        found = self.server_state.default_headers
        kept = self._common
        if kept[0] is not found or kept[1] != len(found):
            closes = any(name == b"connection" and value == b"close" for name, value in found)
            text = b"".join(b"%b: %b\r\n" % pair for pair in found)
            kept = self._common = (found, len(found), text, closes)
        return kept[2], kept[3]

    def _asked_for(self) -> tuple[str, bytes] | None:
        """The deployment and the query of a prediction that may go straight."""
        path, _, query = self.url.partition(b"?")
        if not (path.endswith(_SUFFIX) and path.startswith(_PREFIX)):
            return None
        name = path[len(_PREFIX) : -len(_SUFFIX)]
        before = self.cycle
        plain = (
            name.replace(b"-", b"").isalnum()
            and self.parser.get_method() == b"POST"
            and self.parser.get_http_version() == "1.1"
            and not self.parser.should_upgrade()
            and not self.expect_100_continue
            and not self.flow.write_paused
            and (before is None or before.response_complete)
            and not self.root_path
        )
        if not plain:
            return None
        deployment = name.decode("ascii")
        # Whoever must wait for a model does so in a task.
        return None if deployment in self.predict.asleep else (deployment, query)
