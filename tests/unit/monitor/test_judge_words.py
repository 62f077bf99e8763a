"""A difference of mean losses is told with its direction as a word, never with a sign."""

from dataclasses import replace

import pytest

from services.monitor.domain.deciding.judge import against
from services.monitor.domain.statistics.intervals import Interval
from tests.fakes.monitor_figures import comparison
from understudy.contracts.vocabulary import RuleName


@pytest.mark.parametrize(
    ("difference", "said"),
    [
        (Interval(-0.0148, -0.019, -0.011), "mean loss higher by 0.0148 (0.011 to 0.019)"),
        (Interval(0.0148, 0.011, 0.019), "mean loss lower by 0.0148 (0.011 to 0.019)"),
        (Interval(-0.002, -0.005, 0.001), "mean loss higher by 0.002 (-0.001 to 0.005)"),
    ],
)
def test_the_direction_is_a_word(difference: Interval, said: str) -> None:
    found = replace(comparison(), rule=RuleName.WORSE, difference=difference, rails=())
    assert against(found) == (f"version 2 is worse: {said} on 1,200 labels",)
