"""Which version was main when: read off the releases, those of deleted deployments too."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from services.registry.domain.audit import Action, Recorded
from services.registry.domain.deployments import Deployment
from services.registry.domain.releases import Release


@dataclass(frozen=True, slots=True)
class Life:
    """One deployment of a name, from its first release until it was deleted."""

    deployment: Deployment
    deleted_at: datetime | None
    releases: tuple[Release, ...]
    """Ascending."""

    @property
    def began_at(self) -> datetime:
        """When it was made."""
        return self.releases[0].released_at

    def overlaps(self, since: datetime | None, until: datetime) -> bool:
        """Whether it was there at some time between."""
        ended_after = since is None or self.deleted_at is None or since < self.deleted_at
        return self.began_at < until and ended_after

    def runs_at(self, at: datetime) -> bool:
        """Whether it was there then."""
        return self.began_at <= at and (self.deleted_at is None or at < self.deleted_at)


@dataclass(frozen=True, slots=True)
class Reign:
    """A version was main from a release until another one took its place."""

    deployment: Deployment
    """Of the life that it was in, as that is or was in the end."""
    release: Release
    """That made it main."""
    until: datetime | None
    """None: it is still."""
    last: Release
    """The last in which it was main: challengers and policy may have changed meanwhile."""

    @property
    def since(self) -> datetime:
        """When it became main."""
        return self.release.released_at

    def overlaps(self, since: datetime | None, until: datetime | None) -> bool:
        """Whether some of it lies between."""
        begins_before = until is None or self.since < until
        return begins_before and (since is None or self.until is None or since < self.until)


def reigns(life: Life) -> Iterator[Reign]:
    """One after the other, without gaps."""
    deployment, made, last = life.deployment, life.releases[0], life.releases[0]
    for release in life.releases[1:]:
        if release.setting.main != made.setting.main:
            yield Reign(deployment, made, release.released_at, last)
            made = release
        last = release
    yield Reign(deployment, made, life.deleted_at, last)


def reign_at(lives: Sequence[Life], at: datetime) -> tuple[Life, Reign] | None:
    """The last that had begun by then, in a deployment that was there."""
    for life in reversed(lives):
        if life.runs_at(at):
            begun = [reign for reign in reigns(life) if reign.since <= at]
            return life, begun[-1]
    return None


def release_at(life: Life, at: datetime) -> Release:
    """The release that held at that moment, of a deployment that was there."""
    return [release for release in life.releases if release.released_at <= at][-1]


def recorded_by_release(lives: Sequence[Life], trail: Sequence[Recorded]) -> dict[int, Recorded]:
    """The entries of the lives' releases, by number, among those of a name.

    An entry of a release tells its number, which no two lives of a name share. That of a deployment
    that was made tells none, and belongs to the life that it was written in: no two overlap.
    """
    found: dict[int, Recorded] = {}
    for one in trail:
        if one.entry.action is Action.MAKE_DEPLOYMENT:
            begun = (life.releases[0].number for life in lives if life.runs_at(one.entry.at))
            number: object = next(begun, None)
        else:
            number = one.entry.details.get("release")
        if isinstance(number, int):
            found.setdefault(number, one)
    return found
