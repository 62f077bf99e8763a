"""Authenticated encryption under a key that whoever asks brings along."""

import os
from typing import Final

from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

_NONCE_BYTES: Final = 12
_PURPOSE: Final = b"understudy idempotent reply"


class AesSeal:
    """AES-256-GCM, its key derived by HKDF-SHA256. Implements `operations.replies.Seal`."""

    def close(self, key: str, content: bytes) -> bytes:
        """A random nonce, then what it encrypts."""
        nonce = os.urandom(_NONCE_BYTES)
        return nonce + _cipher(key).encrypt(nonce, content, None)

    def open(self, key: str, sealed: bytes) -> bytes:
        """Raises cryptography's InvalidTag for another key."""
        return _cipher(key).decrypt(sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], None)


def _cipher(key: str) -> AESGCM:
    derived = HKDF(algorithm=SHA256(), length=32, salt=None, info=_PURPOSE).derive(key.encode())
    return AESGCM(derived)
