"""The immutable table of what this process answers. A switch replaces the table as a whole."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace

from services.serving.domain.scoring import Loaded
from understudy.contracts.policy import Policy
from understudy.contracts.signature import Signature
from understudy.contracts.vocabulary import AccessLevel


@dataclass(frozen=True, slots=True)
class Live:
    """A release that can answer."""

    release: int
    main: Loaded
    challengers: tuple[int, ...]
    """Versions that owe a pair for each row answered under this release."""
    policy: Policy = field(default_factory=Policy)


@dataclass(frozen=True, slots=True)
class Asleep:
    """A release whose main version was unloaded; the next request has it loaded again."""

    release: int
    version: int
    signature: Signature
    challengers: tuple[int, ...]
    policy: Policy

    def awake(self, main: Loaded) -> Live:
        """The release, with its main version in memory again."""
        return Live(self.release, main, self.challengers, self.policy)


@dataclass(frozen=True, slots=True)
class Deployment:
    """What the registry wants served, and the release that really is: an older one at times."""

    name: str
    project: str
    model: str
    access: AccessLevel
    description: str
    release: int
    live: Live | None = None
    failure: str | None = None
    """Why `release` is not the live one."""
    asleep: Asleep | None = None
    """What answers after a wait; None while there is a `live` release."""
    versions: tuple[int, ...] = ()
    """Versions that the registry names with it: main, challengers, and those of late."""

    @property
    def answering(self) -> int | None:
        """The release that answers, at once or after a wait."""
        if self.live is not None:
            return self.live.release
        return None if self.asleep is None else self.asleep.release

    @property
    def current(self) -> bool:
        """Whether the wanted release answers."""
        return self.answering == self.release

    def sent_to_sleep(self) -> "Deployment":
        """The same without a model in memory."""
        live = self.live
        if live is None:
            return self
        main = live.main
        asleep = Asleep(live.release, main.version, main.signature, live.challengers, live.policy)
        return replace(self, live=None, asleep=asleep)


@dataclass(frozen=True, slots=True, weakref_slot=True)
class Table:
    """All deployments by name."""

    deployments: Mapping[str, Deployment] = field(default_factory=dict)

    def __iter__(self) -> Iterator[Deployment]:
        return iter(self.deployments.values())

    def find(self, name: str) -> Deployment | None:
        """The deployment of that name."""
        return self.deployments.get(name)

    def having(self, deployment: Deployment) -> "Table":
        """The table with that deployment added or replaced."""
        return Table({**self.deployments, deployment.name: deployment})

    def wanted(self, deployments: "list[Deployment]") -> "Table":
        """The table of those deployments, each with the release that answers so far."""
        return Table({new.name: _heir(new, self.find(new.name)) for new in deployments})

    @property
    def asleep(self) -> frozenset[str]:
        """Deployments that answer once their model is loaded again."""
        return frozenset(found.name for found in self if found.asleep is not None)

    @property
    def awake(self) -> frozenset[str]:
        """Deployments whose model is in memory."""
        return frozenset(found.name for found in self if found.live is not None)

    @property
    def releases(self) -> dict[str, int]:
        """Which release answers, by deployment."""
        found = ((deployment.name, deployment.answering) for deployment in self)
        return {name: release for name, release in found if release is not None}

    @property
    def failures(self) -> dict[str, str]:
        """Why a wanted release does not answer, by deployment."""
        return {d.name: d.failure for d in self if d.failure is not None}


def _heir(new: Deployment, old: Deployment | None) -> Deployment:
    if old is None or old.model != new.model:
        return new
    failure = old.failure if old.release == new.release else None
    return replace(new, live=old.live, asleep=old.asleep, failure=failure)
