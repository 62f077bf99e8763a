"""Reports for people: made one at a time, handed out again for a while."""

import asyncio
from dataclasses import dataclass

from services.monitor.domain.errors import NothingObservedError, ReportDeadlineError
from services.monitor.operations.sources import Sources
from services.monitor.ports import ReportOrder, Reports
from understudy.contracts.registry import DeploymentSnapshot


@dataclass(frozen=True, slots=True)
class ReportTerms:
    """What reports are made under."""

    rows: int
    deadline_seconds: float
    cache_seconds: float
    most_kept: int = 4


class Reporting:
    """Makes pages, one at a time; a page is handed out again for a while."""

    def __init__(self, sources: Sources, reports: Reports, terms: ReportTerms) -> None:
        self._sources = sources
        self._reports = reports
        self._terms = terms
        self._making = asyncio.Lock()
        self._made: dict[tuple[str, int], tuple[float, bytes]] = {}

    async def page(self, deployment: DeploymentSnapshot) -> bytes:
        """The report of the newest rows. Raises NothingObservedError, ReportDeadlineError."""
        # One that is there waits for no other that is being made.
        return self._fresh(deployment) or await self._made_in_turn(deployment)

    async def _made_in_turn(self, deployment: DeploymentSnapshot) -> bytes:
        try:
            async with asyncio.timeout(self._terms.deadline_seconds), self._making:
                return self._fresh(deployment) or await self._make(deployment)
        except TimeoutError as error:
            raise ReportDeadlineError(
                f"The report was not ready within {self._terms.deadline_seconds:g} s.",
                retry_after=30.0,
            ) from error

    def _fresh(self, deployment: DeploymentSnapshot) -> bytes | None:
        made_at, page = self._made.get((deployment.name, deployment.release), (0.0, b""))
        age = self._sources.clock() - made_at
        return page if page and age < self._terms.cache_seconds else None

    async def _make(self, deployment: DeploymentSnapshot) -> bytes:
        seconds = self._sources.rules.window_minutes * 60.0
        rows = await self._sources.log.newest(deployment.name, self._terms.rows, seconds)
        if not rows:
            raise NothingObservedError(
                f"{deployment.name} has not answered any predictions yet: nothing to report on."
            )
        served = deployment.version(deployment.main)
        order = ReportOrder(
            title=f"{deployment.name}: release {deployment.release}, main {deployment.main}",
            signature=served.signature,
            reference=await self._sources.references.file(served),
            rows=rows,
            most_rows=self._terms.rows,
        )
        page = await self._reports.render(order, self._terms.deadline_seconds)
        self._keep(deployment, page)
        return page

    def _keep(self, deployment: DeploymentSnapshot, page: bytes) -> None:
        self._made.pop((deployment.name, deployment.release), None)
        while len(self._made) >= self._terms.most_kept:
            del self._made[next(iter(self._made))]
        self._made[deployment.name, deployment.release] = (self._sources.clock(), page)
