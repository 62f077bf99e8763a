"""Verifies artifacts' signatures against the public keys that the installation knows.

Elliptic curves alone, as model-signing signs: P-256, P-384 and P-521, each with its hash.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import ClassVar, Final

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import load_pem_public_key

from services.registry.domain.attestations import (
    MOST_BYTES,
    AttestationInvalidError,
    Envelope,
    read_envelope,
    require_digest,
)
from services.registry.domain.versions import Version
from services.registry.ports import ArtifactStore
from understudy.contracts.refusals import Fault, Refusal

_HASHES: Final[Mapping[str, hashes.HashAlgorithm]] = {
    "secp256r1": hashes.SHA256(),
    "secp384r1": hashes.SHA384(),
    "secp521r1": hashes.SHA512(),
}
_PEM: Final = ".pem"


class SigningKeysError(Refusal):
    """A public key of the settings can't be read."""

    fault: ClassVar = Fault.FAILED
    code: ClassVar = "signing_keys_unreadable"


class KeyAttestations:
    """Implements `ports.attesting.Attester` and `ports.gates.Attestations`."""

    def __init__(self, files: ArtifactStore, keys: Sequence[ec.EllipticCurvePublicKey]) -> None:
        self._files = files
        self._keys = tuple(keys)

    def verify(self, artifact: str, attestation: str) -> None:
        """Raises AttestationInvalidError."""
        if not self._keys:
            raise AttestationInvalidError(
                "the installation knows no key that could have made it; leave it out, or have an "
                "operator name public keys by the registry's setting UNDERSTUDY_SIGNING_KEYS"
            )
        envelope = read_envelope(self._content(attestation))
        if not any(_signed(key, envelope) for key in self._keys):
            raise AttestationInvalidError(
                f"none of the {len(self._keys)} keys that the installation knows "
                "(UNDERSTUDY_SIGNING_KEYS) has made it"
            )
        require_digest(envelope, artifact)

    def attested(self, version: Version) -> bool:
        """Whether a key that is known today has signed what was sent."""
        draft = version.draft
        if draft.attestation is None:
            return False
        try:
            self.verify(draft.converted_from or draft.artifact, draft.attestation)
        except Refusal:
            return False
        return True

    def _content(self, digest: str) -> bytes:
        if (self._files.size(digest) or 0) > MOST_BYTES:
            raise AttestationInvalidError(f"it is larger than {MOST_BYTES} bytes")
        return b"".join(self._files.read(digest))


def read_keys(places: Sequence[Path]) -> tuple[ec.EllipticCurvePublicKey, ...]:
    """Of files, and of all `*.pem` in folders. Raises SigningKeysError."""
    found = list[ec.EllipticCurvePublicKey]()
    for place in places:
        files = sorted(place.glob(f"*{_PEM}")) if place.is_dir() else [place]
        if not files:
            raise SigningKeysError(f"UNDERSTUDY_SIGNING_KEYS: {place} holds no *{_PEM}")
        found += map(_read, files)
    return tuple(found)


def _read(file: Path) -> ec.EllipticCurvePublicKey:
    try:
        key = load_pem_public_key(file.read_bytes())
    except (OSError, ValueError, UnsupportedAlgorithm) as error:
        raise SigningKeysError(
            f"UNDERSTUDY_SIGNING_KEYS: {file} can't be read as a public key in PEM"
        ) from error
    if not isinstance(key, ec.EllipticCurvePublicKey) or key.curve.name not in _HASHES:
        raise SigningKeysError(
            f"UNDERSTUDY_SIGNING_KEYS: {file} is no key of the curves P-256, P-384 or P-521"
        )
    return key


def _signed(key: ec.EllipticCurvePublicKey, envelope: Envelope) -> bool:
    try:
        key.verify(envelope.signature, envelope.signed, ec.ECDSA(_HASHES[key.curve.name]))
    except InvalidSignature:
        return False
    return True
