"""What the trail holds about releases, about versions and about keys, a bounded part at a time."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from services.registry.domain.audit import Action, KeysOf, Recorded, Wanted
from services.registry.domain.history import Life, recorded_by_release
from services.registry.domain.releases import Release
from services.registry.domain.versions import Ruling
from services.registry.ports import CatalogueStore, StateStore
from services.registry.ports.review_store import ReviewStore

MOST: Final = 1_000
"""Of each kind, the newest."""
_MADE: Final = frozenset({Action.MAKE_DEPLOYMENT, Action.RELEASE})
_DECIDED: Final = frozenset({Action.DECIDE_VERSION})
_KEYS: Final = frozenset({Action.ISSUE_KEY, Action.REVOKE_KEY})
_MEANWHILE: Final = timedelta(minutes=1)
"""By how much the entry of a deployment that was made may be younger than its first release."""

Place = tuple[str, int]
"""A model and the number of a version."""


@dataclass(frozen=True, slots=True)
class Period:
    """From one moment to another, which is not in it."""

    since: datetime | None
    until: datetime

    def holds(self, at: datetime) -> bool:
        """Whether the moment lies in it."""
        return (self.since is None or self.since <= at) and at < self.until


@dataclass(frozen=True, slots=True)
class Admitted:
    """How a version left `pending`."""

    model: str
    version: int
    ruling: Ruling
    review: str | None
    recorded: Recorded | None


@dataclass(frozen=True, slots=True)
class KeyChanged:
    """A key was issued or revoked."""

    name: str
    recorded: Recorded
    scopes: tuple[str, ...]


class Evidence:
    """Reads the trail by what it is about."""

    def __init__(
        self, *, catalogue: CatalogueStore, reviews: ReviewStore, state: StateStore
    ) -> None:
        self._catalogue = catalogue
        self._reviews = reviews
        self._state = state

    def of_releases(
        self, lives: Sequence[Life], releases: Sequence[Release]
    ) -> Mapping[int, Recorded]:
        """The entries of such releases of a name, in their order, by number."""
        if not releases:
            return {}
        name, (first, *_, last) = releases[0].deployment, (releases[0], *releases)
        until = last.released_at + _MEANWHILE
        wanted = Wanted(_MADE, frozenset({name}), since=first.released_at, until=until)
        return recorded_by_release(lives, self._state.entries(wanted))

    def of_version(self, place: Place) -> Admitted | None:
        """How a version left `pending`; None if it has not."""
        return self._admitted(place, self._decided({place}).get(place))

    def of_versions(
        self, named: Iterable[Place], models: Iterable[str], period: Period
    ) -> tuple[tuple[Admitted, ...], int]:
        """Of those, and of others of the models in the period; and how many of these are not there.

        In the order of their numbers.
        """
        decided, counted = self._decided(set(named)), 0
        for model in sorted({*models}):
            wanted = Wanted(
                _DECIDED, within=f"{model}/", since=period.since, until=period.until, most=MOST
            )
            counted += self._state.count(wanted)
            decided |= _by_place(self._state.entries(wanted))
        places = sorted({*named, *decided})
        found = (self._admitted(place, decided.get(place)) for place in places)
        listed = sum(period.holds(one.entry.at) for one in decided.values())
        return tuple(one for one in found if one is not None), max(0, counted - listed)

    def of_keys(self, lives: Sequence[Life], period: Period) -> tuple[tuple[KeyChanged, ...], int]:
        """Of keys of those lives alone, in the period; and how many changes are not there."""
        found: list[Recorded] = []
        counted = 0
        for life in lives:
            issued = KeysOf(life.deployment.name, life.began_at, life.deleted_at)
            wanted = Wanted(_KEYS, keys=issued, since=period.since, until=period.until, most=MOST)
            counted += self._state.count(wanted)
            found = [*found, *self._state.entries(wanted)][-MOST:]
        named = {one.entry.subject: one for one in found if one.entry.action is Action.ISSUE_KEY}
        missing = frozenset(one.entry.subject for one in found) - named.keys()
        if missing:
            before = self._state.entries(Wanted(frozenset({Action.ISSUE_KEY}), missing))
            named |= {one.entry.subject: one for one in before}
        found.sort(key=lambda one: one.sequence)
        return tuple(_key_changed(one, named.get(one.entry.subject)) for one in found), (
            counted - len(found)
        )

    def _decided(self, places: Iterable[Place]) -> dict[Place, Recorded]:
        subjects = frozenset(f"{model}/{number}" for model, number in places)
        if not subjects:
            return {}
        return _by_place(self._state.entries(Wanted(_DECIDED, subjects)))

    def _admitted(self, place: Place, recorded: Recorded | None) -> Admitted | None:
        version = self._catalogue.version(*place)
        if version is None or version.ruling is None:
            return None
        return Admitted(*place, version.ruling, self._review(place, recorded), recorded)

    def _review(self, place: Place, recorded: Recorded | None) -> str | None:
        """That was decided on, whatever was made since.

        An entry tells its file as `review`; those that were written before tell a number there, and
        the file as `file`. One that tells neither is from before reviews were demanded: then it is
        what was made until that moment, if nothing was made since.
        """
        if recorded is None:
            return None
        details = recorded.entry.details
        told = [details[name] for name in ("review", "file") if name in details]
        if told:
            return next((one for one in told if isinstance(one, str)), None)
        attempt = self._reviews.latest_made(*place)
        if attempt is None or attempt.made is None:
            return None
        return attempt.made.file if attempt.made.at <= recorded.entry.at else None


def _by_place(entries: Iterable[Recorded]) -> dict[Place, Recorded]:
    found: dict[Place, Recorded] = {}
    for one in entries:
        model, _, number = one.entry.subject.rpartition("/")
        if number.isdecimal():
            found[model, int(number)] = one
    return found


def _key_changed(changed: Recorded, issued: Recorded | None) -> KeyChanged:
    told: Mapping[str, object] = {} if issued is None else issued.entry.details
    scopes = told.get("scopes")
    known = tuple(map(str, scopes)) if isinstance(scopes, list | tuple) else ()
    return KeyChanged(str(told.get("name", "")), changed, known)
