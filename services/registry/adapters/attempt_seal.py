"""Attempts to sign in, encrypted for the browser that began them."""

from collections.abc import Callable
from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Final

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwe import JWERegistry
from joserfc.jwk import OctKey
from joserfc.jwt import JWTClaimsRegistry

from services.registry.domain.identities import Attempt

LIFETIME: Final = timedelta(minutes=10)
_PURPOSE: Final = b"understudy sign-in attempts, A256GCM, 1"
_HEADER: Final = {"alg": "dir", "enc": "A256GCM"}
_MOST_CHARACTERS: Final = 4096


class JweSeal:
    """Implements `ports.identities.AttemptSeal`; its key derives from the token secret."""

    def __init__(self, secret: str, clock: Callable[[], datetime]) -> None:
        derived = HKDF(algorithm=SHA256(), length=32, salt=None, info=_PURPOSE)
        self._key = OctKey.import_key(derived.derive(secret.encode()))
        self._registry = JWERegistry(algorithms=list(_HEADER.values()))
        self._clock = clock

    def close(self, attempt: Attempt) -> str:
        """As a JWE."""
        ends = int((self._clock() + LIFETIME).timestamp())
        claims = {**asdict(attempt), "exp": ends}
        return jwt.encode(_HEADER, claims, self._key, registry=self._registry)

    def open(self, sealed: str) -> Attempt | None:
        """The attempt, unless it is another's or too old."""
        if len(sealed) > _MOST_CHARACTERS or not sealed.isascii():
            return None
        try:
            claims = jwt.decode(sealed, self._key, registry=self._registry).claims
            now = int(self._clock().timestamp())
            JWTClaimsRegistry(now=now, exp={"essential": True}).validate(claims)
            del claims["exp"]
            return Attempt(**claims)
        except (JoseError, ValueError, TypeError, KeyError, RecursionError):
            return None
