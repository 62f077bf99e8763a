"""What the registry tells about its state in numbers."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from services.registry.domain.access import Key
from services.registry.domain.releases import Release
from understudy.contracts.vocabulary import Component, VersionState

WITHIN: Final[Mapping[str, timedelta]] = {
    "expired": timedelta(0),
    "1d": timedelta(days=1),
    "7d": timedelta(days=7),
    "30d": timedelta(days=30),
}


@dataclass(frozen=True, slots=True)
class Released:
    """A deployment's current release, and how far serving is with it."""

    current: Release
    deployed: bool
    running: bool


@dataclass(frozen=True, slots=True)
class Figures:
    """All of them, at one moment."""

    sequence: int
    keys_active: int
    keys_expiring: Mapping[str, int]
    releases: tuple[Released, ...]
    versions: Mapping[VersionState, int]
    followers: Mapping[Component, int]
    backed_up_at: datetime | None


def expiring(keys: Iterable[Key], now: datetime) -> dict[str, int]:
    """Keys that expire within each span of `WITHIN`; a longer one counts those of a shorter too.

    Revoked keys are not counted: nobody uses them.
    """
    ends = [key.expires_at for key in keys if key.expires_at and key.revoked_at is None]
    return {name: sum(end <= now + span for end in ends) for name, span in WITHIN.items()}
