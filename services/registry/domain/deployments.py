"""A deployment, and what followers must have at hand for it: derived from its releases alone."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from services.registry.domain.releases import Release
from understudy.contracts.vocabulary import AccessLevel, ReleaseKind

PAIRS_OWED_FOR: Final = timedelta(hours=24)
"""How long a former challenger is still served to followers, so that it finishes its backlog."""
_BEGINS_ANEW: Final = frozenset({ReleaseKind.PROMOTE, ReleaseKind.SWAP, ReleaseKind.ROLLBACK})
"""A decision was made: what is judged next is judged on what comes after it."""


@dataclass(frozen=True, slots=True)
class Deployment:
    """A name under which predictions are asked for. All but `current` never changes."""

    name: str
    project: str
    model: str
    access: AccessLevel
    description: str
    created_at: datetime
    anchor: int
    """Its first main version, whose signature is the deployment's."""
    current: Release


@dataclass(frozen=True, slots=True)
class Pairing:
    """A version that owes pairs, since the first release that named it as challenger."""

    version: int
    since: datetime


@dataclass(frozen=True, slots=True)
class Couple:
    """The main and one challenger, since the release from which on they are judged alike."""

    challenger: int
    release: int
    since: datetime


def previous_main(history: Sequence[Release]) -> int | None:
    """The main version before the current one."""
    last = last_of_previous_main(history)
    return None if last is None else last.setting.main


def last_of_previous_main(history: Sequence[Release]) -> Release | None:
    """The newest release whose main is not the current one."""
    current = history[-1].setting.main
    return next((held for held in reversed(history) if held.setting.main != current), None)


def main_since(history: Sequence[Release]) -> datetime:
    """When the current main became main."""
    before = last_of_previous_main(history)
    number = 0 if before is None else before.number
    return next(held.released_at for held in history if held.number > number)


def pairings(history: Sequence[Release], now: datetime) -> tuple[Pairing, ...]:
    """Challengers of now and of late; one that came back soon keeps its earlier beginning."""
    since: dict[int, datetime] = {}
    ended: dict[int, datetime] = {}
    for release in history:
        for version in since.keys() - set(release.setting.challengers) - ended.keys():
            ended[version] = release.released_at
        for version in release.setting.challengers:
            left = ended.pop(version, None)
            if left is not None and left < release.released_at - PAIRS_OWED_FOR:
                since[version] = release.released_at
            since.setdefault(version, release.released_at)
    return tuple(
        Pairing(version, began)
        for version, began in sorted(since.items())
        if ended.get(version, now) >= now - PAIRS_OWED_FOR
    )


def couples(history: Sequence[Release]) -> tuple[Couple, ...]:
    """The current main with each current challenger.

    A couple begins with the first of the last unbroken run of releases in which this version is
    main, the challenger one of the challengers, and the terms of comparison are the same; a
    promotion, swap or rollback begins a run whatever it changes.
    """
    begun = ((number, _beginning(history, number)) for number in history[-1].setting.challengers)
    return tuple(Couple(number, first.number, first.released_at) for number, first in begun)


def _beginning(history: Sequence[Release], challenger: int) -> Release:
    first = history[-1]
    for before in reversed(history[:-1]):
        if first.kind in _BEGINS_ANEW or not _judged_alike(before, first, challenger):
            return first
        first = before
    return first


def _judged_alike(before: Release, after: Release, challenger: int) -> bool:
    one, other = before.setting, after.setting
    terms = one.policy.judging.comparison == other.policy.judging.comparison
    return one.main == other.main and challenger in one.challengers and terms


def versions_to_serve(history: Sequence[Release], now: datetime) -> frozenset[int]:
    """Main, challengers, previous main, and every version that still owes pairs."""
    setting = history[-1].setting
    owing = {pairing.version for pairing in pairings(history, now)}
    previous = previous_main(history)
    warm = set() if previous is None else {previous}
    return frozenset({setting.main, *setting.challengers, *owing, *warm})
