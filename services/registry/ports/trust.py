"""What trust in types needs from outside."""

from collections.abc import Mapping, Sequence
from typing import Protocol

from services.registry.domain.audit import Entry
from services.registry.domain.paging import Paging, Slice
from services.registry.domain.trust import Asked
from understudy.contracts.vocabulary import TrustState


class TrustStore(Protocol):
    """Types that were asked for, and what was decided about them."""

    def ask(self, asked: Sequence[Asked], most_open: int, entry: Entry) -> bool:
        """Note those that are not there yet; no change when all are.

        False, and no change, when more than `most_open` would be undecided. The entry's details
        name the types that were noted.
        """

    def decide(self, before: Asked | None, after: Asked, entry: Entry) -> bool:
        """Keep the decision; False, and no change, when somebody decided since `before`."""

    def find(self, name: str) -> Asked | None:
        """A type that was asked for."""

    def page(self, state: TrustState | None, paging: Paging) -> Slice[Asked]:
        """By name; of one state, or all."""

    def decided(self) -> Mapping[str, TrustState]:
        """All that are trusted or denied."""
