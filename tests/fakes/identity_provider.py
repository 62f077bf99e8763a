"""A small OpenID Connect provider over real HTTP: everybody who asks is signed in as `person`."""

import base64
import contextlib
import hashlib
import secrets
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

import uvicorn
from joserfc import jwt
from joserfc.jwk import RSAKey
from starlette.applications import Starlette
from starlette.datastructures import FormData
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from tests.conftest import free_port

CLIENT_ID, CLIENT_SECRET = "understudy", "provider-secret"


def new_key() -> RSAKey:
    return RSAKey.generate_key(2048, {"use": "sig", "alg": "RS256", "kid": secrets.token_hex(4)})


@dataclass
class Code:
    """What a code was given for."""

    redirect_uri: str
    challenge: str
    nonce: str


@dataclass
class Provider:
    """The provider; what a test changes of it, it says or does from then on."""

    redirect_uri: str
    port: int = field(default_factory=free_port)
    person: dict[str, Any] = field(
        default_factory=lambda: {"sub": "p-1", "preferred_username": "Ann", "name": "Ann Lee"}
    )
    said: dict[str, Any] = field(default_factory=dict)
    """Claims of ID tokens that are not as they should be; None leaves one out."""
    codes: dict[str, Code] = field(default_factory=dict)
    key: RSAKey = field(default_factory=new_key)
    signs_with: RSAKey | None = None
    """A key that is not published."""
    ways: list[str] | None = None
    """How it wants to be shown the client's secret; by HTTP Basic when it does not say."""
    down: bool = False
    odd: Response | None = None
    """What is answered instead of metadata."""
    asked: list[str] = field(default_factory=list)

    @property
    def issuer(self) -> str:
        return f"http://127.0.0.1:{self.port}/realm"

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def app(self) -> Starlette:
        return Starlette(
            routes=[
                Route("/realm/.well-known/openid-configuration", self.metadata),
                Route("/authorize", self.authorize),
                Route("/token", self.token, methods=["POST"]),
                Route("/keys", self.keys),
            ]
        )

    async def metadata(self, _request: Request) -> Response:
        self.asked.append("metadata")
        if self.down:
            return JSONResponse({"error": "down"}, 503)
        if self.odd is not None:
            return self.odd
        ways = {} if self.ways is None else {"token_endpoint_auth_methods_supported": self.ways}
        return JSONResponse(
            {
                **ways,
                "issuer": self.issuer,
                "authorization_endpoint": f"{self.url}/authorize",
                "token_endpoint": f"{self.url}/token",
                "jwks_uri": f"{self.url}/keys",
                "response_types_supported": ["code"],
                "subject_types_supported": ["public"],
                "id_token_signing_alg_values_supported": ["RS256"],
                "code_challenge_methods_supported": ["S256"],
            }
        )

    async def keys(self, _request: Request) -> Response:
        self.asked.append("keys")
        return JSONResponse({"keys": [self.key.as_dict(private=False)]})

    async def authorize(self, request: Request) -> Response:
        asked = request.query_params
        wanted = {
            "response_type": "code",
            "client_id": CLIENT_ID,
            "redirect_uri": self.redirect_uri,
            "code_challenge_method": "S256",
        }
        if any(asked.get(name) != value for name, value in wanted.items()):
            return JSONResponse({"error": "invalid_request"}, 400)
        if "openid" not in asked["scope"].split():
            return JSONResponse({"error": "invalid_scope"}, 400)
        code = secrets.token_urlsafe(24)
        self.codes[code] = Code(self.redirect_uri, asked["code_challenge"], asked["nonce"])
        back = urlencode({"code": code, "state": asked["state"], "iss": self.issuer})
        return RedirectResponse(f"{self.redirect_uri}?{back}", 302)

    async def token(self, request: Request) -> Response:
        if self.down:
            return JSONResponse({"error": "down"}, 503)
        form = await request.form()
        if not self._knows(request.headers.get("authorization"), form):
            return JSONResponse({"error": "invalid_client"}, 401)
        # A code is good for one try, whatever comes of it.
        given = self.codes.pop(str(form["code"]), None)
        digest = hashlib.sha256(str(form["code_verifier"]).encode()).digest()
        challenge = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
        if (
            given is None
            or form["grant_type"] != "authorization_code"
            or form["redirect_uri"] != given.redirect_uri
            or challenge != given.challenge
        ):
            return JSONResponse({"error": "invalid_grant"}, 400)
        access_token = secrets.token_urlsafe(24)
        body = {"access_token": access_token, "token_type": "Bearer", "expires_in": 60}
        body["id_token"] = self.id_token(given.nonce, access_token)
        return JSONResponse(body, headers={"Cache-Control": "no-store"})

    def _knows(self, authorization: str | None, form: FormData) -> bool:
        if self.ways is None or "client_secret_basic" in self.ways:
            expected = base64.b64encode(f"{CLIENT_ID}:{CLIENT_SECRET}".encode()).decode()
            return authorization == f"Basic {expected}" and "client_secret" not in form
        secret = None if self.ways == ["none"] else CLIENT_SECRET
        shown = (authorization, form.get("client_id"), form.get("client_secret"))
        return shown == (None, CLIENT_ID, secret)

    def id_token(self, nonce: str, access_token: str) -> str:
        half = hashlib.sha256(access_token.encode()).digest()[:16]
        now = int(time.time())
        claims = {
            "iss": self.issuer,
            "aud": CLIENT_ID,
            "iat": now,
            "exp": now + 60,
            "nonce": nonce,
            "at_hash": base64.urlsafe_b64encode(half).rstrip(b"=").decode(),
            **self.person,
            **self.said,
        }
        told = {name: value for name, value in claims.items() if value is not None}
        key = self.signs_with or self.key
        return jwt.encode({"alg": "RS256", "kid": key.kid}, told, key)

    @contextlib.contextmanager
    def serving(self) -> Iterator["Provider"]:
        """Over HTTP, until the block ends."""
        config = uvicorn.Config(self.app(), port=self.port, log_level="error", lifespan="off")
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run)
        thread.start()
        deadline = time.monotonic() + 30
        while not server.started and time.monotonic() < deadline:
            time.sleep(0.01)
        try:
            yield self
        finally:
            server.should_exit = True
            thread.join(30)
