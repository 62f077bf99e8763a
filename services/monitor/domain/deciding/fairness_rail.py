"""The guard-rail of fairness: is a challenger's gap between groups wider than the main's?

Formula: a group's selection rate lies in a confidence sequence at α' = α/(2G) for G groups and both
versions; the challenger's gap is at least (lowest possible of the most selected - highest possible
of the least selected), the main's at most (highest possible - lowest possible over all groups);
crossed once the former exceeds the latter by more than the allowance. The evidence is the largest
ln(1/α) at which it does.
Source: `statistics.proportions`; the union bound.
Guarantee: a challenger within the allowance is ever vetoed with a chance of at most α.
Assumes: selection rates of groups stay what they are. Groups below `FEWEST` rows are left out.
What it can't do: see small differences soon; separate bounds for both versions are cautious.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from services.monitor.domain.deciding.judgement import RailReading
from services.monitor.domain.outcomes.tallies import GroupKey, GroupTally
from services.monitor.domain.statistics.proportions import confidence_sequence
from understudy.contracts.vocabulary import RuleName

FEWEST: Final = 100
_MOST: Final = 64.0
_HALVINGS: Final = 24


@dataclass(frozen=True, slots=True)
class Sides:
    """Selected and asked rows of each group, of both versions."""

    main: Mapping[str, tuple[int, int]]
    challenger: Mapping[str, tuple[int, int]]

    @property
    def rows(self) -> int:
        """Of the challenger, in groups that are large enough."""
        return sum(rows for _, rows in self.challenger.values())


def sides(
    groups: Mapping[GroupKey, GroupTally], attribute: str, main: int, challenger: int
) -> Sides:
    """The groups that are large enough for both."""
    found = {
        version: {
            group: (tally.selected, tally.rows)
            for (who, name, group), tally in groups.items()
            if who == version and name == attribute and tally.rows >= FEWEST
        }
        for version in (main, challenger)
    }
    shared = found[main].keys() & found[challenger].keys()
    return Sides(
        {group: found[main][group] for group in sorted(shared)},
        {group: found[challenger][group] for group in sorted(shared)},
    )


def fairness_rail(
    found: Sides, challenger: int, allowed: float, threshold: float
) -> RailReading | None:
    """None with fewer than two groups that are large enough."""
    if len(found.main) < 2:
        return None
    return RailReading(
        rule=RuleName.FAIRNESS,
        version=challenger,
        rows=found.rows,
        observed=_gap(found.challenger) - _gap(found.main),
        allowed=allowed,
        log_evidence=_evidence(found, allowed),
        threshold=threshold,
    )


def _gap(groups: Mapping[str, tuple[int, int]]) -> float:
    rates = [selected / rows for selected, rows in groups.values()]
    return max(rates) - min(rates)


def _evidence(found: Sides, allowed: float) -> float:
    """By halving: what is crossed at some confidence is crossed at every lower one."""
    low, high = 0.0, _MOST
    if not _crossed(found, allowed, low):
        return 0.0
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        low, high = (middle, high) if _crossed(found, allowed, middle) else (low, middle)
    return low


def _crossed(found: Sides, allowed: float, confidence: float) -> bool:
    alpha = math.exp(-confidence) / (2 * len(found.main))
    theirs = [confidence_sequence(*counts, alpha) for counts in found.challenger.values()]
    ours = [confidence_sequence(*counts, alpha) for counts in found.main.values()]
    least = max(low for low, _ in theirs) - min(high for _, high in theirs)
    most = max(high for _, high in ours) - min(low for low, _ in ours)
    return least > most + allowed
