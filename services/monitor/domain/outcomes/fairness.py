"""How answers differ between groups of a protected attribute.

Formula: selection rate = answers of the last class / rows; true positive rate = those / rows whose
label is the last class; false positive rate = those / rows with another label. A gap is the largest
difference between any two groups that are shown.
Source: Wilson's interval for a rate; Newcombe's for each difference (see `statistics.intervals`),
all pairs of groups at once by Bonferroni's inequality.
Guarantee: a gap's interval holds the largest true difference among the groups that are shown in at
least about 95 % of cases, although the pair was chosen by looking. It begins at 0 unless one pair's
interval lies above it.
Assumes: independent rows. A group's figures are suppressed below `SHOWN` rows (of a rate: below so
many rows that it is a share of); a gap takes part in an alarm from `ALARMED` rows (see
`deciding.fairness_rail`). Figures of attributes that nobody stated are not there.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from itertools import combinations
from typing import Final

from services.monitor.domain.outcomes.readings import FairnessReading, FairnessView, GroupReading
from services.monitor.domain.outcomes.summing import Cohorts
from services.monitor.domain.outcomes.tallies import GroupTally
from services.monitor.domain.outcomes.viewpoint import Viewpoint, moment
from services.monitor.domain.statistics.intervals import (
    Interval,
    difference,
    proportion,
    shared_z,
)

SHOWN: Final = 30
MOST_GROUPS: Final = 50
Share = tuple[int, int]
"""Hits, and rows that they are a share of."""
Groups = Mapping[str, GroupTally]


def fairness(view: Viewpoint, cohorts: Cohorts) -> FairnessView:
    """Every version by every attribute, the main first."""
    found: dict[tuple[int, str], dict[str, GroupTally]] = defaultdict(dict)
    for tally in cohorts.values():
        for (version, attribute, group), held in tally.groups.items():
            groups = found[version, attribute]
            groups[group] = groups.get(group, GroupTally()) + held
    order = sorted(found, key=lambda key: (key[0] != view.main, *key))
    return FairnessView(
        deployment=view.deployment,
        release=view.release,
        at=moment(view.now),
        since=moment(view.since),
        attributes=tuple(read_attribute(view, *key, found[key]) for key in order),
    )


def read_attribute(
    view: Viewpoint, version: int, attribute: str, groups: Groups
) -> FairnessReading:
    """One version by one attribute: the largest of its groups."""
    groups = largest(groups)
    shown = [tally for tally in groups.values() if tally.rows >= SHOWN]
    return FairnessReading(
        version=version,
        role=view.role(version),
        attribute=attribute,
        groups=tuple(read_group(group, tally) for group, tally in sorted(groups.items())),
        selection_gap=gap([_selection(tally) for tally in shown]),
        true_positive_gap=gap([_true_positives(tally) for tally in shown]),
        false_positive_gap=gap([_false_positives(tally) for tally in shown]),
    )


def largest(groups: Groups) -> Groups:
    """Of so many at most; of two of one size the one whose name comes first."""
    order = sorted(groups, key=lambda group: (-groups[group].rows, group))
    return {group: groups[group] for group in order[:MOST_GROUPS]}


def read_group(group: str, tally: GroupTally) -> GroupReading:
    """One group, or only that it is there."""
    if tally.rows < SHOWN:
        return GroupReading(group, None, suppressed=True)
    return GroupReading(
        group=group,
        rows=tally.rows,
        selection_rate=_rate(_selection(tally)),
        true_positive_rate=_rate(_true_positives(tally)),
        false_positive_rate=_rate(_false_positives(tally)),
    )


def gap(shares: Sequence[Share]) -> Interval | None:
    """The largest difference between two groups; absent with fewer than two that are shown."""
    shown = [share for share in shares if share[1] >= SHOWN]
    pairs = len(shown) * (len(shown) - 1) // 2
    rates = [rate for share in shown if (rate := proportion(*share, shared_z(pairs))) is not None]
    apart = [_apart(one, other) for one, other in combinations(rates, 2)]
    if not apart:
        return None
    return Interval(
        value=max(found.value for found in apart),
        low=max(0.0, *(found.low or 0.0 for found in apart)),
        high=max(found.high or 0.0 for found in apart),
    )


def _apart(one: Interval, other: Interval) -> Interval:
    """The higher rate less the lower."""
    return difference(one, other) if one.value >= other.value else difference(other, one)


def _rate(share: Share) -> Interval | None:
    return proportion(*share) if share[1] >= SHOWN else None


def _selection(tally: GroupTally) -> Share:
    return tally.selected, tally.rows


def _true_positives(tally: GroupTally) -> Share:
    return tally.true_positives, tally.positives


def _false_positives(tally: GroupTally) -> Share:
    return tally.false_positives, tally.negatives
