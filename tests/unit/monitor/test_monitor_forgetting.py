"""Facts are kept as long as the setting says, and at least until they have matured."""

from dataclasses import replace

import numpy as np
import pytest

from services.monitor.domain.outcomes.facts import Incoming
from services.monitor.domain.rows import PredictionRows, Responses
from services.monitor.operations.forgetting import Forgetting, Retention
from tests.fakes.outcome_facts import BEGAN, NAME, TARGETS, terms_of
from tests.fakes.outcomes import MemoryOutcomes

pytestmark = pytest.mark.anyio

DAY = 86_400.0


@pytest.mark.parametrize(("horizon_days", "kept"), [(1.0, 0), (30.0, 1)])
async def test_what_may_still_be_labelled_in_time_is_kept(horizon_days: float, kept: int) -> None:
    terms = replace(terms_of("regression"), horizon_seconds=horizon_days * DAY)
    rows = PredictionRows(
        *(1, 1, ["a"], np.array([BEGAN]), np.zeros(1), {}, Responses(np.array([3.0])))
    )
    memory = MemoryOutcomes(lambda: BEGAN)
    await memory.apply(Incoming(NAME, TARGETS["regression"], terms, [rows]))
    retention = Retention(outcomes_days=10.0, protected_days=10.0)
    await Forgetting(memory, retention, lambda: BEGAN + 20 * DAY).step()
    assert sum(len(found.ids) for found in await memory.joined(NAME, ["a"])) == kept
