"""Signatures of artifacts: what a bundle that model-signing writes says, and whether it fits.

A Sigstore bundle (v0.3) holds a DSSE envelope, and that an in-toto statement with the SHA-256 of
each file of a model. Which key has signed it is the adapter's question; nothing that stands in the
payload counts before that is answered.
https://github.com/secure-systems-lab/dsse, https://docs.sigstore.dev/about/bundle/
"""

import base64
import binascii
import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Final

from understudy.contracts.refusals import FieldError, Refusal

MOST_BYTES: Final = 1 << 20
_BUNDLE: Final = "application/vnd.dev.sigstore.bundle.v0.3+json"
_PAYLOAD: Final = "application/vnd.in-toto+json"
_STATEMENT: Final = "https://in-toto.io/Statement/v1"
_PREDICATE: Final = "https://model_signing/signature/v1.0"


class AttestationInvalidError(Refusal):
    """The attestation does not say that a key of this installation has signed the artifact."""

    code: ClassVar = "attestation_invalid"

    def __init__(self, why: str) -> None:
        detail = f"The attestation is not taken: {why}."
        super().__init__(detail, FieldError("/attestation", detail))


@dataclass(frozen=True, slots=True)
class Envelope:
    """What was signed, and the signature."""

    payload: bytes
    signature: bytes

    @property
    def signed(self) -> bytes:
        """The bytes that the signature is over: DSSE's pre-authentication encoding."""
        head = f"DSSEv1 {len(_PAYLOAD)} {_PAYLOAD} {len(self.payload)} "
        return head.encode() + self.payload


def read_envelope(content: bytes) -> Envelope:
    """Raises AttestationInvalidError."""
    bundle = _mapping(_json(content, "the file"), "the file")
    if bundle.get("mediaType") != _BUNDLE:
        raise AttestationInvalidError(
            "the file is no Sigstore bundle of version 0.3; sign the artifact with "
            "'understudy sign' or model-signing 1.x and a key"
        )
    envelope = _mapping(bundle.get("dsseEnvelope"), "its envelope")
    signatures = envelope.get("signatures")
    if envelope.get("payloadType") != _PAYLOAD or not isinstance(signatures, list):
        raise AttestationInvalidError("its envelope holds no in-toto statement")
    if len(signatures) != 1:
        raise AttestationInvalidError(f"it has {len(signatures)} signatures instead of one")
    signature = _mapping(signatures[0], "its signature").get("sig")
    return Envelope(_bytes(envelope.get("payload")), _bytes(signature))


def require_digest(envelope: Envelope, digest: str) -> None:
    """Of an envelope whose signature was verified: that the file is among those signed.

    Raises AttestationInvalidError.
    """
    statement = _mapping(_json(envelope.payload, "its statement"), "its statement")
    predicate = _mapping(statement.get("predicate"), "its predicate")
    kinds = statement.get("_type"), statement.get("predicateType")
    if kinds != (_STATEMENT, _PREDICATE):
        raise AttestationInvalidError(f"its statement is of another kind ({kinds[1]!r})")
    resources = predicate.get("resources")
    if not isinstance(resources, list) or not resources:
        raise AttestationInvalidError("its statement names no files")
    digests = [_digest(_mapping(one, "a file of its statement")) for one in resources]
    _require_root(statement, digests)
    if digest not in digests:
        raise AttestationInvalidError(
            f"it was made of another file: the artifact's SHA-256 is {digest}; sign the file that "
            "is registered"
        )


def _digest(resource: Mapping[str, Any]) -> str:
    if resource.get("algorithm") != "sha256":
        raise AttestationInvalidError(
            "its files are not hashed whole by SHA-256; sign with model-signing's default hashing"
        )
    return str(resource.get("digest"))


def _require_root(statement: Mapping[str, Any], digests: Sequence[str]) -> None:
    """The statement's subject is the hash of all files' hashes."""
    subjects = statement.get("subject")
    if not isinstance(subjects, list) or len(subjects) != 1:
        raise AttestationInvalidError("its statement has not one subject")
    stated = _mapping(_mapping(subjects[0], "its subject").get("digest"), "its subject's digest")
    try:
        root = hashlib.sha256(b"".join(bytes.fromhex(one) for one in digests)).hexdigest()
    except ValueError as error:
        raise AttestationInvalidError("a digest in its statement is none") from error
    if stated.get("sha256") != root:
        raise AttestationInvalidError("its statement contradicts itself")


def _json(content: bytes, what: str) -> object:
    try:
        return json.loads(content)
    except (ValueError, RecursionError) as error:
        raise AttestationInvalidError(f"{what} is not JSON") from error


def _mapping(value: object, what: str) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise AttestationInvalidError(f"{what} is not as model-signing writes it")
    return value


def _bytes(value: object) -> bytes:
    try:
        return base64.b64decode(value if isinstance(value, str) else "", validate=True)
    except (binascii.Error, ValueError) as error:
        raise AttestationInvalidError("its envelope is not base64") from error
