"""What gates need from outside."""

from typing import Protocol

from services.registry.domain.audit import Entry
from services.registry.domain.gate import Written
from services.registry.domain.paging import Paging, Slice
from services.registry.domain.versions import Version


class GateStore(Protocol):
    """What projects demand of reviews, every version of it."""

    def add(self, written: Written, entry: Entry) -> None:
        """Keep it if its number is one more than the project's last, else GateChangedError."""

    def current(self, project: str) -> Written | None:
        """The one that holds; None where nobody has set one."""

    def versions(self, project: str, paging: Paging) -> Slice[Written]:
        """Newest first."""


class GateReader(Protocol):
    """Reads what people write."""

    def values(self, text: str) -> object:
        """The plain values of YAML or JSON. Raises InvalidGateError."""


class Attestations(Protocol):
    """Knows whose signatures count."""

    def attested(self, version: Version) -> bool:
        """Whether a key that the installation knows has signed the version's artifact."""
