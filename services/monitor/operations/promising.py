"""What versions promised when they were registered: computed once for each baseline."""

import asyncio
from typing import Final

from services.monitor.domain.outcomes.promised import promised_quality
from services.monitor.domain.outcomes.readings import Metrics, PromisedQuality
from services.monitor.operations.sources import Sources
from services.monitor.operations.terms import terms_of
from understudy.contracts.registry import DeploymentSnapshot, ServedVersion

_KEPT: Final = 256
"""Baselines whose metrics are held; the oldest goes first."""


class Promising:
    """Reads baselines."""

    def __init__(self, sources: Sources) -> None:
        self._sources = sources
        self._held: dict[str, Metrics] = {}

    async def of(self, deployment: DeploymentSnapshot) -> tuple[PromisedQuality, ...]:
        """The main and its challengers; without those that promised nothing."""
        found = list[PromisedQuality]()
        for served in deployment.versions:
            role, metrics = deployment.role_of(served.version), await self._of(deployment, served)
            if role is not None and metrics:
                found.append(PromisedQuality(deployment.name, served.version, role, metrics))
        return tuple(found)

    async def _of(self, deployment: DeploymentSnapshot, served: ServedVersion) -> Metrics:
        if served.baseline is None:
            return {}
        name = served.baseline.file
        if name not in self._held:
            baseline = await self._sources.references.baseline(served)
            terms = await terms_of(deployment, served, self._sources.references)
            while len(self._held) >= _KEPT:
                del self._held[next(iter(self._held))]
            self._held[name] = (
                {}
                if baseline is None
                else await asyncio.to_thread(promised_quality, baseline, terms.scale)
            )
        return self._held[name]
