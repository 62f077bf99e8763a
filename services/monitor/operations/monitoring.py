"""All watches, and who may see them."""

import asyncio
from datetime import UTC, datetime

from services.monitor.domain.errors import NotReadyError, UnknownDeploymentError
from services.monitor.domain.readings import Figures
from services.monitor.operations.sources import Sources
from services.monitor.operations.watching import Watch
from understudy.contracts.registry import Snapshot
from understudy.contracts.vocabulary import Scope
from understudy.runtime.following import Follower
from understudy.runtime.keys import Caller, ForbiddenError
from understudy.runtime.uses import Uses


class Monitoring:
    """All watches, and who may see them."""

    def __init__(self, follower: Follower, sources: Sources) -> None:
        self._follower = follower
        self._sources = sources
        self.watches: dict[str, Watch] = {}
        self.changed = asyncio.Event()
        """Set when a watch came or went."""
        self.uses = Uses()
        """Of keys that were let in."""
        follower.subscribe(self.adopt)

    def adopt(self, snapshot: Snapshot) -> None:
        """Have one watch for each deployment of the snapshot."""
        wanted = {deployment.name: deployment for deployment in snapshot.deployments}
        for name in self.watches.keys() - wanted.keys():
            del self.watches[name]
            self._sources.metrics.forget(name)
        for name, deployment in wanted.items():
            if name in self.watches:
                self.watches[name].deployment = deployment
            else:
                self.watches[name] = Watch(deployment, self._sources)
                self._sources.metrics.begins(name)
        self.changed.set()

    def caller(self, key: str | None) -> Caller:
        """Who presents the key. Raises UnauthenticatedError, or NotReadyError before any is known.

        Nobody is let in before the first snapshot.
        """
        self.ready()
        now = datetime.fromtimestamp(self.now(), UTC)
        caller = self._follower.keys.authenticate(key, now)
        self.uses.note(caller.actor, now)
        return caller

    def ready(self) -> None:
        """Raises NotReadyError before any deployment and any key is known."""
        if self._follower.snapshot is None:
            raise NotReadyError("The monitor has no snapshot of the registry yet.", retry_after=1.0)

    def readable(self, key: str | None, name: str) -> Watch:
        """The deployment's watch, for a key that may read it.

        Raises UnknownDeploymentError also for one that the key does not reach.
        """
        caller, watch = self.caller(key), self.watches.get(name)
        if watch is None or not caller.reaches(name, watch.deployment.project):
            raise UnknownDeploymentError(f"There is no deployment named {name!r}.")
        if not caller.may(Scope.READ, deployment=name, project=watch.deployment.project):
            raise ForbiddenError("The key does not carry the scope 'read'.")
        return watch

    def scrapable(self, key: str | None) -> None:
        """Let a key see the metrics, or refuse."""
        if not self.caller(key).may(Scope.METRICS):
            raise ForbiddenError("The key does not carry the scope 'metrics' for all deployments.")

    def figures(self) -> list[Figures]:
        """Of every deployment that has some and is ours: shown once, whoever adds up."""
        found = (watch.figures() for watch in self.held().values())
        return [figures for figures in found if figures is not None]

    def held(self) -> dict[str, Watch]:
        """The watches that are this monitor's to work on."""
        return {name: watch for name, watch in self.watches.items() if self._sources.holds(name)}

    def missing(self) -> dict[str, str]:
        """What keeps the process from being ready; what once was there is not missed later."""
        found = {}
        if self._follower.snapshot is None:
            found["snapshot"] = "the registry has not given a snapshot yet"
        if not self._sources.reached():
            found["redis"] = "Redis has not answered yet"
        return found

    @property
    def window_seconds(self) -> float:
        """How long the latest window is."""
        return self._sources.rules.window_minutes * 60.0

    def now(self) -> float:
        """Seconds since the epoch."""
        return self._sources.clock()
