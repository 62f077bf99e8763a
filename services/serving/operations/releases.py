"""Moves this process towards the registry's snapshot: load what is new, then switch."""

import asyncio
import time
from collections.abc import Sequence
from dataclasses import replace

import structlog

from services.serving.domain.table import Deployment, Live
from services.serving.metrics import ServingMetrics
from services.serving.operations.answers import Serving
from services.serving.ports import Library
from understudy.contracts.registry import (
    DeploymentSnapshot,
    FollowerReport,
    ServedVersion,
    Snapshot,
)
from understudy.contracts.vocabulary import Component


class Releases:
    """Takes up releases. One that can't be loaded leaves the old one in place and says so."""

    def __init__(
        self, serving: Serving, library: Library, metrics: ServingMetrics, instance: str
    ) -> None:
        self._serving = serving
        self._library = library
        self._metrics = metrics
        self._instance = instance
        self._mains: dict[str, tuple[str, ServedVersion]] = {}
        """Model and version that answer, by deployment."""
        self._log = structlog.stdlib.get_logger("releases")
        self.ready = False
        """Whether a snapshot was taken up, as far as its models can be loaded."""

    async def take_up(self, snapshot: Snapshot) -> bool:
        """Serve what the snapshot wants; False when a release could not be loaded."""
        # Access and removals hold at once; releases as soon as their models are warm. When this
        # is cut off for a newer snapshot, the library goes on with what it has begun to load.
        self._serving.table = self._serving.table.wanted(
            [_wanted(deployment) for deployment in snapshot.deployments]
        )
        results = await asyncio.gather(
            *(self._take_up_one(d, snapshot.trusted_types) for d in snapshot.deployments)
        )
        self._keep(snapshot)
        self.ready = True
        return all(results)

    def report(self) -> FollowerReport:
        """What the registry is told."""
        table = self._serving.table
        return FollowerReport(
            instance=self._instance,
            component=Component.SERVING,
            releases=table.releases,
            failures=table.failures,
        )

    async def _take_up_one(self, wanted: DeploymentSnapshot, trusted: Sequence[str]) -> bool:
        try:
            await self._switch(wanted, trusted)
        except Exception as error:  # noqa: BLE001 - whatever a model or a download raises
            self._note_failure(wanted, error)
            return False
        await self._warm_former(wanted, trusted)
        return True

    async def _warm_former(self, wanted: DeploymentSnapshot, trusted: Sequence[str]) -> None:
        """Not needed in order to answer, but in order to go back without a wait."""
        for former in _warm(wanted)[1:]:
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
        self._mains[wanted.name] = (wanted.model, served)
        self._serving.table = self._serving.table.having(replace(found, live=live, failure=None))
        self._note_switch(wanted, first=not self.ready)

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
        self._library.keep([*wanted, *self._mains.values()])

    def _note_switch(self, wanted: DeploymentSnapshot, *, first: bool) -> None:
        released_at = wanted.released_at.timestamp()
        self._metrics.released(wanted.name, wanted.release, wanted.main, released_at)
        if not first:
            self._metrics.switched(wanted.name, max(0.0, time.time() - released_at))
        self._log.info(
            "release_taken_up",
            deployment=wanted.name,
            release=wanted.release,
            version=wanted.main,
        )

    def _note_failure(self, wanted: DeploymentSnapshot, error: Exception) -> None:
        self._metrics.not_loaded(wanted.name)
        reason = _reason(error)
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


def _wanted(snapshot: DeploymentSnapshot) -> Deployment:
    return Deployment(
        name=snapshot.name,
        project=snapshot.project,
        model=snapshot.model,
        access=snapshot.access,
        description=snapshot.description,
        release=snapshot.release,
    )


def _warm(snapshot: DeploymentSnapshot) -> list[ServedVersion]:
    """The main version, and the one before it."""
    former = snapshot.previous_main
    numbers = [snapshot.main] if former is None else [snapshot.main, former]
    return [snapshot.version(number) for number in dict.fromkeys(numbers)]


def _reason(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"[:500]
