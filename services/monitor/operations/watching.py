"""One deployment's log: read it on, count it, say what was found.

A watch holds an immutable state and replaces it after each commit, so that whoever reads it, from
any thread, sees one moment.
"""

import asyncio
from collections.abc import Mapping
from typing import Final, Never

import structlog

from services.monitor.domain.accounting import Delivery, State, account
from services.monitor.domain.assessing import Setting, assess
from services.monitor.domain.cells import Cell, CellId
from services.monitor.domain.deciding.judgement import Judgement
from services.monitor.domain.drifting.history import DriftHistory, drift_history
from services.monitor.domain.drifting.interactions import with_interaction
from services.monitor.domain.drifting.telling import DriftReading
from services.monitor.domain.errors import LabelsElsewhereError, LeaseLostError, NotReadyError
from services.monitor.domain.outcomes.baseline import Baseline
from services.monitor.domain.probes import Probe
from services.monitor.domain.readings import Assessment, Figures, LabelFigures
from services.monitor.domain.windows import Window, latest_window
from services.monitor.operations.distributing import Distributing
from services.monitor.operations.drifting import Drifting
from services.monitor.operations.effort import Effort
from services.monitor.operations.incoming import beginnings_of, incoming_of
from services.monitor.operations.sources import Sources
from understudy.contracts.registry import DeploymentSnapshot, ServedVersion
from understudy.profiles.reference import Reference

_STANDING_BY_SECONDS: Final = 30.0
"""Between two reloads of what another monitor stores meanwhile: weeks of cells, each time."""
_MOST_LOOKS: Final = 50
"""In one step; then the loop comes round, so that a long backlog shows its progress."""


class Watch:
    """One deployment: what is known of it, and the step that makes it more."""

    def __init__(self, deployment: DeploymentSnapshot, sources: Sources) -> None:
        self._sources = sources
        self._reference: Reference | None = None
        self._baselines: Mapping[int, Baseline] = {}
        self._state: State | None = None
        self._loaded_at = float("-inf")
        self._caught_up_at = sources.clock()
        self._drifting = Drifting(sources)
        self._distributing = Distributing(sources.rules.distributions)
        self._log = structlog.stdlib.get_logger().bind(deployment=deployment.name)
        self.deployment = deployment
        self.probe: Probe | None = None
        """Of changed interactions, as it was left by the last look."""
        self.ready_release: int | None = None
        """The release whose reference is loaded."""
        self.failure: str | None = None
        """Why it is not."""
        self.judged: Judgement | None = None
        """What was concluded last."""
        self.labelled = LabelFigures()
        """What was last read off labelled rows, for metrics."""
        self.effort = Effort()
        """What went into it here."""

    async def step(self) -> None:
        """Read the log to its end, or a good piece of it, committing after each look."""
        for _ in range(_MOST_LOOKS):
            reference = await self._take_up_release()
            await self._own_labels()
            state = await self._held_state()
            delivery = await self._sources.log.read(self.deployment.name, state.positions)
            with self.effort.spent():
                await self._apply(state, delivery, reference)
            if not delivery.more:
                self._caught_up_at = self._sources.clock()
                break
        await self._look_for_drift(reference)
        self._sources.metrics.stepped(self._sources.clock())

    async def stand_by(self) -> None:
        """See now and then what the monitor that works on it has stored; nothing is changed."""
        reference = await self._take_up_release()
        await self._own_labels()
        if not 0 <= self._sources.clock() - self._loaded_at < _STANDING_BY_SECONDS:
            await self._held_state(alone=False)
        await self._look_for_drift(reference)

    def assess(self) -> Assessment:
        """The readings of the latest window. Raises NotReadyError."""
        state, reference = self._state, self._reference
        if state is None or reference is None:
            raise self._unread()
        return self._assessed(state, reference, self._window(state, reference))

    def cells(self) -> Mapping[CellId, Cell]:
        """What was counted of its minutes and hours. Raises NotReadyError."""
        if self._state is None:
            raise self._unread()
        return self._state.cells

    def drift(self) -> DriftReading:
        """What drifted, as of the last look. Raises NotReadyError."""
        reading = self._drifting.reading
        if reading is None:
            raise NotReadyError(
                f"The monitor has not looked at {self.deployment.name} yet.", retry_after=1.0
            )
        return with_interaction(reading, self.probe)

    def drift_history(self) -> DriftHistory:
        """Drift of each feature hour by hour. Raises NotReadyError."""
        state, reference = self._state, self._reference
        if state is None or reference is None:
            raise self._unread()
        name = self.deployment.name
        return drift_history(name, state.cells, reference, self._sources.rules.drift_rows)

    def figures(self) -> Figures | None:
        """All that metrics show; None while there is no state to show."""
        state, reference = self._state, self._reference
        if state is None or reference is None:
            return None
        window = self._window(state, reference)
        drift = None if self._drifting.reading is None else self.drift()
        return Figures(
            assessment=self._assessed(state, reference, window),
            totals=state.totals,
            lag_seconds=max(0.0, self._sources.clock() - self._caught_up_at),
            judgement=self.judged,
            labelled=self.labelled,
            drift=drift,
            distributions=self._distributing.read(reference, window.cell.counts, drift),
            seconds=self.effort.seconds,
        )

    def _window(self, state: State, reference: Reference) -> Window:
        minutes = self._sources.rules.window_minutes
        return latest_window(state.cells, reference, self._sources.clock(), minutes)

    def _assessed(self, state: State, reference: Reference, window: Window) -> Assessment:
        deployment, rules = self.deployment, self._sources.rules
        setting = Setting(deployment.name, deployment.release, deployment.main)
        return assess(setting, window, reference, state.totals, rules, baselines=self._baselines)

    def _unread(self) -> NotReadyError:
        name = self.deployment.name
        why = self.failure or f"The monitor has not read the state of {name} yet."
        return NotReadyError(why, retry_after=1.0)

    async def _take_up_release(self) -> Reference:
        deployment = self.deployment
        try:
            served = deployment.version(deployment.main)
            reference = await self._profile(served)
        except Exception as error:
            self.failure = f"reference sample of version {deployment.main}: {error!r}"[:500]
            raise
        self._baselines = await self._baselines_of(deployment)
        self._reference = reference
        return reference

    async def _own_labels(self) -> None:
        """See that labels are in our store; else nothing is shown, judged or done from it."""
        name, ours = self.deployment.name, await self._sources.outcomes.identity()
        holder = await self._sources.store.outcomes(name)
        if holder not in {None, ours}:
            self._labels_elsewhere(LabelsElsewhereError(name, holder))
        self.failure, self.ready_release = None, self.deployment.release

    def _labels_elsewhere(self, error: LabelsElsewhereError) -> Never:
        self._state, self.judged, self.labelled = None, None, LabelFigures()
        self.ready_release = None
        self._sources.metrics.labels_elsewhere(self.deployment.name)
        if self.failure != str(error):
            self._log.error("labels_elsewhere", problem=str(error))
        self.failure = str(error)
        raise error

    async def _held_state(self, *, alone: bool = True) -> State:
        """The state in memory while the stored one has the same positions, else the stored one.

        Who works alone on a deployment seldom finds another one stored; who stands by always does.
        """
        stored = await self._sources.store.positions(self.deployment.name)
        held = self._state
        if held is None or held.positions != stored:
            self._state = await self._sources.store.load(self.deployment.name)
            self._loaded_at = self._sources.clock()
            tell = self._log.info if alone else self._log.debug
            tell(
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
            beginnings_of(self.deployment),
        )
        if not self._sources.holds(self.deployment.name):
            raise LeaseLostError(f"{self.deployment.name} is another monitor's by now")
        # Before: what is committed is not read again, while facts may come again.
        incoming = await incoming_of(self.deployment, delivery, self._sources.references)
        await self._sources.outcomes.apply(incoming)
        ours = await self._sources.outcomes.identity()
        if await self._sources.store.commit(self.deployment.name, change, ours):
            self._state = state.after(change)
        else:
            # Somebody else was here, or the store was emptied: the next look starts from it.
            self._sources.metrics.commit_refused(self.deployment.name)
            self._log.warning("commit_refused", expected=change.before)

    async def _look_for_drift(self, reference: Reference) -> None:
        if self._state is not None:
            with self.effort.spent():
                await self._drifting.look(self.deployment, reference, self._state.cells)

    async def _profile(self, served: ServedVersion) -> Reference:
        entity = self.deployment.policy.judging.drift.entity
        return await self._sources.references.profile(served, entity)

    async def _references_of(self, delivery: Delivery) -> Mapping[int, Reference]:
        """Of the mains in the delivery that the snapshot still (or already) knows."""
        return {
            served.version: await self._profile(served)
            for served in self.deployment.versions
            if served.version in delivery.mains
        }

    async def _baselines_of(self, deployment: DeploymentSnapshot) -> Mapping[int, Baseline]:
        """Of the versions that were measured when they were registered."""
        found = {
            served.version: await self._sources.references.baseline(served)
            for served in deployment.versions
        }
        return {version: baseline for version, baseline in found.items() if baseline is not None}
