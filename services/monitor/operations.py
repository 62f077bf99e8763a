"""What the monitor does: watch each deployment's log, say what it found, make a report of it.

A watch holds an immutable state and replaces it after each commit, so that whoever reads it, from
any thread, sees one moment.
"""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

import structlog

from services.monitor.domain.accounting import Delivery, State, account
from services.monitor.domain.assessing import Setting, assess
from services.monitor.domain.errors import (
    NothingObservedError,
    NotReadyError,
    ReportDeadlineError,
    UnknownDeploymentError,
)
from services.monitor.domain.readings import Assessment, Figures
from services.monitor.domain.reference import Reference
from services.monitor.domain.rules import Rules
from services.monitor.domain.windows import latest_window
from services.monitor.metrics import MonitorMetrics
from services.monitor.ports import CellStore, EventLog, References, ReportOrder, Reports
from understudy.contracts.registry import DeploymentSnapshot, Snapshot
from understudy.contracts.vocabulary import Scope
from understudy.runtime.following import Follower
from understudy.runtime.keys import Caller, ForbiddenError

Clock = Callable[[], float]
"""Seconds since the epoch."""

_MOST_LOOKS: Final = 50
"""In one step; then the loop comes round, so that a long backlog shows its progress."""


@dataclass(frozen=True, slots=True)
class Sources:
    """Where a watch reads and writes."""

    log: EventLog
    store: CellStore
    references: References
    metrics: MonitorMetrics
    rules: Rules
    clock: Clock


class Watch:
    """One deployment: what is known of it, and the step that makes it more."""

    def __init__(self, deployment: DeploymentSnapshot, sources: Sources) -> None:
        self._sources = sources
        self._reference: Reference | None = None
        self._state: State | None = None
        self._caught_up_at = sources.clock()
        self._log = structlog.stdlib.get_logger().bind(deployment=deployment.name)
        self.deployment = deployment
        self.ready_release: int | None = None
        """The release whose reference is loaded."""
        self.failure: str | None = None
        """Why it is not."""

    async def step(self) -> None:
        """Read the log to its end, or a good piece of it, committing after each look."""
        for _ in range(_MOST_LOOKS):
            reference = await self._take_up_release()
            state = await self._held_state()
            delivery = await self._sources.log.read(self.deployment.name, state.positions)
            await self._apply(state, delivery, reference)
            if not delivery.more:
                self._caught_up_at = self._sources.clock()
                break
        self._sources.metrics.stepped(self._sources.clock())

    def assess(self) -> Assessment:
        """The readings of the latest window. Raises NotReadyError."""
        state, reference, deployment = self._state, self._reference, self.deployment
        if state is None or reference is None:
            raise NotReadyError(
                f"The monitor has not read the state of {deployment.name} yet.", retry_after=1.0
            )
        rules, now = self._sources.rules, self._sources.clock()
        window = latest_window(state.cells, reference, now, rules.window_minutes)
        setting = Setting(deployment.name, deployment.release, deployment.main)
        return assess(setting, window, reference, state.totals, rules)

    def figures(self) -> Figures | None:
        """All that metrics show; None while there is no state to show."""
        state = self._state
        if state is None or self._reference is None:
            return None
        lag = max(0.0, self._sources.clock() - self._caught_up_at)
        return Figures(self.assess(), state.totals, lag)

    async def _take_up_release(self) -> Reference:
        deployment = self.deployment
        try:
            served = deployment.version(deployment.main)
            reference = await self._sources.references.profile(served)
        except Exception as error:
            self.failure = f"reference sample of version {deployment.main}: {error!r}"[:500]
            raise
        self._reference, self.failure = reference, None
        self.ready_release = deployment.release
        return reference

    async def _held_state(self) -> State:
        """The state in memory while the stored one has the same positions, else the stored one."""
        stored = await self._sources.store.positions(self.deployment.name)
        held = self._state
        if held is None or held.positions != stored:
            self._state = await self._sources.store.load(self.deployment.name)
            self._log.info(
                "state_loaded" if held is None else "state_reloaded",
                positions=self._state.positions,
                expected=held.positions if held else None,
                cells=len(self._state.cells),
            )
            return self._state
        return held

    async def _apply(self, state: State, delivery: Delivery, current: Reference) -> None:
        if delivery.positions == state.positions:
            return
        references = await self._references_of(delivery)
        change = await asyncio.to_thread(
            account,
            state,
            delivery,
            lambda main: references.get(main, current),
            self._sources.rules,
            self._sources.clock(),
        )
        if await self._sources.store.commit(self.deployment.name, change):
            self._state = state.after(change)
        else:
            # Somebody else was here, or the store was emptied: the next look starts from it.
            self._sources.metrics.commit_refused(self.deployment.name)
            self._log.warning("commit_refused", expected=change.before)

    async def _references_of(self, delivery: Delivery) -> Mapping[int, Reference]:
        """Of the mains in the delivery that the snapshot still (or already) knows."""
        return {
            served.version: await self._sources.references.profile(served)
            for served in self.deployment.versions
            if served.version in delivery.mains
        }


class Monitoring:
    """All watches, and who may see them."""

    def __init__(self, follower: Follower, sources: Sources) -> None:
        self._follower = follower
        self._sources = sources
        self.watches: dict[str, Watch] = {}
        self.changed = asyncio.Event()
        """Set when a watch came or went."""
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
        self.changed.set()

    def caller(self, key: str | None) -> Caller:
        """Who presents the key. Raises UnauthenticatedError, or NotReadyError before any is known.

        Nobody is let in before the first snapshot.
        """
        if self._follower.snapshot is None:
            raise NotReadyError("The monitor has no snapshot of the registry yet.", retry_after=1.0)
        return self._follower.keys.authenticate(key, datetime.fromtimestamp(self.now(), UTC))

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
        """Of every deployment that has some."""
        found = (watch.figures() for watch in tuple(self.watches.values()))
        return [figures for figures in found if figures is not None]

    def missing(self) -> dict[str, str]:
        """What keeps the process from being ready."""
        known = self._follower.snapshot is not None
        return {} if known else {"snapshot": "the registry has not given a snapshot yet"}

    def now(self) -> float:
        """Seconds since the epoch."""
        return self._sources.clock()


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
