"""From where outcomes are read: which release, in which terms, when, and how far back."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from services.monitor.domain.deciding.terms import Terms
from services.monitor.domain.outcomes.tallies import CohortId
from understudy.contracts.signature import Target
from understudy.contracts.vocabulary import Role


@dataclass(frozen=True, slots=True)
class Viewpoint:
    """The same for every reading of one answer."""

    deployment: str
    release: int
    main: int
    roles: Mapping[int, Role]
    """Of the current release."""
    target: Target
    terms: Terms
    """Of the current release."""
    known: Mapping[str, Terms]
    """By fingerprint: whose fixed-point sums of numbers can be read."""
    now: float
    since: float
    """Seconds since the epoch, both."""
    main_release: int = 1
    """The main has been main since that release."""

    def matured(self, cohort: CohortId) -> bool:
        """Whether all of its rows are older than the label horizon of the current release."""
        return cohort.end <= self.terms.matured_until(self.now)

    def role(self, version: int) -> Role:
        """Versions that have left the release are shown as the challengers that they may be."""
        return self.roles.get(version, Role.CHALLENGER)

    def scale(self, fingerprint: str) -> float | None:
        """What fixed-point sums of numbers are multiples of; None for terms that nobody knows."""
        terms = self.known.get(fingerprint)
        return None if terms is None else terms.scale


def moment(seconds: float) -> datetime:
    """As people are told."""
    return datetime.fromtimestamp(seconds, UTC)
