"""What can be shown years later: which version was main when, who decided so, on what evidence."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar

from services.registry.domain.audit import Recorded
from services.registry.domain.deployments import Deployment
from services.registry.domain.history import Life, Reign, reign_at, reigns, release_at
from services.registry.domain.releases import Release
from services.registry.operations.evidence import (
    MOST,
    Admitted,
    Evidence,
    KeyChanged,
    Period,
    Place,
)
from services.registry.operations.reach import Clock, not_found, require_able
from services.registry.operations.trail import Examinations, Walked
from services.registry.ports import CatalogueStore, DeploymentStore, StateStore
from services.registry.ports.review_store import ReviewStore
from understudy.contracts.refusals import Fault, FieldError, Refusal
from understudy.runtime.keys import Caller


class NoMainThenError(Refusal):
    """The deployment was not there at that moment."""

    fault: ClassVar = Fault.NOT_FOUND
    code: ClassVar = "no_main_then"


class NotYetError(Refusal):
    """A moment or a period that has not come."""

    code: ClassVar = "not_yet"


@dataclass(frozen=True, slots=True)
class Made:
    """A release, the deployment that it is of, and its entry."""

    deployment: Deployment
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
class Omitted:
    """How many of a period a report does not list: the oldest."""

    mains: int
    releases: int
    decisions: int
    keys: int


@dataclass(frozen=True, slots=True)
class Report:
    """What was done in a period."""

    life: Life
    since: datetime | None
    until: datetime
    made_at: datetime
    mains: tuple[Reign, ...]
    releases: tuple[Made, ...]
    decisions: tuple[Admitted, ...]
    keys: tuple[KeyChanged, ...]
    left_out: Omitted
    walked: Walked


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
        self._evidence = Evidence(catalogue=catalogue, reviews=reviews, state=state)
        self._examinations = Examinations(state, clock)
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
        (decision,) = self._made([(life, reign.release)])
        return MainThen(
            life=life,
            at=at,
            reign=reign,
            release_then=release_at(life, at),
            decision=decision,
            admission=self._evidence.of_version(_main(reign)),
        )

    def report(
        self, caller: Caller, name: str, since: datetime | None, until: datetime | None
    ) -> Report:
        """Raises NotFoundError, NotYetError when it begins after it ends, WalkedAlreadyError."""
        lives, now = self._lives(caller, name), self._clock()
        until = now if until is None else min(until, now)
        if since is not None and since > until:
            raise _not_yet("/since", since, until)
        period = Period(since, until)
        reigned = [one for life in lives for one in reigns(life) if one.overlaps(since, until)]
        released = [
            (life, one) for life in lives for one in life.releases if period.holds(one.released_at)
        ]
        mains, releases = reigned[-MOST:], released[-MOST:]
        named = {*map(_main, mains), *_named(releases)}
        there = [one for one in lives if one.overlaps(since, until)] or lives[-1:]
        models = {one.deployment.model for one in there}
        decisions, decisions_left = self._evidence.of_versions(named, models, period)
        keys, keys_left = self._evidence.of_keys(lives, period)
        left_out = Omitted(
            len(reigned) - len(mains), len(released) - len(releases), decisions_left, keys_left
        )
        return Report(
            life=lives[-1],
            since=since,
            until=until,
            made_at=now,
            mains=tuple(mains),
            releases=self._made(releases),
            decisions=decisions,
            keys=keys,
            left_out=left_out,
            walked=self._examinations.recent(),
        )

    def _lives(self, caller: Caller, name: str) -> Sequence[Life]:
        """Those that may be read: a deleted deployment may have been another project's.

        Who is limited to the deployment is limited to the one that is there: its project's.
        """
        lives = self._deployments.lives(name)
        own = lives[-1].deployment.project if lives and lives[-1].deleted_at is None else None

        def limits(project: str) -> str | None:
            return name if project == own else None

        found = [(one, one.deployment.project) for one in lives]
        reached = [(one, of) for one, of in found if caller.reaches(limits(of), of)]
        if not reached:
            raise not_found("deployment", name)
        readable = [one for one, of in reached if caller.able(limits(of), of)]
        if not readable:
            _, project = reached[-1]
            require_able(caller, "deployment", name, project=project, deployment=limits(project))
        return readable

    def _made(self, releases: Sequence[tuple[Life, Release]]) -> tuple[Made, ...]:
        lives = {one.releases[0].number: one for one, _ in releases}
        entries = self._evidence.of_releases([*lives.values()], [one for _, one in releases])
        return tuple(Made(life.deployment, one, entries.get(one.number)) for life, one in releases)


def _main(reign: Reign) -> Place:
    return reign.deployment.model, reign.release.setting.main


def _named(releases: Iterable[tuple[Life, Release]]) -> Iterable[Place]:
    for life, one in releases:
        for number in (one.setting.main, *one.setting.challengers):
            yield life.deployment.model, number


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
