"""Looking for drift in one deployment: after each step over its log, off the event loop."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from services.monitor.domain.cells import Cell, CellId, Speaker
from services.monitor.domain.drifting.baselines import output_baseline
from services.monitor.domain.drifting.detecting import Detection, detect, trail_of
from services.monitor.domain.drifting.planning import Plan, Setup, plan_drift
from services.monitor.domain.drifting.telling import DriftReading, tell
from services.monitor.domain.drifting.trail import Trail
from services.monitor.domain.outcomes.baseline import Baseline
from services.monitor.operations.sources import Sources
from understudy.contracts.registry import DeploymentSnapshot
from understudy.contracts.vocabulary import Role, class_name
from understudy.profiles.reference import Reference

Cells = Mapping[CellId, Cell]


@dataclass(slots=True, eq=False)
class _Held:
    """What is made once for a release, and the sums that a look leaves for the next."""

    release: int
    plan: Plan
    trail: Trail


class _Found:
    """One look; to tell all of it takes longer than to look."""

    def __init__(self, deployment: DeploymentSnapshot, found: Detection, now: float) -> None:
        self._deployment = deployment
        self._found = found
        self._now = now

    @cached_property
    def reading(self) -> DriftReading:
        """Computed once."""
        return tell(self._deployment.name, self._deployment.release, self._found, self._now)


class Drifting:
    """One deployment's detector; its readings are a function of the cells alone."""

    def __init__(self, sources: Sources) -> None:
        self._sources = sources
        self._held: _Held | None = None
        self._seen: tuple[Cells, int] | None = None
        self._found: _Found | None = None

    async def look(
        self, deployment: DeploymentSnapshot, reference: Reference, cells: Cells
    ) -> None:
        """Look, unless nothing has changed since the last look and the minute is the same."""
        now = self._sources.clock()
        held = await self._prepared(deployment, reference)
        minute = int(now // 60)
        if self._seen is not None and self._seen[0] is cells and self._seen[1] == minute:
            return
        found = await asyncio.to_thread(detect, held.plan, held.trail, cells, now)
        self._found = _Found(deployment, found, now)
        self._seen = cells, minute

    @property
    def reading(self) -> DriftReading | None:
        """As of the last look, told when it is first asked for; None before the first."""
        return None if self._found is None else self._found.reading

    async def _prepared(self, deployment: DeploymentSnapshot, reference: Reference) -> _Held:
        held = self._held
        if held is None or (held.release, held.plan.setup.reference) != (
            deployment.release,
            reference,
        ):
            plan = plan_drift(await self._setup(deployment, reference))
            held = self._held = _Held(deployment.release, plan, trail_of(plan))
            self._seen = None
        return held

    async def _setup(self, deployment: DeploymentSnapshot, reference: Reference) -> Setup:
        served = deployment.version(deployment.main)
        measured = served.baseline
        known = await self._baselines(deployment)
        return Setup(
            reference=reference,
            terms=deployment.policy.judging.drift,
            classes=tuple(class_name(label) for label in served.signature.target.classes),
            baselines={
                speaker: output_baseline(baseline, reference.output)
                for speaker, baseline in known.items()
                if not baseline.optimistic
            },
            importances={} if measured is None else measured.importances,
            doubted=tuple(v for (_, v), baseline in known.items() if baseline.optimistic),
        )

    async def _baselines(self, deployment: DeploymentSnapshot) -> dict[Speaker, Baseline]:
        """Of the versions that have one; others' answers are not watched."""
        speakers = [
            (Role.MAIN, deployment.main),
            *((Role.CHALLENGER, version) for version in deployment.challengers),
        ]
        found: dict[Speaker, Baseline] = {}
        for speaker in speakers:
            answers = await self._sources.references.baseline(deployment.version(speaker[1]))
            if answers is not None:
                found[speaker] = answers
        return found
