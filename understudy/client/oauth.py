"""Access tokens for a client id and secret (RFC 6749, section 4.4), in place of a key."""

import base64
import time
from collections.abc import Callable, Generator
from dataclasses import dataclass
from typing import Annotated, Final
from urllib.parse import quote_plus, urlencode

import httpx
from pydantic import BaseModel, Field, ValidationError

from understudy.client.errors import ClientError, ProblemError, UnreachableError, failure_of

TOKEN_PATH: Final = "/v1/oauth/token"  # noqa: S105 - a path

_FORM: Final = "application/x-www-form-urlencoded"
_EARLY_SECONDS: Final = 30.0
"""Before its end a token is not shown any more: clocks differ, and requests take their time."""
_UNAUTHORIZED: Final = 401
_SETTING: Final = "--registry-url or UNDERSTUDY_REGISTRY_URL"


class Granted(BaseModel):
    """What the token endpoint answers."""

    access_token: Annotated[str, Field(min_length=1)]
    expires_in: float = 3600.0
    scope: str = ""


class _Denied(BaseModel):
    error: str
    error_description: str = ""


class TokenRefusedError(ClientError):
    """The token endpoint refused."""

    def __init__(self, denied: _Denied) -> None:
        super().__init__(f"No access token: {denied.error_description or denied.error}")
        self.error = denied.error
        """A word of RFC 6749, section 5.2, such as `invalid_client`."""


@dataclass(frozen=True, slots=True)
class _Kept:
    token: str
    until: float


class ClientCredentials(httpx.Auth):
    """Shows an access token, and gets another one shortly before it ends or when it is refused.

    `token_url` is the registry's address with `/v1/oauth/token`; the id is that of a key, the
    secret the key or what follows the id in it. Serves as the key of every client here, and as the
    `auth` of httpx.
    """

    requires_response_body = True

    def __init__(
        self,
        token_url: str,
        client_id: str,
        client_secret: str,
        *,
        scope: str | None = None,
        timeout_seconds: float = 10.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._token_url = token_url
        self._basic = _basic(client_id, client_secret)
        self._form = {"grant_type": "client_credentials"} | ({"scope": scope} if scope else {})
        self._timeout = httpx.Timeout(timeout_seconds).as_dict()
        self._clock = clock
        self._kept: _Kept | None = None

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        """For httpx."""
        kept = self._kept
        fresh = kept is None or self._clock() >= kept.until
        if kept is None or fresh:
            kept = self._keep((yield self._request()))
        request.headers["Authorization"] = f"Bearer {kept.token}"
        answer = yield request
        sendable = isinstance(request.stream, httpx.ByteStream)
        if answer.status_code == _UNAUTHORIZED and not fresh and sendable:
            # Its key may have been replaced, or the secret that tokens are signed with.
            kept = self._keep((yield self._request()))
            request.headers["Authorization"] = f"Bearer {kept.token}"
            yield request

    def grant(self) -> Granted:
        """Ask for one token. Raises a ClientError."""
        try:
            with httpx.Client() as http:
                return granted_by(http.send(self._request()))
        except httpx.TransportError as error:
            raise UnreachableError("registry", self._token_url, _SETTING, error) from error

    def _request(self) -> httpx.Request:
        return httpx.Request(
            "POST",
            self._token_url,
            headers={"Authorization": self._basic, "Content-Type": _FORM},
            content=urlencode(self._form),
            extensions={"timeout": self._timeout},
        )

    def _keep(self, answer: httpx.Response) -> _Kept:
        granted = granted_by(answer)
        until = self._clock() + max(0.0, granted.expires_in - _EARLY_SECONDS)
        self._kept = _Kept(granted.access_token, until)
        return self._kept


def granted_by(answer: httpx.Response) -> Granted:
    """What a token endpoint answered. Raises TokenRefusedError or another ClientError."""
    try:
        if answer.is_success:
            return Granted.model_validate_json(answer.content)
        raise TokenRefusedError(_Denied.model_validate_json(answer.content))
    except ValidationError as error:
        failure = failure_of(answer, "registry", _SETTING)
        raise failure from (None if isinstance(failure, ProblemError) else error)


def _basic(client_id: str, client_secret: str) -> str:
    """RFC 6749, section 2.3.1: both parts are form-encoded first."""
    pair = f"{quote_plus(client_id)}:{quote_plus(client_secret)}"
    return f"Basic {base64.b64encode(pair.encode()).decode()}"
