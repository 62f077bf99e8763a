"""Limits of keys, as the registry is told of them."""

from collections.abc import Mapping

import pytest
from pydantic import ValidationError

from understudy.contracts.limits import Limits
from understudy.contracts.registry import FollowerReport, KeyRequest
from understudy.contracts.vocabulary import Component


def limits(told: Mapping[str, object]) -> Limits:
    request = {"name": "web", "scopes": ["predict"], "limits": told}
    found = KeyRequest.model_validate(request).limits
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("told", "at_once"),
    [
        ({"requests_per_second": 20}, 20),
        ({"requests_per_second": 2.5}, 3),
        ({"requests_per_second": 0.1}, 1),
        ({"requests_per_second": 20, "burst": 1}, 1),
        ({"predictions_per_day": 7}, 0),
    ],
)
def test_a_burst_is_the_rate_rounded_up_unless_it_is_told(
    told: dict[str, float], at_once: int
) -> None:
    assert limits(told).at_once == at_once


@pytest.mark.parametrize(
    "told",
    [
        {"requests_per_second": 0},
        {"requests_per_second": -1},
        {"requests_per_second": "nan"},
        {"requests_per_second": 1, "burst": 0},
        {"burst": 5},
        {"predictions_per_day": 0},
        {"predictions_per_day": 1.5},
        {"predictions_per_year": 1},
    ],
)
def test_limits_that_are_none_are_refused(told: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        limits(told)


def test_a_report_tells_of_a_bounded_number_of_keys() -> None:
    used = {f"{key:08d}": "2026-11-21T20:00:00Z" for key in range(10_001)}
    with pytest.raises(ValidationError):
        FollowerReport.model_validate(
            {"instance": "a", "component": Component.SERVING, "releases": {}, "used": used}
        )
