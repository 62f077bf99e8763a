"""Moves this process towards the registry's snapshot: load what is new, then switch."""

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace

import structlog

from services.serving.domain.errors import NotLoadedError
from services.serving.domain.scoring import Loaded
from services.serving.domain.table import Asleep, Deployment, Live
from services.serving.metrics import ServingMetrics
from services.serving.operations.answers import Serving
from services.serving.operations.failures import Failures
from services.serving.operations.memory import Memory
from services.serving.ports import Library, ModelKey, key_of
from understudy.contracts.registry import (
    DeploymentSnapshot,
    FollowerReport,
    ServedVersion,
    Snapshot,
)
from understudy.contracts.vocabulary import Component


@dataclass(frozen=True, slots=True)
class _Main:
    """What answers for a deployment, and all that is needed to load it again."""

    model: str
    served: ServedVersion
    trusted: tuple[str, ...]

    @property
    def key(self) -> ModelKey:
        return key_of(self.model, self.served)


class Releases:
    """Takes up releases. One that can't be loaded leaves the old one in place and says so."""

    def __init__(
        self,
        serving: Serving,
        library: Library,
        metrics: ServingMetrics,
        instance: str,
        *,
        memory: Memory | None = None,
        failures: Failures | None = None,
        wake_seconds: float = 10.0,
    ) -> None:
        self._serving = serving
        self._library = library
        self._metrics = metrics
        self._instance = instance
        self._memory = memory or Memory(library, metrics)
        self._failures = failures or Failures()
        self._wake_seconds = wake_seconds
        self._mains: dict[str, _Main] = {}
        """By deployment."""
        self._log = structlog.stdlib.get_logger("releases")
        serving.wake = self.wake
        self.ready = False
        """Whether a snapshot was taken up, as far as its models can be loaded."""

    async def take_up(self, snapshot: Snapshot) -> bool:
        """Serve what the snapshot wants; False when a release could not be loaded."""
        # Access and removals hold at once; releases as soon as their models are warm. When this
        # is cut off for a newer snapshot, the library goes on with what it has begun to load.
        self._serving.table = self._serving.table.wanted(
            [_wanted(deployment) for deployment in snapshot.deployments]
        )
        self._failures.keep([deployment.name for deployment in snapshot.deployments])
        self._metrics.knows(deployment.name for deployment in snapshot.deployments)
        results = await asyncio.gather(
            *(self._take_up_one(d, snapshot.trusted_types) for d in snapshot.deployments)
        )
        self._keep(snapshot)
        self._fit()
        self.ready = True
        return all(results)

    async def wake(self, name: str) -> Live:
        """The release of a deployment whose model was unloaded, loaded again.

        Raises NotLoadedError when that takes too long (it goes on), or is impossible.
        """
        found, main = self._serving.table.find(name), self._mains.get(name)
        if found is None or main is None or found.asleep is None:
            return _live(name, found)
        try:
            async with asyncio.timeout(self._wake_seconds):
                loaded = await self._library.load(main.model, main.served, main.trusted)
        except TimeoutError as error:
            self._metrics.capacity.woken("late")
            raise NotLoadedError(name) from error
        except Exception as error:
            self._metrics.capacity.woken("failed")
            self._log.exception("model_not_woken", deployment=name, reason=_reason(error))
            raise NotLoadedError(name, failed=True) from error
        return self._awaken(name, found.asleep, main, loaded)

    def report(self) -> FollowerReport:
        """What the registry is told."""
        table = self._serving.table
        return FollowerReport(
            instance=self._instance,
            component=Component.SERVING,
            releases=table.releases,
            failures=table.failures,
            used=dict(self._serving.uses.untold()),
        )

    def told(self, report: FollowerReport) -> None:
        """The registry has taken a report."""
        self._serving.uses.told(report.used)

    def _awaken(self, name: str, asleep: Asleep, main: _Main, loaded: Loaded) -> Live:
        found = self._serving.table.find(name)
        # Others may have waited for the same load, or a switch may have come meanwhile.
        if found is None or found.asleep is not asleep:
            return _live(name, found)
        live = asleep.awake(loaded)
        self._serving.table = self._serving.table.having(replace(found, live=live, asleep=None))
        loaded.use.at = time.perf_counter()
        self._metrics.capacity.woken("loaded")
        self._fit(main.key)
        return live

    async def _take_up_one(self, wanted: DeploymentSnapshot, trusted: Sequence[str]) -> bool:
        if not self._failures.due(wanted, trusted):
            return False
        try:
            await self._switch(wanted, trusted)
        except Exception as error:  # noqa: BLE001 - whatever a model or a download raises
            self._note_failure(wanted, trusted, error)
            return False
        self._failures.forget(wanted.name)
        await self._warm_former(wanted, trusted)
        return True

    async def _warm_former(self, wanted: DeploymentSnapshot, trusted: Sequence[str]) -> None:
        """Not needed in order to answer, but in order to go back without a wait."""
        found = self._serving.table.find(wanted.name)
        if found is None or found.live is None:
            return
        for former in _warm(wanted)[1:]:
            held = key_of(wanted.model, former) in self._library.loaded()
            if not held and not self._memory.has_room_for(found.live.main.size_bytes):
                continue
            try:
                await self._library.load(wanted.model, former, trusted)
            except Exception as error:  # noqa: BLE001 - whatever a model or a download raises
                self._log.warning(
                    "former_main_not_warm",
                    deployment=wanted.name,
                    version=former.version,
                    reason=_reason(error),
                )

    async def _switch(self, wanted: DeploymentSnapshot, trusted: Sequence[str]) -> None:
        if self._awaited(wanted) is None:
            return
        served = wanted.version(wanted.main)
        main = await self._library.load(wanted.model, served, trusted)
        # Access may have changed meanwhile, or the release may be out of date.
        found = self._awaited(wanted)
        if found is None:
            return
        live = Live(wanted.release, main, wanted.challengers, wanted.policy)
        self._mains[wanted.name] = _Main(wanted.model, served, (*trusted,))
        main.use.at = time.perf_counter()
        switched = replace(found, live=live, asleep=None, failure=None)
        self._serving.table = self._serving.table.having(switched)
        self._note_switch(wanted, main, first=not self.ready)
        self._fit(key_of(wanted.model, served))

    def _awaited(self, wanted: DeploymentSnapshot) -> Deployment | None:
        """The deployment, while it waits for this release."""
        found = self._serving.table.find(wanted.name)
        if found is None or found.current:
            return None
        return found if (found.model, found.release) == (wanted.model, wanted.release) else None

    def _keep(self, snapshot: Snapshot) -> None:
        """Let go of what neither answers nor is wanted."""
        table = self._serving.table
        self._mains = {name: main for name, main in self._mains.items() if table.find(name)}
        wanted = [(d.model, served) for d in snapshot.deployments for served in _warm(d)]
        self._memory.expect(
            {d.name: [key_of(d.model, served) for served in _warm(d)] for d in snapshot.deployments}
        )
        self._library.keep([*wanted, *((main.model, main.served) for main in self._mains.values())])

    def _fit(self, spared: ModelKey | None = None) -> None:
        """Let go of models that there is no room for; what they answered for goes to sleep."""
        mains = {name: main.key for name, main in self._mains.items()}
        gone = self._memory.fit(mains, spared)
        table = self._serving.table
        for name, key in mains.items():
            found = table.find(name)
            if key in gone and found is not None:
                table = table.having(found.sent_to_sleep())
        if gone:
            self._serving.table = table

    def _note_switch(self, wanted: DeploymentSnapshot, main: Loaded, *, first: bool) -> None:
        released_at = wanted.released_at.timestamp()
        self._metrics.begins(wanted.name, wanted.main)
        self._metrics.released(wanted.name, wanted.release, wanted.main, released_at)
        if not first:
            self._metrics.switched(wanted.name, max(0.0, time.time() - released_at))
        if main.compiled_unused is not None:
            self._metrics.capacity.compiled_unused(main.compiled_unused)
        self._log.info(
            "release_taken_up",
            deployment=wanted.name,
            release=wanted.release,
            version=wanted.main,
            runner=main.runner_name,
            compiled_unused=main.compiled_unused,
        )

    def _note_failure(
        self, wanted: DeploymentSnapshot, trusted: Sequence[str], error: Exception
    ) -> None:
        self._metrics.not_loaded(wanted.name)
        reason = _reason(error)
        if self._failures.note(wanted, trusted, reason):
            self._log.error(
                "release_not_loaded",
                deployment=wanted.name,
                release=wanted.release,
                reason=reason,
                exc_info=error,
            )
        if (found := self._awaited(wanted)) is not None:
            failed = replace(found, failure=reason)
            self._serving.table = self._serving.table.having(failed)


def _live(name: str, found: Deployment | None) -> Live:
    if found is None or found.live is None:
        raise NotLoadedError(name, failed=found is not None and found.failure is not None)
    return found.live


def _wanted(snapshot: DeploymentSnapshot) -> Deployment:
    return Deployment(
        name=snapshot.name,
        project=snapshot.project,
        model=snapshot.model,
        access=snapshot.access,
        description=snapshot.description,
        release=snapshot.release,
        versions=tuple(served.version for served in snapshot.versions),
    )


def _warm(snapshot: DeploymentSnapshot) -> list[ServedVersion]:
    """The main version, and the one before it."""
    former = snapshot.previous_main
    numbers = [snapshot.main] if former is None else [snapshot.main, former]
    return [snapshot.version(number) for number in dict.fromkeys(numbers)]


def _reason(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"[:500]
