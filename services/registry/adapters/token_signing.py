"""Signs access tokens; both keys of the pair derive from a secret of the installation."""

from datetime import datetime
from typing import Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from joserfc import jwt
from joserfc.jwk import OKPKey

from services.registry.domain.access import TokenKey
from services.registry.domain.tokens import Claims
from understudy.runtime.tokens import ALGORITHM, AUDIENCE, TOKEN_TYPE

_PURPOSE: Final = b"understudy access tokens, Ed25519, 1"
"""The same secret would lead to another key for another purpose."""


class TokenSigner:
    """Implements `ports.Signer`."""

    def __init__(self, secret: str, issuer: str) -> None:
        self._pair = _pair(secret)
        self._issuer = issuer

    def sign(self, claims: Claims) -> str:
        """One token, in the profile of RFC 9068."""
        header = {"alg": ALGORITHM, "typ": TOKEN_TYPE, "kid": self._pair.thumbprint()}
        said = {
            "iss": self._issuer,
            "sub": claims.key,
            "client_id": claims.key,
            "aud": AUDIENCE,
            "iat": _seconds(claims.issued_at),
            "exp": _seconds(claims.expires_at),
            "jti": claims.token_id,
            "scope": " ".join(claims.scopes),
        }
        return jwt.encode(header, said, self._pair, algorithms=[ALGORITHM])


def public_key(secret: str, issuer: str) -> TokenKey:
    """By which the tokens of that secret are verified."""
    pair = _pair(secret)
    return TokenKey(pair.thumbprint(), str(pair.as_dict(private=False)["x"]), issuer)


def _pair(secret: str) -> OKPKey:
    # The secret is drawn or long, so nothing slow is needed, and no salt.
    derived = HKDF(algorithm=SHA256(), length=32, salt=None, info=_PURPOSE).derive(secret.encode())
    return OKPKey.import_key(Ed25519PrivateKey.from_private_bytes(derived))


def _seconds(moment: datetime) -> int:
    return int(moment.timestamp())
