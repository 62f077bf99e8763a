"""What an OpenID Connect provider publishes: where its endpoints are, and its keys."""

import asyncio
import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

import httpx
from authlib.oidc.discovery import get_well_known_url
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from services.registry.domain.identities import ProviderUnavailableError
from understudy.runtime.urls import safe_url

_KEPT_SECONDS: Final = 3600.0
_FAILED_SECONDS: Final = 2.0
"""For so long nobody else waits for a provider that just failed."""
_BETWEEN_SECONDS: Final = 10.0
"""Keys are not asked for anew more often, whatever tokens are shown."""
_DEADLINE_SECONDS: Final = 10.0
_MOST_BYTES: Final = 512 * 1024

Told = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Metadata:
    """What is needed of a discovery document."""

    authorization_endpoint: str
    token_endpoint: str
    jwks_uri: str
    token_authentication: frozenset[str]


class Asking:
    """Asks over HTTP within a deadline, reads so much and no more, and follows no redirects."""

    def __init__(self, deadline_seconds: float = _DEADLINE_SECONDS) -> None:
        self._deadline_seconds = deadline_seconds

    async def get(self, url: str) -> Told:
        """A JSON object. Raises ProviderUnavailableError."""
        status, told = await self._ask("GET", url)
        if status != 200:
            raise ProviderUnavailableError(f"The identity provider answered {status}.")
        return told

    async def post(self, url: str, headers: Mapping[str, str], body: str) -> tuple[int, Told]:
        """Status and JSON object. Raises ProviderUnavailableError."""
        return await self._ask("POST", url, headers=dict(headers), content=body)

    async def _ask(self, method: str, url: str, **more: Any) -> tuple[int, Told]:
        try:
            async with (
                asyncio.timeout(self._deadline_seconds),
                httpx.AsyncClient(timeout=self._deadline_seconds) as http,
                http.stream(method, url, **more) as answer,
            ):
                content = await _bounded(answer)
                told = json.loads(content)
        except (httpx.HTTPError, httpx.InvalidURL, TimeoutError) as error:
            raise ProviderUnavailableError(
                "The identity provider does not answer; try again in a moment."
            ) from error
        except (ValueError, RecursionError) as error:
            raise _odd("what it said is no JSON") from error
        if not isinstance(told, dict):
            raise _odd("what it said is no JSON object")
        return answer.status_code, told


class MetadataSource:
    """Keeps what a provider publishes for an hour."""

    def __init__(
        self, issuer: str, asking: Asking, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._issuer = issuer
        self._asking = asking
        self._clock = clock
        self._lock = asyncio.Lock()
        self._metadata: tuple[float, Metadata] | None = None
        self._keys: tuple[float, KeySet] | None = None
        self._failed: tuple[float, str] | None = None

    async def metadata(self) -> Metadata:
        """Where its endpoints are. Raises ProviderUnavailableError."""
        async with self._lock:
            if self._metadata is None or self._age(self._metadata[0]) > _KEPT_SECONDS:
                told = await self._asked(get_well_known_url(self._issuer, external=True))
                self._metadata = self._clock(), self._read(told)
            return self._metadata[1]

    async def keys(self, *, anew: bool = False) -> KeySet:
        """By which its tokens are verified. Raises ProviderUnavailableError."""
        url = (await self.metadata()).jwks_uri
        async with self._lock:
            most = _BETWEEN_SECONDS if anew else _KEPT_SECONDS
            if self._keys is None or self._age(self._keys[0]) > most:
                told = await self._asked(url)
                try:
                    self._keys = self._clock(), KeySet.import_key_set({"keys": told["keys"]})
                except (JoseError, ValueError, TypeError, KeyError, AttributeError) as error:
                    raise _odd("its keys are none") from error
            return self._keys[1]

    async def _asked(self, url: str) -> Told:
        if self._failed is not None and self._age(self._failed[0]) < _FAILED_SECONDS:
            raise ProviderUnavailableError(self._failed[1])
        try:
            return await self._asking.get(url)
        except ProviderUnavailableError as error:
            self._failed = self._clock(), error.detail
            raise

    def _age(self, since: float) -> float:
        return self._clock() - since

    def _read(self, told: Told) -> Metadata:
        if told.get("issuer") != self._issuer:
            raise _odd("its issuer is another than UNDERSTUDY_OIDC_ISSUER, to the letter")
        wanted = ("authorization_endpoint", "token_endpoint", "jwks_uri")
        if missing := [name for name in wanted if not safe_url(told.get(name))]:
            raise _odd(f"its {' and '.join(missing)} must be by https")
        ways = told.get("token_endpoint_auth_methods_supported")
        known = frozenset(map(str, ways)) if isinstance(ways, list) else frozenset()
        return Metadata(
            authorization_endpoint=told["authorization_endpoint"],
            token_endpoint=told["token_endpoint"],
            jwks_uri=told["jwks_uri"],
            token_authentication=known or frozenset({"client_secret_basic"}),
        )


async def _bounded(answer: httpx.Response) -> bytes:
    content = bytearray()
    async for part in answer.aiter_bytes():
        content += part
        if len(content) > _MOST_BYTES:
            raise _odd("it said too much")
    return bytes(content)


def _odd(what: str) -> ProviderUnavailableError:
    return ProviderUnavailableError(f"The identity provider does not answer as one does: {what}.")
