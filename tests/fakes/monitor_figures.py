"""Figures of one deployment with something of everything, for what shows them."""

from datetime import UTC, datetime

from services.monitor.domain.deciding.judgement import (
    ComparisonReading,
    ConceptReading,
    Judgement,
    RailReading,
)
from services.monitor.domain.outcomes.readings import (
    CoverageReading,
    CoverageView,
    FairnessReading,
    FairnessView,
    PromisedQuality,
    QualityReading,
    QualityView,
)
from services.monitor.domain.readings import LabelFigures
from services.monitor.domain.statistics.intervals import Interval
from understudy.contracts.vocabulary import LossName, Role, RuleName, Verdict

AT = datetime(2027, 1, 1, tzinfo=UTC)
SOME = Interval(0.8, 0.75, 0.85)
PROMISED = Interval(0.82, 0.8, 0.84)


def rail(rule: RuleName, version: int, log_evidence: float) -> RailReading:
    return RailReading(rule, version, 500, 0.02, 0.01, log_evidence, threshold=5.1)


def comparison() -> ComparisonReading:
    return ComparisonReading(
        challenger=2,
        rule=RuleName.SLOW,
        verdict=Verdict.KEEP,
        labels=1_200,
        waiting=80,
        difference=Interval(0.004, -0.001, 0.009),
        log_evidence_better=1.5,
        log_evidence_worse=-3.0,
        log_evidence_equivalent=0.5,
        threshold=3.7,
        equivalence_threshold=3.0,
        expected_labels=900,
        rails=(rail(RuleName.ERRORS, 2, -4.0), rail(RuleName.SLOW, 2, 9.0)),
        since=AT,
        until=AT,
        release=3,
        state={0: 1_200},
    )


def judgement(deployment: str) -> Judgement:
    return Judgement(
        deployment=deployment,
        release=3,
        at=AT,
        verdict=Verdict.KEEP,
        rule=RuleName.SLOW,
        version=None,
        reasons=("version 2: too slow",),
        loss=LossName.BRIER,
        clip=0.5,
        margin=0.01,
        alpha=0.05,
        label_horizon_seconds=86_400.0,
        comparisons=(comparison(),),
        main_rails=(rail(RuleName.ERRORS, 1, -7.0),),
        concept=ConceptReading(
            version=1,
            rows=1_200,
            risk=SOME,
            reference_risk=0.79,
            tolerance=0.05,
            log_evidence=-2.0,
            threshold=11.0,
            estimate_gap=-0.03,
            estimate_gap_lasts=True,
            trained_days_ago=2.0,
        ),
    )


def label_figures(deployment: str) -> LabelFigures:
    reading = QualityReading(
        version=1,
        role=Role.MAIN,
        rows=2_000,
        labelled=1_200,
        metrics={"accuracy": SOME},
        estimated={"accuracy": SOME},
    )
    coverage = CoverageReading(2_000, 1_200, 0.6, 3_600.0, 80_000.0)
    gaps = FairnessReading(1, Role.MAIN, "age_band", (), selection_gap=SOME)
    return LabelFigures(
        QualityView(deployment, 3, AT, AT, (reading,), (reading,), ()),
        CoverageView(
            deployment=deployment,
            at=AT,
            versions={"1": coverage},
            days={},
            predicted_classes={},
            score_deciles=(),
            score_edges=(),
            parked=4,
            corrected=2,
            duplicates=1,
            selection_warning=None,
            label_mean=None,
            label_variance=None,
            label_shares={},
        ),
        FairnessView(deployment, 3, AT, AT, (gaps,)),
        (PromisedQuality(deployment, 1, Role.MAIN, {"accuracy": PROMISED}),),
    )
