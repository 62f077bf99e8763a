"""What labels say of each deployment: quality, coverage, fairness, and whether meanings changed.

Everything is read off tallies anew; an answer is handed out again for some seconds.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, Final, TypeVar

from services.monitor.domain.deciding.judgement import ConceptReading
from services.monitor.domain.deciding.terms import Terms
from services.monitor.domain.outcomes.baseline import Baseline
from services.monitor.domain.outcomes.concept import Promise, read_concept
from services.monitor.domain.outcomes.coverage import coverage
from services.monitor.domain.outcomes.estimating import Expectation, expect
from services.monitor.domain.outcomes.fairness import fairness
from services.monitor.domain.outcomes.merging import reach
from services.monitor.domain.outcomes.quality import DAY, quality
from services.monitor.domain.outcomes.readings import CoverageView, FairnessView, QualityView
from services.monitor.domain.outcomes.reference_risk import reference_risk
from services.monitor.domain.outcomes.summing import Cohorts
from services.monitor.domain.outcomes.tallies import SCORE_BINS
from services.monitor.domain.outcomes.viewpoint import Viewpoint
from services.monitor.domain.readings import LabelFigures
from services.monitor.domain.reports import Span
from services.monitor.operations.fresh import Fresh
from services.monitor.operations.promising import Promising
from services.monitor.operations.sources import Sources
from services.monitor.operations.terms import known_terms, terms_of
from services.monitor.operations.watching import Watch
from services.monitor.ports import ChangeFinder
from understudy.contracts.registry import DeploymentSnapshot, ServedVersion
from understudy.contracts.vocabulary import Role
from understudy.profiles.arrays import Floats

Read = TypeVar("Read", QualityView, CoverageView, FairnessView, ConceptReading)

DAYS: Final = 7
"""That are looked at unless somebody asks for others."""
CONCEPT_DAYS: Final = 90
FRESH_SECONDS: Final = 15.0
_KEPT: Final = 64
"""Expectations that are held; the oldest goes first."""
_NEWEST_LOSSES: Final = 20_000
_TALLY_BYTES: Final = 32 * 1024**2
_BYTES_OF_CLASS: Final = 4 * 8 * SCORE_BINS
"""Of a version's tally, for each class: its histograms of scores."""
_FEWEST_COHORTS: Final = 200


def unweighed(_deployment: str, _served: ServedVersion) -> Floats | None:
    """Baselines as they are."""
    return None


Weights = Callable[[str, ServedVersion], Floats | None]
"""Of the rows of a version's baseline: how much more often their like comes now."""


class Appraising:
    """Reads what labels say; nothing of it is state."""

    def __init__(
        self,
        sources: Sources,
        changes: ChangeFinder,
        weights: Weights = unweighed,
    ) -> None:
        self._sources = sources
        self._outcomes = sources.outcomes
        self._changes = changes
        self._read = Fresh(FRESH_SECONDS, sources.clock)
        self._weights = weights
        self._promising = Promising(sources)
        self._expected: dict[tuple[str, str], tuple[int | None, Expectation | None]] = {}

    async def step(self, watch: Watch) -> None:
        """What metrics show of it."""
        deployment = watch.deployment
        watch.labelled = LabelFigures(
            quality=await self.quality(watch),
            coverage=await self.coverage(watch),
            fairness=await self.fairness(watch),
            promised=await self._promising.of(deployment),
        ).of_versions({deployment.main, *deployment.challengers})

    async def quality(self, watch: Watch, days: int = DAYS) -> QualityView:
        """Of each version, over that many days of predictions."""
        return await self._fresh(watch, ("quality", days), lambda: self._quality(watch, days))

    async def coverage(self, watch: Watch, days: int = DAYS) -> CoverageView:
        """How many of those predictions have labels, and which."""
        return await self._fresh(watch, ("coverage", days), lambda: self._coverage(watch, days))

    async def fairness(self, watch: Watch, days: int = DAYS) -> FairnessView:
        """How their answers differ between groups."""
        return await self._fresh(watch, ("fairness", days), lambda: self._fairness(watch, days))

    async def concept(self, watch: Watch) -> ConceptReading:
        """Of the main's predictions since it became main, `CONCEPT_DAYS` of them at most."""
        return await self._fresh(watch, ("concept", CONCEPT_DAYS), lambda: self._concept(watch))

    async def _quality(self, watch: Watch, days: int) -> QualityView:
        view, cohorts = await self._seen(watch.deployment, days)
        expected = {
            served.version: await self._expectation(
                watch.deployment.name, served, self._weights(watch.deployment.name, served)
            )
            for served in watch.deployment.versions
        }
        estimators = {version: one for version, one in expected.items() if one is not None}
        return await asyncio.to_thread(quality, view, cohorts, estimators)

    async def _coverage(self, watch: Watch, days: int) -> CoverageView:
        view, cohorts = await self._seen(watch.deployment, days)
        standing = await self._outcomes.standing(view.deployment)
        return await asyncio.to_thread(coverage, view, cohorts, standing)

    async def _fairness(self, watch: Watch, days: int) -> FairnessView:
        view, cohorts = await self._seen(watch.deployment, days)
        return await asyncio.to_thread(fairness, view, cohorts)

    async def _concept(self, watch: Watch) -> ConceptReading:
        deployment = watch.deployment
        view = await self._viewpoint(deployment, CONCEPT_DAYS)
        since = deployment.main_since or deployment.released_at
        cohorts = await self._outcomes.tallies(view.deployment, view.since)
        promise = await self._promise(deployment, view, since.timestamp())
        return await asyncio.to_thread(read_concept, view, cohorts, promise)

    async def _promise(
        self, deployment: DeploymentSnapshot, view: Viewpoint, main_since: float
    ) -> Promise:
        served = deployment.version(deployment.main)
        found = await self._sources.references.baseline(served)
        doubted = found is not None and found.optimistic
        baseline = None if doubted else found
        matured = Span(main_since, view.now - view.terms.horizon_seconds)
        newest = await self._outcomes.newest_losses(
            view.deployment, view.main, matured, _NEWEST_LOSSES
        )
        return Promise(
            risk=None
            if baseline is None
            else await asyncio.to_thread(reference_risk, baseline, view.target, view.terms),
            tolerance=deployment.policy.judging.rails.risk_tolerance,
            expectation=None if doubted else await self._expectation(deployment.name, served),
            changed_at=await asyncio.to_thread(self._changes.last_change, newest),
            trained_at=None if served.trained_at is None else served.trained_at.timestamp(),
            doubted=doubted,
        )

    async def _expectation(
        self, deployment: str, served: ServedVersion, weights: Floats | None = None
    ) -> Expectation | None:
        """Calibrated once for each baseline, and anew when its weights change."""
        if served.baseline is None:
            return None
        name = (deployment if weights is not None else "", served.baseline.file)
        weighed = None if weights is None else hash(weights.tobytes())
        held = self._expected.get(name)
        if held is None or held[0] != weighed:
            baseline = await self._sources.references.baseline(served)
            held = weighed, await asyncio.to_thread(_expected, baseline, weights)
            self._expected.pop(name, None)
            _make_room(self._expected)
            self._expected[name] = held
        return held[1]

    async def _seen(self, deployment: DeploymentSnapshot, days: int) -> tuple[Viewpoint, Cohorts]:
        view = await self._viewpoint(deployment, days)
        cohorts = await self._outcomes.tallies(view.deployment, view.since)
        return view, {
            cohort: held
            for cohort, held in cohorts.items()
            if cohort.release >= deployment.first_release
        }

    async def _viewpoint(self, deployment: DeploymentSnapshot, days: int) -> Viewpoint:
        """From the beginning of a day in UTC, or as far back as tallies fit into memory."""
        now, references = self._sources.clock(), self._sources.references
        main = deployment.version(deployment.main)
        terms = await terms_of(deployment, main, references)
        return Viewpoint(
            deployment=deployment.name,
            release=deployment.release,
            main=deployment.main,
            roles={
                **dict.fromkeys(deployment.challengers, Role.CHALLENGER),
                deployment.main: Role.MAIN,
            },
            target=main.signature.target,
            terms=terms,
            known=await known_terms(deployment, references),
            now=now,
            since=max((now // DAY - days + 1) * DAY, _reach(deployment, terms, now)),
            main_release=deployment.main_release,
        )

    async def _fresh(
        self, watch: Watch, what: tuple[str, int], read: Callable[[], Awaitable[Read]]
    ) -> Read:
        """What was read some seconds ago of the same release, or anew."""
        return await self._read.get((watch.deployment.name, watch.deployment.release, *what), read)


def _reach(deployment: DeploymentSnapshot, terms: Terms, now: float) -> float:
    """From when on all mature cohorts together take no more than `_TALLY_BYTES`."""
    classes = max(1, len(deployment.version(deployment.main).signature.target.classes))
    of_one = len(deployment.versions) * classes * _BYTES_OF_CLASS
    most = max(_FEWEST_COHORTS, _TALLY_BYTES // of_one)
    return reach(terms.horizon_seconds, terms.cohort_seconds, now, most)


def _expected(baseline: Baseline | None, weights: Floats | None) -> Expectation | None:
    return None if baseline is None else expect(baseline, weights)


def _make_room(held: dict[Any, Any]) -> None:
    """For one more; the oldest goes first."""
    while len(held) >= _KEPT:
        del held[next(iter(held))]
