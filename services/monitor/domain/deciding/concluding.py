"""From everything that is known of a deployment to its judgement. Pure: the same facts, the same.

Comparisons read matured cohorts of predictions made since main and challenger have been compared on
these terms; rails read minutes since the main has been main.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import reduce
from operator import add

from services.monitor.domain.cells import AgreementTally, Cell, CellId
from services.monitor.domain.deciding.acting import Present, consider
from services.monitor.domain.deciding.alerts import Alert, Blame, read, unheard
from services.monitor.domain.deciding.answers import answered, begun, rows_asked
from services.monitor.domain.deciding.comparison import Contest, compare
from services.monitor.domain.deciding.deeds import Deed
from services.monitor.domain.deciding.fairness_rail import fairness_rail, sides
from services.monitor.domain.deciding.judge import Case, judge
from services.monitor.domain.deciding.judgement import (
    AlertReading,
    ComparisonReading,
    ConceptReading,
    Conclusion,
    Judgement,
    RailReading,
)
from services.monitor.domain.deciding.rails import Allowance, challenger_rails, main_rails
from services.monitor.domain.deciding.terms import Terms
from services.monitor.domain.outcomes.tallies import (
    CohortId,
    CohortTally,
    CoupleTally,
    GroupKey,
    GroupTally,
)
from services.monitor.domain.statistics.spectrum import no_spectrum
from understudy.contracts.judging import Judging
from understudy.profiles.arrays import Floats


@dataclass(frozen=True, slots=True)
class Rival:
    """A challenger, and since when it has been compared with the main on these terms."""

    challenger: int
    release: int
    since: float
    """Seconds since the epoch."""


@dataclass(frozen=True, slots=True)
class Standing:
    """Where a deployment stands, by its snapshot."""

    deployment: str
    release: int
    released_at: float
    main: int
    main_since: float
    previous_main: int | None
    rivals: Sequence[Rival]
    policy: Judging
    terms: Terms
    previous_release: int | None = None
    """The newest of the former main; None where that runs beside as a challenger."""


@dataclass(frozen=True, slots=True)
class Known:
    """What was counted of it."""

    minutes: Mapping[CellId, Cell]
    cohorts: Mapping[CohortId, CohortTally]
    concept: ConceptReading | None = None
    deeds: Sequence[Deed] = ()
    alerts: Sequence[Alert] = ()
    """That somebody told of, whatever they say."""
    alert_lifetime: float = math.inf
    """Seconds for which one is believed to fire unless that is repeated."""


def conclude(standing: Standing, known: Known, edges: Floats, now: float) -> Judgement:
    """The verdict, with all that it rests on, and what the policy makes of it."""
    terms, policy = standing.terms, standing.policy
    allowance = Allowance(policy.rails, edges, terms.alpha, len(standing.rivals))
    contested = tuple(
        _comparison(rival, standing, known, allowance, now) for rival in standing.rivals
    )
    told_of = _alerts(standing, known, now)
    rows = rows_asked(known.minutes, standing.main, standing.released_at)
    case = Case(
        main=standing.main,
        previous_main=standing.previous_main,
        rows=rows,
        main_rails=main_rails(
            standing.main, answered(known.minutes, standing.main, standing.main_since), allowance
        ),
        comparisons=contested,
        concept=known.concept,
        alerts=told_of,
    )
    conclusion = judge(case)
    present = Present(
        standing.deployment,
        standing.release,
        standing.released_at,
        standing.main,
        rows,
        now,
        standing.previous_release,
    )
    return replace(
        told(standing.deployment, standing.release, terms, conclusion, now),
        comparisons=contested,
        main_rails=tuple(case.main_rails),
        concept=known.concept,
        alerts=told_of,
        alerts_unheard=unheard(policy.actions.alerts, told_of),
        action=consider(conclusion, policy.actions, present, known.deeds),
    )


def _alerts(standing: Standing, known: Known, now: float) -> tuple[AlertReading, ...]:
    named = standing.policy.actions.alerts
    blame = Blame(standing.main, standing.main_since, named, known.alert_lifetime)
    return read(known.alerts, blame, now)


def told(
    deployment: str, release: int, terms: Terms, conclusion: Conclusion, now: float
) -> Judgement:
    """What was concluded, on which terms; what it rests on is added by whoever knows it."""
    return Judgement(
        deployment=deployment,
        release=release,
        at=datetime.fromtimestamp(now, UTC),
        verdict=conclusion.verdict,
        rule=conclusion.rule,
        version=conclusion.version,
        reasons=conclusion.reasons,
        loss=terms.loss,
        clip=terms.clip,
        margin=terms.margin,
        alpha=terms.alpha,
        label_horizon_seconds=terms.horizon_seconds,
    )


def contest(
    rival: Rival, main: int, terms: Terms, cohorts: Mapping[CohortId, CohortTally], now: float
) -> Contest:
    """The cohorts in which both answered under these terms, by whether they have matured."""
    mine, until = _cohorts(rival, main, terms, cohorts), terms.matured_until(now)
    matured = [_couple(tally, rival) for name, tally in mine if name.end <= until]
    young = [_couple(tally, rival) for name, tally in mine if name.end > until]
    return Contest(
        challenger=rival.challenger,
        release=rival.release,
        since=datetime.fromtimestamp(rival.since, UTC),
        until=datetime.fromtimestamp(max(until, rival.since), UTC),
        matured=reduce(add, (found.differences for found in matured if found), no_spectrum()),
        waiting=sum(found.differences.rows for found in young if found),
    )


def _comparison(
    rival: Rival, standing: Standing, known: Known, allowance: Allowance, now: float
) -> ComparisonReading:
    terms, main = standing.terms, standing.main
    rails = [
        *_minute_rails(rival, main, known.minutes, allowance),
        *_group_rails(rival, standing, known.cohorts, allowance),
    ]
    found = contest(rival, main, terms, known.cohorts, now)
    return compare(found, terms, len(standing.rivals), tuple(rails))


def _minute_rails(
    rival: Rival, main: int, minutes: Mapping[CellId, Cell], allowance: Allowance
) -> tuple[RailReading, ...]:
    couple = (main, rival.challenger)
    tallies = [
        cell.agreements[couple]
        for name, cell in minutes.items()
        if couple in cell.agreements and begun(name, rival.since)
    ]
    if not tallies:
        return ()
    total: AgreementTally = reduce(add, tallies)
    return challenger_rails(rival.challenger, total, allowance)


def _group_rails(
    rival: Rival, standing: Standing, cohorts: Mapping[CohortId, CohortTally], allowance: Allowance
) -> tuple[RailReading, ...]:
    attribute = standing.policy.rails.protected
    if attribute is None:
        return ()
    groups: dict[GroupKey, GroupTally] = {}
    for _, tally in _cohorts(rival, standing.main, standing.terms, cohorts):
        for key, group in tally.groups.items():
            held = groups.get(key)
            groups[key] = group if held is None else held + group
    found = fairness_rail(
        sides(groups, attribute, standing.main, rival.challenger),
        rival.challenger,
        standing.policy.rails.fairness_gap,
        allowance.challenger_threshold,
    )
    return () if found is None else (found,)


def _cohorts(
    rival: Rival, main: int, terms: Terms, cohorts: Mapping[CohortId, CohortTally]
) -> list[tuple[CohortId, CohortTally]]:
    """Of the releases since the comparison began, by number: merging cohorts changes nothing."""
    return [
        (name, tally)
        for name, tally in sorted(cohorts.items())
        if (name.main, name.terms) == (main, terms.fingerprint) and name.release >= rival.release
    ]


def _couple(tally: CohortTally, rival: Rival) -> CoupleTally | None:
    return tally.couples.get(rival.challenger)
