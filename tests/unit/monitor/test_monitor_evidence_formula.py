"""The formula that is written down computes what the monitor computes, from the state it tells."""

import re
from pathlib import Path

import numpy as np
import pytest

from services.monitor.domain.statistics.betting import log_evidence_above
from services.monitor.domain.statistics.spectrum import spectrum

PAGE = Path(__file__).parents[3] / "docs/statistics/comparison.md"


def test_anybody_can_compute_the_evidence_anew() -> None:
    (code,) = re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.DOTALL)
    written: dict[str, object] = {}
    exec(code, written)  # noqa: S102 - our own page
    found = spectrum(np.random.default_rng(0).normal(0.05, 0.2, 500))
    state = {str(place): rows for place, rows in found.sparse().items()}
    log_evidence = written["log_evidence_better"]
    assert callable(log_evidence)
    assert log_evidence(state) == pytest.approx(log_evidence_above(found))
