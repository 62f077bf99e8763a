"""Looks for features that go together otherwise than in the reference, now and then.

Off the loop that counts: each look takes the newest window of rows after the last look, so a busy
log is sampled and not followed. What taught the classifiers lives in this process alone; after a
restart the first window teaches and is not bet on, while evidence and position are those stored.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final, Protocol

import structlog

from services.monitor.domain.probes import FreshRows, Probe, told_pairs, window_table
from services.monitor.domain.rows import PredictionRows
from services.monitor.domain.statistics.association import Comparison
from services.monitor.domain.statistics.coding import feature_coding, table_of
from services.monitor.domain.statistics.interaction import (
    HISTORIES,
    Wealth,
    Yardstick,
    look,
    yardstick,
)
from services.monitor.operations.sources import Sources
from services.monitor.ports import ProbeStore
from understudy.contracts.registry import DeploymentSnapshot, ServedVersion
from understudy.profiles.columns import Column

_FEWEST_FEATURES: Final = 2
_FEWEST_REFERENCE_ROWS: Final = 200


@dataclass(frozen=True, slots=True)
class ProbeTerms:
    """What one look takes."""

    rows: int
    features: int
    reference_rows: int


class Watched(Protocol):
    """A watch, as far as the probe knows it."""

    deployment: DeploymentSnapshot
    probe: Probe | None


@dataclass(slots=True, eq=False)
class _Bench:
    """What is held for one deployment between looks."""

    reference: str
    measure: Yardstick | None
    """None: the reference has no two features that can be judged, or too few rows."""
    history: deque[Comparison] = field(default_factory=lambda: deque(maxlen=max(HISTORIES)))


class Probing:
    """One look at each deployment in turn."""

    def __init__(
        self,
        watches: Callable[[], Mapping[str, Watched]],
        sources: Sources,
        store: ProbeStore,
        terms: ProbeTerms,
    ) -> None:
        self._watches = watches
        self._sources = sources
        self._store = store
        self._terms = terms
        self._benches: dict[str, _Bench] = {}

    async def step(self) -> None:
        """All deployments; one in trouble stops no other."""
        watches = dict(self._watches())
        for name in self._benches.keys() - watches.keys():
            del self._benches[name]
        for name, watch in watches.items():
            try:
                watch.probe = await self._look(watch.deployment)
            except Exception as error:  # noqa: BLE001 - whatever Redis, the registry or a file does
                self._sources.metrics.probe_failed(name)
                structlog.stdlib.get_logger().warning(
                    "probe_failed", deployment=name, error=type(error).__name__
                )

    async def _look(self, deployment: DeploymentSnapshot) -> Probe:
        served = deployment.version(deployment.main)
        stored = await self._store.load(deployment.name) or Probe(served.reference)
        probe = stored if stored.reference == served.reference else _anew(stored, served)
        fresh = await self._sources.log.newest_after(
            deployment.name, probe.position, self._terms.rows
        )
        if fresh.rows < self._terms.rows:
            return probe
        bench = await self._bench(deployment.name, served)
        entries = _comparable(deployment, served, fresh)
        seen = await asyncio.to_thread(
            self._seen, bench, entries, probe, deployment.policy.judging.drift.entity
        )
        seen = replace(seen, position=fresh.position, looked_at=self._sources.clock())
        if not await self._store.commit(deployment.name, stored.position, seen):
            # Somebody else was quicker with these rows.
            return await self._store.load(deployment.name) or probe
        return seen

    @staticmethod
    def _seen(
        bench: _Bench, entries: Sequence[PredictionRows], probe: Probe, entity: str | None
    ) -> Probe:
        measure = bench.measure
        if measure is None or not entries:
            return probe
        window = window_table(measure.codings, entries, entity)
        found = look(measure, [*bench.history], probe.wealth, window, taught_at=probe.window_at)
        bench.history.append(found.taught)
        return replace(
            probe,
            wealth=found.wealth,
            pairs=told_pairs(measure.codings, found.pairs),
            window_at=float(min(entry.at.min() for entry in entries)),
        )

    async def _bench(self, name: str, served: ServedVersion) -> _Bench:
        held = self._benches.get(name)
        if held is None or held.reference != served.reference:
            wanted = _judged_features(served, self._terms.features)
            columns = await self._sources.references.columns(
                served, wanted, self._terms.reference_rows
            )
            measure = await asyncio.to_thread(_measure, columns)
            held = self._benches[name] = _Bench(served.reference, measure)
        return held


def _measure(columns: Mapping[str, Column]) -> Yardstick | None:
    found = (feature_coding(name, column) for name, column in columns.items())
    codings = [coding for coding in found if coding is not None]
    rows = max(map(len, columns.values()), default=0)
    if len(codings) < _FEWEST_FEATURES or rows < _FEWEST_REFERENCE_ROWS:
        return None
    return yardstick(codings, table_of(codings, columns, rows))


def _judged_features(served: ServedVersion, most: int) -> list[str]:
    """The most important ones where that was measured, else the first."""
    weights = {} if served.baseline is None else served.baseline.importances
    names = sorted(served.signature.names, key=lambda name: -weights.get(name, 0.0))
    return names[:most]


def _comparable(
    deployment: DeploymentSnapshot, served: ServedVersion, fresh: FreshRows
) -> list[PredictionRows]:
    """Rows of mains with the same reference; a promotion to another one begins anew."""
    mains = {one.version for one in deployment.versions if one.reference == served.reference}
    return [entry for entry in fresh.entries if entry.main in mains]


def _anew(stored: Probe, served: ServedVersion) -> Probe:
    """Another reference: what was won against the former one says nothing."""
    return Probe(served.reference, position=stored.position, wealth=Wealth())
