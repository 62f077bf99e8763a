"""What can be shown years later: which version was main when, who decided so, on what evidence."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar, Final

from services.registry.domain.audit import Action, Recorded, Wanted
from services.registry.domain.history import (
    Life,
    Reign,
    recorded_by_release,
    reign_at,
    reigns,
    release_at,
)
from services.registry.domain.releases import Release
from services.registry.domain.verifying import Examination, examined
from services.registry.domain.versions import Ruling
from services.registry.operations.reach import Clock, not_found, require_able
from services.registry.ports import CatalogueStore, DeploymentStore, StateStore
from services.registry.ports.review_store import ReviewStore
from understudy.contracts.refusals import Fault, FieldError, Refusal
from understudy.runtime.keys import Caller

_MADE: Final = frozenset({Action.MAKE_DEPLOYMENT, Action.RELEASE})
_KEYS: Final = frozenset({Action.ISSUE_KEY, Action.REVOKE_KEY})
_MOST: Final = 1_000
"""Releases of a report."""


class NoMainThenError(Refusal):
    """The deployment was not there at that moment."""

    fault: ClassVar = Fault.NOT_FOUND
    code: ClassVar = "no_main_then"


class NotYetError(Refusal):
    """A moment or a period that has not come."""

    code: ClassVar = "not_yet"


@dataclass(frozen=True, slots=True)
class Admitted:
    """How a version left `pending`."""

    version: int
    ruling: Ruling
    review: str | None
    recorded: Recorded | None


@dataclass(frozen=True, slots=True)
class Made:
    """A release and its entry."""

    release: Release
    recorded: Recorded | None


@dataclass(frozen=True, slots=True)
class MainThen:
    """What was main at a moment."""

    life: Life
    at: datetime
    reign: Reign
    release_then: Release
    decision: Made
    admission: Admitted | None


@dataclass(frozen=True, slots=True)
class KeyChanged:
    """A key was issued or revoked."""

    name: str
    recorded: Recorded
    scopes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Report:
    """What was done in a period."""

    life: Life
    since: datetime | None
    until: datetime
    made_at: datetime
    mains: tuple[Reign, ...]
    releases: tuple[Made, ...]
    left_out: int
    decisions: tuple[Admitted, ...]
    keys: tuple[KeyChanged, ...]
    examination: Examination


class History:
    """Read off releases and the trail; deployments that were deleted included."""

    def __init__(
        self,
        *,
        deployments: DeploymentStore,
        catalogue: CatalogueStore,
        reviews: ReviewStore,
        state: StateStore,
        clock: Clock,
    ) -> None:
        self._deployments = deployments
        self._catalogue = catalogue
        self._reviews = reviews
        self._state = state
        self._clock = clock

    def main_at(self, caller: Caller, name: str, at: datetime | None) -> MainThen:
        """Raises NotFoundError, NoMainThenError, or NotYetError."""
        lives, now = self._lives(caller, name), self._clock()
        at = now if at is None else at
        if at > now:
            raise _not_yet("/at", at, now)
        found = reign_at(lives, at)
        if found is None:
            raise NoMainThenError(_why_none(name, lives, at))
        life, reign = found
        made = recorded_by_release(lives, self._trail(name))
        model, version = life.deployment.model, reign.release.setting.main
        return MainThen(
            life=life,
            at=at,
            reign=reign,
            release_then=release_at(life, at),
            decision=Made(reign.release, made.get(reign.release.number)),
            admission=self._admitted(model, version, self._decided(model, [version])),
        )

    def report(
        self, caller: Caller, name: str, since: datetime | None, until: datetime | None
    ) -> Report:
        """Raises NotFoundError, or NotYetError for a period that begins after it ends, or now."""
        lives, now = self._lives(caller, name), self._clock()
        until = now if until is None else min(until, now)
        if since is not None and since > until:
            raise _not_yet("/since", since, until)
        entries = recorded_by_release(lives, self._trail(name))
        all_mains = [reign for life in lives for reign in reigns(life)]
        mains = tuple(reign for reign in all_mains if reign.overlaps(since, until))
        releases = [one for life in lives for one in life.releases if _in(one, since, until)]
        named = {reign.release.setting.main for reign in mains}
        for release in releases:
            named |= {release.setting.main, *release.setting.challengers}
        with self._state.chain() as chain:
            examination = examined(chain)
        kept = releases[-_MOST:]
        return Report(
            life=lives[-1],
            since=since,
            until=until,
            made_at=now,
            mains=mains,
            releases=tuple(Made(one, entries.get(one.number)) for one in kept),
            left_out=len(releases) - len(kept),
            decisions=self._decisions(lives, named, since, until),
            keys=tuple(self._keys(name, since, until)),
            examination=examination,
        )

    def _lives(self, caller: Caller, name: str) -> Sequence[Life]:
        """Those within reach: a deleted deployment may have been another project's."""
        lives = self._deployments.lives(name)
        reached = [one for one in lives if caller.reaches(name, one.deployment.project)]
        if not reached:
            raise not_found("deployment", name)
        require_able(
            caller,
            "deployment",
            name,
            project=reached[-1].deployment.project,
            deployment=name,
        )
        return reached

    def _trail(self, name: str) -> Sequence[Recorded]:
        return self._state.entries(Wanted(_MADE, frozenset({name})))

    def _decisions(
        self, lives: Sequence[Life], named: set[int], since: datetime | None, until: datetime
    ) -> tuple[Admitted, ...]:
        model = lives[-1].deployment.model
        decided = self._decided(model)
        lately = {
            number
            for number, one in decided.items()
            if (since is None or since <= one.entry.at) and one.entry.at < until
        }
        found = (self._admitted(model, number, decided) for number in sorted(named | lately))
        return tuple(one for one in found if one is not None)

    def _decided(self, model: str, versions: Iterable[int] | None = None) -> dict[int, Recorded]:
        """The entries of decisions, by version."""
        subjects = None if versions is None else frozenset(f"{model}/{one}" for one in versions)
        wanted = Wanted(frozenset({Action.DECIDE_VERSION}), subjects, within=f"{model}/")
        found = self._state.entries(wanted)
        return {int(one.entry.subject.rpartition("/")[2]): one for one in found}

    def _admitted(self, model: str, number: int, decided: dict[int, Recorded]) -> Admitted | None:
        version = self._catalogue.version(model, number)
        if version is None or version.ruling is None:
            return None
        recorded = decided.get(number)
        return Admitted(number, version.ruling, self._review(model, number, recorded), recorded)

    def _review(self, model: str, number: int, recorded: Recorded | None) -> str | None:
        """As the entry tells; otherwise what was made before, if nothing was made since."""
        told = None if recorded is None else recorded.entry.details.get("review")
        if isinstance(told, str):
            return told
        attempt = self._reviews.latest_made(model, number)
        if attempt is None or attempt.made is None or recorded is None:
            return None
        return attempt.made.file if attempt.made.at <= recorded.entry.at else None

    def _keys(self, name: str, since: datetime | None, until: datetime) -> Iterable[KeyChanged]:
        issued: dict[str, Recorded] = {}
        for one in self._state.entries(Wanted(_KEYS, until=until)):
            entry = one.entry
            if entry.action is Action.ISSUE_KEY and entry.details.get("deployment") == name:
                issued[entry.subject] = one
            began = issued.get(entry.subject)
            if began is None or (since is not None and entry.at < since):
                continue
            told, scopes = began.entry.details, began.entry.details.get("scopes")
            known = tuple(map(str, scopes)) if isinstance(scopes, list | tuple) else ()
            yield KeyChanged(str(told.get("name", "")), one, known)


def _in(release: Release, since: datetime | None, until: datetime) -> bool:
    return (since is None or since <= release.released_at) and release.released_at < until


def _not_yet(field: str, at: datetime, limit: datetime) -> NotYetError:
    detail = f"{at.isoformat()} is after {limit.isoformat()}, up to which anything is known."
    return NotYetError(detail, FieldError(field, detail))


def _why_none(name: str, lives: Sequence[Life], at: datetime) -> str:
    first = lives[0].releases[0].released_at
    if at < first:
        why = f"its first release was made at {first.isoformat()}"
    else:
        gone = max(one.deleted_at for one in lives if one.deleted_at and one.deleted_at <= at)
        why = f"it was deleted at {gone.isoformat()}"
    return f"'{name}' had no main at {at.isoformat()}: {why}."
