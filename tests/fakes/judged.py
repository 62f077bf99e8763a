"""Hand-made readings for tests of the judge."""

from collections.abc import Sequence
from datetime import UTC, datetime

from services.monitor.domain.deciding.judge import Case
from services.monitor.domain.deciding.judgement import (
    AlertReading,
    ComparisonReading,
    ConceptReading,
    RailReading,
)
from services.monitor.domain.statistics.intervals import Interval
from understudy.contracts.vocabulary import AlertState, RuleName, Verdict

AT = datetime(2026, 5, 1, tzinfo=UTC)


def rail(
    rule: RuleName = RuleName.ERRORS, *, crossed: bool = True, version: int = 1
) -> RailReading:
    """With evidence on one side of its threshold or the other."""
    return RailReading(rule, version, 1_000, 0.1, 0.01, 9.0 if crossed else 1.0, 5.0)


def reading(
    verdict: Verdict,
    rule: RuleName = RuleName.UNDECIDED,
    *,
    challenger: int = 2,
    better: float = 0.0,
    waiting: int = 0,
    rails: Sequence[RailReading] = (),
) -> ComparisonReading:
    """A challenger about whom that much is known."""
    return ComparisonReading(
        challenger=challenger,
        rule=rule,
        verdict=verdict,
        labels=500,
        waiting=waiting,
        difference=Interval(0.01, 0.002, 0.018),
        log_evidence_better=better,
        log_evidence_worse=0.0,
        log_evidence_equivalent=0.0,
        threshold=3.7,
        equivalence_threshold=3.0,
        expected_labels=700,
        rails=tuple(rails),
        since=AT,
        until=AT,
        release=3,
        state={},
    )


def concept(*, alarm: bool) -> ConceptReading:
    """The main's losses, risen or not."""
    return ConceptReading(1, 800, Interval(0.3), 0.1, 0.05, 20.0 if alarm else 0.0, 15.0)


def alert(*, excused: str | None = None, named: bool = True) -> AlertReading:
    """One that fires."""
    return AlertReading(
        alert="Burn",
        version=None,
        fingerprint="f00d",
        state=AlertState.FIRING,
        since=AT,
        told_at=AT,
        ended_at=None,
        summary="risk fails in 5 % of requests",
        labels={"alertname": "Burn"},
        told_by="signature",
        named=named,
        excused=excused,
    )


def case(  # what a test does not name is as it is when all is well
    *comparisons: ComparisonReading,
    previous_main: int | None = None,
    rows: int = 1_000,
    main_rails: Sequence[RailReading] = (),
    concept: ConceptReading | None = None,
    alerts: Sequence[AlertReading] = (),
) -> Case:
    """Of main 1."""
    return Case(1, previous_main, rows, main_rails, comparisons, concept, alerts)
