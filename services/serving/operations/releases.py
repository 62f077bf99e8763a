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

_LOADS_AT_ONCE = 2


class Releases:
    """Takes up releases. One that can't be loaded leaves the old one in place and says so."""

    def __init__(
        self, serving: Serving, library: Library, metrics: ServingMetrics, instance: str
    ) -> None:
        self._serving = serving
        self._library = library
        self._metrics = metrics
        self._instance = instance
        self._loads = asyncio.Semaphore(_LOADS_AT_ONCE)
        self._log = structlog.stdlib.get_logger("releases")
        self.ready = False
        """Whether a snapshot was taken up, as far as its models can be loaded."""

    async def take_up(self, snapshot: Snapshot) -> bool:
        """Serve what the snapshot wants; False when a release could not be loaded."""
        # Access and removals hold at once; releases as soon as their models are warm.
        self._serving.table = self._serving.table.wanted(
            [_wanted(deployment) for deployment in snapshot.deployments]
        )
        results = await asyncio.gather(
            *(self._take_up_one(d, snapshot.trusted_types) for d in snapshot.deployments)
        )
        self._library.keep([(d.model, served) for d in snapshot.deployments for served in _warm(d)])
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
        async with self._loads:
            try:
                await self._switch(wanted, trusted)
                # Not needed in order to answer, but in order to go back without a wait.
                for former in _warm(wanted)[1:]:
                    await self._library.load(wanted.model, former, trusted)
            except Exception as error:  # noqa: BLE001 - whatever a model or a download raises
                self._note_failure(wanted, error)
                return False
            return True

    async def _switch(self, wanted: DeploymentSnapshot, trusted: Sequence[str]) -> None:
        found = self._serving.table.find(wanted.name)
        if found is None or found.current:
            return
        main = await self._library.load(wanted.model, wanted.version(wanted.main), trusted)
        live = Live(wanted.release, main, wanted.challengers)
        self._serving.table = self._serving.table.having(replace(found, live=live, failure=None))
        self._note_switch(wanted, first=not self.ready)

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
        reason = f"{type(error).__name__}: {error}"[:500]
        self._log.error(
            "release_not_loaded",
            deployment=wanted.name,
            release=wanted.release,
            reason=reason,
            exc_info=error,
        )
        found = self._serving.table.find(wanted.name)
        if found is not None and not found.current:
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
