"""Which cohorts a comparison reads: those of its releases, however they were merged."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
import pytest

from services.monitor.domain.deciding.comparison import Contest
from services.monitor.domain.deciding.concluding import Rival, contest
from services.monitor.domain.outcomes.facts import Incoming
from services.monitor.domain.outcomes.tallies import CohortId, CohortTally
from services.monitor.domain.rows import LabelRows, PairRows, PredictionRows, Responses
from tests.fakes.outcome_facts import BEGAN, NAME, TARGETS, terms_of
from tests.fakes.outcomes import MemoryOutcomes

pytestmark = pytest.mark.anyio

TARGET, TERMS = TARGETS["binary"], terms_of("binary")
DAY = 86_400.0
LATER = BEGAN + 20 * DAY
MAIN, CHALLENGER = 1, 2


def said(yes: float, rows: int) -> Responses:
    chances = np.tile([1 - yes, yes], (rows, 1))
    return Responses(np.full(rows, float(yes > 0.5)), chances, TARGET.classes)


def answered(release: int, main: int, at: Sequence[float]) -> tuple[PredictionRows, PairRows]:
    ids, times = [f"{release}-{time}" for time in at], np.array(at)
    nothing = np.full(times.size, np.nan)
    own, other = said(0.6, times.size), said(0.7, times.size)
    rows = PredictionRows(release, main, ids, times, nothing, {}, own)
    beside, ok = 3 - main, ["ok"] * times.size
    return rows, PairRows(
        release, main, beside, ids, times, own, other, nothing, ok, nothing, nothing
    )


async def told(*parts: tuple[PredictionRows, PairRows]) -> MemoryOutcomes:
    memory = MemoryOutcomes(lambda: LATER)
    ids = [name for rows, _ in parts for name in rows.ids]
    nothing = (None,) * len(ids)
    labels = LabelRows(tuple(ids), ("yes",) * len(ids), (BEGAN + 5.0,) * len(ids), nothing, nothing)
    await memory.apply(
        Incoming(
            NAME,
            TARGET,
            TERMS,
            [rows for rows, _ in parts],
            [pairs for _, pairs in parts],
            [labels],
        )
    )
    return memory


def of(cohorts: Mapping[CohortId, CohortTally], rival: Rival, main: int = MAIN) -> Contest:
    return contest(rival, main, TERMS, cohorts, LATER)


async def test_merging_takes_no_evidence_away() -> None:
    """The comparison begins in the middle of an hour and of a day."""
    memory = await told(
        answered(1, MAIN, [BEGAN + 10.0 * n for n in range(30)]),
        answered(2, MAIN, [BEGAN + 305.0 + 10.0 * n for n in range(30)]),
    )
    rival = Rival(CHALLENGER, 2, BEGAN + 305.0)
    before = of(await memory.tallies(NAME, rival.since), rival)
    for days in (0.3, 1.0, 6.0):
        newest, _ = answered(2, MAIN, [BEGAN + days * DAY])
        await memory.apply(Incoming(NAME, TARGET, TERMS, [newest]))
        cohorts = await memory.tallies(NAME, rival.since)
        after = of(cohorts, rival)
        assert dict(after.matured.sparse()) == dict(before.matured.sparse())
        assert replace(after, matured=before.matured) == before
    assert before.matured.rows == 30
    assert DAY in {cohort.seconds for cohort in cohorts}


async def test_who_comes_back_begins_anew() -> None:
    """A is main, B is, and A again, on the same terms and on one day."""
    memory = await told(
        answered(1, MAIN, [BEGAN + n for n in range(40)]),
        answered(2, CHALLENGER, [BEGAN + 100.0 + n for n in range(20)]),
        answered(3, MAIN, [BEGAN + 200.0 + n for n in range(10)]),
        answered(4, MAIN, [BEGAN + 300.0 + n for n in range(5)]),
    )
    cohorts = await memory.tallies(NAME, 0.0)
    assert of(cohorts, Rival(CHALLENGER, 1, BEGAN)).matured.rows == 55
    assert of(cohorts, Rival(CHALLENGER, 3, BEGAN + 200.0)).matured.rows == 15
    assert of(cohorts, Rival(MAIN, 2, BEGAN + 100.0), CHALLENGER).matured.rows == 20
