"""Prevision's own client of deployed models, with a key from a token endpoint."""

import base64
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs

import pytest

from tests.foreign.conftest import Foreign
from tests.foreign.environments import ask

CLIENT, SECRET = "somebody", "a secret"


@contextmanager
def token_endpoint(access_token: str) -> Iterator[str]:
    """The client credentials grant (RFC 6749, 4.4) of one client."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            form = parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode())
            basic = base64.b64encode(f"{CLIENT}:{SECRET}".encode()).decode()
            known = self.headers["Authorization"] == f"Basic {basic}"
            if not known or form.get("grant_type") != ["client_credentials"]:
                self._answer(401, {"error": "invalid_client"})
                return
            told = {"access_token": access_token, "token_type": "Bearer", "expires_in": 3600}
            self._answer(200, told)

        def _answer(self, status: int, body: dict[str, Any]) -> None:
            content = json.dumps(body).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class's name
            del format, args

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/token"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@pytest.mark.parametrize(("known", "asked"), [("flowers", "orchids"), ("loans", "vault")])
def test_it_is_answered_as_by_sklearn(foreign: Foreign, known: str, asked: str) -> None:
    questions = foreign.of(known)
    with token_endpoint(foreign.key) as url:
        told = ask(
            "previsionio",
            "previsionio_model.py",
            {
                "base": f"{foreign.url}/v1/deployments/{asked}/prevision",
                "token_url": url,
                "client_id": CLIENT,
                "client_secret": SECRET,
                "rows": questions.rows,
            },
            OAUTHLIB_INSECURE_TRANSPORT="1",
        )
    assert told["found"] == questions.predictions
    assert told["confident"]["prediction"] == questions.predictions[0]
    sure = told["confident"]["confidence"]["probability"]
    assert sure == pytest.approx(max(questions.probabilities[0]), abs=1e-6)
    assert told["problem_type"] == "classification"
    assert [one["name"] for one in told["inputs"]] == questions.names
    assert len(told["outputs"]) == 1
    assert "501" in told["errors"]["explain"] or "xplanations" in told["errors"]["explain"]
    assert "is missing" in told["errors"]["wrong"]
