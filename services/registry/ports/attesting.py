"""What registrations need to know of signatures."""

from typing import Protocol


class Attester(Protocol):
    """Verifies signatures of artifacts."""

    def verify(self, artifact: str, attestation: str) -> None:
        """Of two stored files, by digest: that a key which counts here has signed the first.

        Raises AttestationInvalidError.
        """
