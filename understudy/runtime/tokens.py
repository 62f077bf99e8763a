"""Access tokens: JWTs that the registry signs (RFC 9068) and every process verifies by itself."""

from collections import OrderedDict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from threading import Lock
from typing import Final

from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import GuestProtocol, OKPKey
from joserfc.jwt import JWTClaimsRegistry

from understudy.contracts.registry import TokenKey
from understudy.contracts.vocabulary import KeyId, Scope
from understudy.runtime.keys import Token

ALGORITHM: Final = "Ed25519"
"""EdDSA over that curve and no other (RFC 9864)."""
AUDIENCE: Final = "understudy"
TOKEN_TYPE: Final = "at+jwt"  # noqa: S105 - a media type

_MOST_CHARACTERS: Final = 2048
"""Ours are a quarter of that; what is longer is not read."""
_LEEWAY_SECONDS: Final = 5
"""By which the clocks of machines may differ."""
_REMEMBERED: Final = 1024
_SCOPES: Final[Mapping[str, Scope]] = {scope.value: scope for scope in Scope}


@dataclass(frozen=True, slots=True)
class _Genuine:
    token: Token
    ends: float


class TokenVerifier:
    """Verifies tokens by public keys; remembers, by their digests, those that it saw last."""

    def __init__(self, keys: Iterable[TokenKey] = ()) -> None:
        self._keys = {key.kid: (_public(key), key.issuer) for key in keys}
        self._remembered: OrderedDict[bytes, _Genuine] = OrderedDict()
        self._lock = Lock()

    def looks_like_one(self, credentials: str) -> bool:
        """Whether it begins as a signed JWT does, with a JSON object in base64url."""
        return credentials.startswith("eyJ")

    def verify(self, credentials: str, now: datetime) -> Token | None:
        """What it says; None when it is not genuine, or not valid now."""
        if len(credentials) > _MOST_CHARACTERS or not credentials.isascii():
            return None
        digest, at = sha256(credentials.encode()).digest(), now.timestamp()
        genuine = self._recall(digest)
        if genuine is None:
            genuine = self._read(credentials, at)
            if genuine is not None:
                self._remember(digest, genuine)
        return genuine.token if genuine is not None and at < genuine.ends else None

    def _recall(self, digest: bytes) -> _Genuine | None:
        with self._lock:
            found = self._remembered.get(digest)
            if found is not None:
                self._remembered.move_to_end(digest)
        return found

    def _remember(self, digest: bytes, genuine: _Genuine) -> None:
        with self._lock:
            self._remembered[digest] = genuine
            if len(self._remembered) > _REMEMBERED:
                self._remembered.popitem(last=False)

    def _read(self, credentials: str, at: float) -> _Genuine | None:
        try:
            found = jwt.decode(credentials, self._signer, algorithms=[ALGORITHM])
            _rules(self._keys[found.header["kid"]][1], at).validate(found.claims)
            if found.header.get("typ") != TOKEN_TYPE:
                return None
            said = str(found.claims["scope"]).split()
            token = Token(
                KeyId(found.claims["sub"]), frozenset(_SCOPES[s] for s in said if s in _SCOPES)
            )
            return _Genuine(token, found.claims["exp"] + _LEEWAY_SECONDS)
        # Beyond the library's own: what nesting, text and types nobody foresaw lead to.
        except (JoseError, ValueError, TypeError, KeyError, RecursionError, OverflowError):
            return None

    def _signer(self, presented: GuestProtocol) -> OKPKey:
        """Raises KeyError for a kid that is unknown or missing."""
        return self._keys[presented.headers()["kid"]][0]


def _public(key: TokenKey) -> OKPKey:
    return OKPKey.import_key({"kty": "OKP", "crv": "Ed25519", "x": key.x})


def _rules(issuer: str, at: float) -> JWTClaimsRegistry:
    return JWTClaimsRegistry(
        now=int(at),
        leeway=_LEEWAY_SECONDS,
        iss={"essential": True, "value": issuer},
        aud={"essential": True, "value": AUDIENCE},
        sub={"essential": True},
        exp={"essential": True},
        iat={"essential": True},
        scope={"essential": True, "allow_blank": True},
    )
