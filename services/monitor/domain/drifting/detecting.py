"""Evidence of drift now: a pure function of a deployment's cells, the plan and the minute."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from services.monitor.domain.accounting import MINUTE
from services.monitor.domain.cells import Cell, CellId
from services.monitor.domain.drifting.planning import Plan
from services.monitor.domain.drifting.trail import Blocks, Trail
from services.monitor.domain.statistics.detector import Evidence, Suffixes
from services.monitor.domain.statistics.suffixes import suffix_sums
from understudy.contracts.vocabulary import DriftStrata
from understudy.profiles.arrays import Floats
from understudy.profiles.seasons import hours_of_week, strata_of


@dataclass(frozen=True, slots=True, eq=False)
class Detection:
    """What one look found."""

    plan: Plan
    minutes: NDArray[np.int64]
    """In which each start lies; empty before any rows."""
    suffixes: Floats
    """(starts, columns): all strata together."""
    evidence: Evidence | None
    """None before any rows."""


def trail_of(plan: Plan) -> Trail:
    """For the plan's blocks; strata change with the hour, so that bundles would mix them."""
    bundled = plan.strata is DriftStrata.NONE
    return Trail(plan.columns, plan.setup.reference.fingerprint, bundled=bundled)


def detect(plan: Plan, trail: Trail, cells: Mapping[CellId, Cell], now: float) -> Detection:
    """Look at all cells of the plan's reference."""
    blocks = trail.blocks(cells, int(now // MINUTE))
    if blocks is None:
        nothing = np.zeros((0, plan.columns.width))
        return Detection(plan, np.zeros(0, dtype=np.int64), nothing, None)
    sums = suffix_sums(blocks.vectors, blocks.starts)
    live = _alike(plan, sums) if plan.strata is DriftStrata.NONE else _by_stratum(plan, blocks)
    return Detection(
        plan=plan,
        minutes=blocks.minutes[blocks.starts],
        suffixes=sums,
        evidence=plan.detector.look(live, blocks.starts.size),
    )


def _alike(plan: Plan, sums: Floats) -> Suffixes:
    each = np.arange(len(sums))
    return Suffixes(plan.counted(sums), np.zeros(each.size, dtype=np.intp), each, each)


def _by_stratum(plan: Plan, blocks: Blocks) -> Suffixes:
    """Each stratum's sums: two starts with none of its blocks between them share one."""
    strata = strata_of(
        hours_of_week(np.asarray(blocks.minutes * MINUTE, dtype=np.float64)), plan.strata
    )
    vectors, of, starts, sums = [], list[int](), [], []
    for stratum in np.unique(strata[plan.judged[strata]]).tolist():
        places = np.flatnonzero(strata == stratum)
        begins = np.searchsorted(places, blocks.starts)
        some = np.flatnonzero(begins < places.size)
        distinct, which = np.unique(begins[some], return_inverse=True)
        starts.append(some)
        sums.append(which + len(of))
        of += [stratum] * distinct.size
        vectors.append(suffix_sums(blocks.vectors[places], distinct))
    if not vectors:
        return _none(plan)
    return Suffixes(
        plan.counted(np.concatenate(vectors)),
        np.array(of, dtype=np.intp),
        np.concatenate(starts),
        np.concatenate(sums),
    )


def _none(plan: Plan) -> Suffixes:
    nothing = np.zeros(0, dtype=np.intp)
    return Suffixes(plan.counted(np.zeros((0, plan.columns.width))), nothing, nothing, nothing)
