"""A drift that is over is told to be over; one that goes on is not."""

import numpy as np

from services.monitor.domain.statistics.ending import ended_at
from understudy.profiles.arrays import Floats

USUAL = np.array([500.0, 500.0])
ODD, EVEN = np.array([90.0, 10.0]), np.array([50.0, 50.0])


def suffixes(*blocks: Floats) -> Floats:
    return np.cumsum(np.array(blocks)[::-1], axis=0)[::-1]


def test_back_to_the_reference() -> None:
    assert ended_at(suffixes(ODD, ODD, ODD, EVEN, EVEN), USUAL, 0) == 3


def test_going_on() -> None:
    assert ended_at(suffixes(ODD, ODD, ODD), USUAL, 0) is None
    assert ended_at(suffixes(EVEN, ODD, ODD), USUAL, 1) is None


def test_too_early_to_tell() -> None:
    assert ended_at(suffixes(ODD, EVEN * 0.1), USUAL, 0) is None
    assert ended_at(suffixes(ODD), USUAL, 0) is None
