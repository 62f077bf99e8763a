"""A real HTTP server on loopback that answers by script and keeps what it was asked."""

import json
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

from pydantic import BaseModel

Content = BaseModel | Mapping[str, object] | str | None


@dataclass(frozen=True, slots=True)
class Asked:
    """One request as it came."""

    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> object:
        return json.loads(self.body)


@dataclass(frozen=True, slots=True)
class Reply:
    """One scripted answer; `hang_up` closes the connection instead."""

    status: int = 200
    content: Content = None
    hang_up: bool = False

    @property
    def body(self) -> bytes:
        match self.content:
            case None:
                return b""
            case str():
                return self.content.encode()
            case BaseModel():
                return self.content.model_dump_json().encode()
            case _:
                return json.dumps(self.content).encode()


@dataclass(slots=True)
class Script:
    """Answers by method and path, in order; the last one is repeated."""

    url: str = ""
    asked: list[Asked] = field(default_factory=list)
    _replies: dict[tuple[str, str], list[Reply]] = field(default_factory=dict)

    def on(self, method: str, path: str, content: Content = None, status: int = 200) -> None:
        self._replies.setdefault((method, path), []).append(Reply(status, content))

    def on_any(self, method: str, status: int) -> None:
        self._replies[method, "*"] = [Reply(status)]

    def hang_up(self, method: str, path: str) -> None:
        self._replies.setdefault((method, path), []).append(Reply(hang_up=True))

    def problem(
        self, method: str, path: str, status: int, detail: str, errors: Mapping[str, str] | None
    ) -> None:
        body: dict[str, object] = {
            "title": "Refused",
            "status": status,
            "detail": detail,
            "code": "refused",
            "errors": [{"pointer": p, "message": m} for p, m in (errors or {}).items()],
        }
        self.on(method, path, body, status)

    def answer(self, asked: Asked) -> Reply:
        self.asked.append(asked)
        found = self._replies.get((asked.method, asked.path))
        replies = found or self._replies.get((asked.method, "*"))
        if not replies:
            detail = f"nothing is scripted for {asked.method} {asked.path}"
            return Reply(
                404, {"title": "Not found", "status": 404, "detail": detail, "code": "not_found"}
            )
        return replies.pop(0) if len(replies) > 1 else replies[0]

    def sent(self, method: str) -> list[Asked]:
        return [asked for asked in self.asked if asked.method == method]


@contextmanager
def scripted_server() -> Iterator[Script]:
    script = Script()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        # Head and body leave together: in two writes the second waits for a delayed ACK, 40 ms.
        wbufsize = -1

        def _serve(self) -> None:
            parts = urlsplit(self.path)
            query = {name: values[0] for name, values in parse_qs(parts.query).items()}
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            reply = script.answer(
                Asked(self.command, parts.path, query, dict(self.headers.items()), body)
            )
            if reply.hang_up:
                self.close_connection = True
                self.connection.close()
                return
            content = reply.body
            self.send_response(reply.status)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(content)

        do_GET = do_POST = do_PUT = _serve  # noqa: N815 - http.server names them
        do_HEAD = do_DELETE = do_PATCH = _serve  # noqa: N815 - http.server names them

        def log_message(self, *_: object) -> None:  # the server's own chatter
            return

        def finish(self) -> None:
            if not self.wfile.closed and self.connection.fileno() != -1:
                super().finish()

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        script.url = f"http://127.0.0.1:{server.server_address[1]}"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield script
        finally:
            server.shutdown()
            thread.join()
