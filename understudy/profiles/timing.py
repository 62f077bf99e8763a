"""How a sample's rows lie in time: counts by hour of the week, and how much batches scatter."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from understudy.contracts.vocabulary import DriftStrata
from understudy.profiles.arrays import Counts, Floats
from understudy.profiles.rarity import TIMES, Times
from understudy.profiles.seasons import HOURS, hours_of_week, strata_of
from understudy.profiles.stability import Places, design_effect


@dataclass(frozen=True, slots=True, eq=False)
class Timing:
    """Of a sample that has a time column."""

    rows: Counts
    """By hour of the week."""
    counts: Counts
    """The features' tallies one after another, by hour of the week (first axis)."""
    rare: Counts
    """(hours of the week, features, 2), see `FeatureProfile.rare`."""
    effects: Mapping[DriftStrata, Floats]
    """Design effects by feature, of what strata do not explain."""


def read_timing(
    places: Sequence[Places], times: Sequence[Times], widths: Sequence[int], at: Floats
) -> Timing:
    """From where each feature's values are counted, and how often they occur; `at` ascends."""
    hours = hours_of_week(at)
    return Timing(
        rows=np.bincount(hours, minlength=HOURS),
        counts=np.concatenate(
            [_by_hour(hours, *feature) for feature in zip(places, widths, strict=True)], axis=1
        ),
        rare=np.stack([_by_hour(hours, seen, TIMES + 1)[:, 1:] for seen in times], axis=1),
        effects={
            kind: np.array([design_effect(place, strata_of(hours, kind)) for place in places])
            for kind in DriftStrata
        },
    )


def _by_hour(hours: Places, places: Places, width: int) -> Counts:
    return np.bincount(hours * width + places, minlength=HOURS * width).reshape(HOURS, width)
