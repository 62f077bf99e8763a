"""Bodies of the monitor as its clients meet them, for scripted answers."""

from datetime import timedelta

from tests.fakes.registry_bodies import NOW
from understudy.contracts.monitor import (
    ActionView,
    AlertReading,
    Assessment,
    CohortQuality,
    ComparisonReading,
    ConceptView,
    CoverageReading,
    CoverageView,
    DriftAlarm,
    DriftView,
    FairnessReading,
    FairnessView,
    FeatureReading,
    Gate,
    GroupReading,
    Interval,
    Judgement,
    Moments,
    QualityReading,
    QualityView,
    RailReading,
    ReportView,
    Totals,
)
from understudy.contracts.vocabulary import (
    ActionMode,
    AlertState,
    DriftKind,
    FeatureKind,
    LossName,
    Role,
    RuleName,
    Verdict,
)

THRESHOLD = 3.689
"""ln(2/0.05)."""


def rail(
    rule: RuleName, version: int, *, crossed: bool = False, observed: float | None = 0.002
) -> RailReading:
    return RailReading(
        rule=rule,
        version=version,
        rows=12_400,
        observed=observed,
        allowed=0.01,
        log_evidence=5.2 if crossed else -18.4,
        threshold=3.0,
        crossed=crossed,
        since=NOW if crossed else None,
    )


def comparison(
    challenger: int = 3, verdict: Verdict = Verdict.WAIT, rule: RuleName = RuleName.UNDECIDED
) -> ComparisonReading:
    decided = verdict is Verdict.PROMOTE
    return ComparisonReading(
        challenger=challenger,
        rule=rule,
        verdict=verdict,
        labels=2_150,
        waiting=640,
        difference=Interval(value=0.0061, low=-0.0012, high=0.0134),
        log_evidence_better=4.1 if decided else 1.84,
        log_evidence_worse=-2.6,
        log_evidence_equivalent=0.7,
        threshold=THRESHOLD,
        equivalence_threshold=2.996,
        expected_labels=None if decided else 2_300,
        rails=(rail(RuleName.ERRORS, challenger), rail(RuleName.INVALID, challenger)),
        since=NOW - timedelta(days=2),
        until=NOW,
        release=4,
        state={-120: 40, 0: 1_990, 260: 120},
    )


def vetoed(challenger: int = 5) -> ComparisonReading:
    found = comparison(challenger, Verdict.KEEP, RuleName.SLOW)
    rails = (rail(RuleName.SLOW, challenger, crossed=True, observed=0.084), *found.rails)
    return found.model_copy(update={"rails": rails, "vetoed_by": (RuleName.SLOW,)})


def concept(*, alarm: bool = False) -> ConceptView:
    return ConceptView(
        version=1,
        rows=2_150,
        risk=Interval(value=0.182, low=0.171, high=0.193),
        reference_risk=0.179,
        tolerance=0.05,
        log_evidence=12.0 if alarm else -3.1,
        threshold=9.2,
        alarm=alarm,
        since=NOW if alarm else None,
        estimate_gap=-0.004,
        trained_days_ago=12.4,
    )


def alert(
    *, named: bool = True, excused: str | None = None, state: AlertState = AlertState.FIRING
) -> AlertReading:
    return AlertReading(
        alert="Burn",
        fingerprint="f00d",
        state=state,
        since=NOW,
        told_at=NOW,
        summary="5 % of requests fail",
        told_by="signature",
        named=named,
        accuses=named and excused is None and state is AlertState.FIRING,
        excused=excused,
    )


def action(*, due: bool = False, done: int | None = None) -> ActionView:
    return ActionView(
        verdict=Verdict.PROMOTE,
        mode=ActionMode.AUTOMATIC if due or done else ActionMode.RECOMMEND,
        version=3,
        due=due,
        held_by=None if due or done else "the policy only recommends promotions",
        done_release=done,
        undo="understudy rollback risk" if done else None,
    )


def judgement(
    verdict: Verdict = Verdict.WAIT,
    rule: RuleName = RuleName.UNDECIDED,
    comparisons: tuple[ComparisonReading, ...] | None = None,
    **others: object,
) -> Judgement:
    made = Judgement(
        deployment="risk",
        release=4,
        at=NOW,
        verdict=verdict,
        rule=rule,
        reasons=("version 3 looks better, but the evidence is not strong enough yet",),
        loss=LossName.BRIER,
        clip=0.5,
        margin=0.01,
        alpha=0.05,
        label_horizon_seconds=86_400,
        comparisons=(comparison(),) if comparisons is None else comparisons,
        main_rails=(rail(RuleName.ERRORS, 1), rail(RuleName.SLOW, 1, observed=None)),
        concept=concept(),
    )
    return made.model_copy(update=others)


def promotion(**others: object) -> Judgement:
    return judgement(
        Verdict.PROMOTE,
        RuleName.BETTER,
        (comparison(3, Verdict.PROMOTE, RuleName.BETTER), vetoed()),
        version=3,
        reasons=("version 3 answers better than version 1",),
        **{"action": action(), **others},
    )


def gate(verdict: Verdict = Verdict.PROMOTE, rule: RuleName = RuleName.BETTER) -> Gate:
    decided = verdict is not Verdict.WAIT
    return Gate(
        deployment="risk",
        release=4,
        at=NOW,
        challenger=3,
        passes=verdict is Verdict.PROMOTE,
        decided=decided,
        verdict=verdict,
        rule=rule,
        reasons=("version 3 against version 1 on 2,150 labels",),
        expected_labels=None if decided else 2_300,
    )


def alarm(subject: str = "income", log_evidence: float = 14.2) -> DriftAlarm:
    return DriftAlarm(
        subject=subject,
        kind=DriftKind.SHAPE,
        log_evidence=log_evidence,
        threshold=13.8,
        since=NOW - timedelta(hours=3),
        psi=0.31,
        js=0.035,
        live=61_200.0,
        reference=48_000.0,
        importance=0.12,
        design_effect=1.4,
        assumes="rows are exchangeable within the design effect",
    )


def drift() -> DriftView:
    quiet = alarm("age", -1.5).model_copy(update={"psi": 0.002, "live": 41.2, "reference": 41.0})
    missing = alarm("tenure", 3.0).model_copy(
        update={"kind": DriftKind.MISSING, "live": 0.08, "reference": 0.02, "psi": None, "js": None}
    )
    answers = alarm("output", -4.0).model_copy(update={"version": 3, "importance": None})
    return DriftView(
        deployment="risk",
        release=4,
        at=NOW,
        since=NOW - timedelta(days=1),
        rows=48_200,
        alarms=(alarm(),),
        watched=(alarm(), missing, quiet, answers),
        interaction_at=NOW,
    )


def assessment() -> Assessment:
    moments = Moments(rows=1_000, mean=61_200.0, standard_deviation=9_000.0)
    income = FeatureReading(
        feature="income",
        kind=FeatureKind.NUMBER,
        drift_psi=0.31,
        live=moments,
        reference=moments,
        bins=tuple(float(edge) for edge in range(9)),
        live_counts=(10, 20, 40, 80, 160, 240, 260, 190),
        reference_counts=(125,) * 8,
    )
    return Assessment(
        deployment="risk",
        release=4,
        window_from=NOW - timedelta(minutes=10),
        window_to=NOW,
        rows=1_000,
        features=(income,),
        versions=(),
        agreements=(),
        totals=Totals(predictions={}, pairs={}, pair_errors={}, labels=0),
    )


def reading(version: int, role: Role, accuracy: float) -> QualityReading:
    spread = 0.012
    return QualityReading(
        version=version,
        role=role,
        rows=4_300,
        labelled=2_150,
        metrics={
            "accuracy": Interval(value=accuracy, low=accuracy - spread, high=accuracy + spread),
            "brier": Interval(value=0.121, low=0.115, high=0.127),
        },
        by_class={"bad": {"recall": Interval(value=0.61)}},
        estimated={"accuracy": Interval(value=accuracy + 0.004)},
    )


def quality() -> QualityView:
    both = (reading(1, Role.MAIN, 0.842), reading(3, Role.CHALLENGER, 0.851))
    day = CohortQuality(begins=NOW - timedelta(days=1), ends=NOW, matured=True, versions=both)
    return QualityView(
        deployment="risk",
        release=4,
        at=NOW,
        since=NOW - timedelta(days=30),
        matured=both,
        all_labelled=both,
        days=(day,),
    )


def coverage() -> CoverageView:
    some = CoverageReading(
        answered=4_300,
        labelled=2_150,
        coverage_ratio=0.5,
        lag_p50_seconds=3_600.0,
        lag_p95_seconds=80_000.0,
    )
    none = CoverageReading(answered=0, labelled=0)
    return CoverageView(
        deployment="risk",
        at=NOW,
        versions={"1": some, "3": some},
        days={"2025-12-31": some},
        predicted_classes={"bad": some, "good": none},
        score_deciles=(some, none),
        parked=3,
        corrected=2,
        duplicates=1,
        selection_warning="answers of 'bad' get labels more often than others (71 % against 44 %)",
        label_shares={"bad": 0.2, "good": 0.8},
    )


def fairness() -> FairnessView:
    group = GroupReading(
        group="18-30", rows=900, selection_rate=Interval(value=0.62, low=0.58, high=0.65)
    )
    small = GroupReading(group="75+", rows=None, suppressed=True)
    found = FairnessReading(
        version=1,
        role=Role.MAIN,
        attribute="age_band",
        groups=(group, small),
        selection_gap=Interval(value=0.04, low=0.0, high=0.08),
    )
    return FairnessView(
        deployment="risk", release=4, at=NOW, since=NOW - timedelta(days=7), attributes=(found,)
    )


def report_view(name: str = "0198c1f2") -> ReportView:
    return ReportView(
        id=name,
        release=4,
        made_at=NOW,
        begins=NOW - timedelta(hours=1),
        ends=NOW,
        rows=10_000,
        reason="drift of income",
        size_bytes=4_200_000,
    )
