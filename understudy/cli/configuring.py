"""Configure: how a deployment answers and judges, beside with which versions."""

from dataclasses import replace

import typer

from understudy.cli.connections import connections
from understudy.cli.deployments import Deployment, Expected, show_release
from understudy.cli.judging import JudgingOptions, amended_judging
from understudy.cli.judging_options import (
    AlertRollbackOption,
    AlphaOption,
    ClipOption,
    CoolDownOption,
    DriftEntityOption,
    DriftStrataOption,
    DriftToleranceOption,
    FairnessGapOption,
    LabelHorizonOption,
    LossOption,
    MarginOption,
    MaxErrorsOption,
    MaxInvalidOption,
    MaxSlowOption,
    MinimumLabelsOption,
    MinimumRowsOption,
    PromoteOption,
    ProtectedOption,
    RiskToleranceOption,
    RollBackOption,
    SlowSecondsOption,
)
from understudy.cli.output import remark
from understudy.cli.policies import (
    DurabilityOption,
    LowConfidenceOption,
    OutOfRangeOption,
    TypesOption,
    UnseenCategoryOption,
    amended,
)
from understudy.cli.versions import Reason


def add_to(app: typer.Typer) -> None:
    """Give the root this module's command."""
    app.command()(configure)


def configure(
    context: typer.Context,
    *,
    deployment: Deployment,
    durability: DurabilityOption = None,
    types: TypesOption = None,
    out_of_range: OutOfRangeOption = None,
    unseen_category: UnseenCategoryOption = None,
    low_confidence: LowConfidenceOption = None,
    loss: LossOption = None,
    clip: ClipOption = None,
    margin: MarginOption = None,
    alpha: AlphaOption = None,
    label_horizon: LabelHorizonOption = None,
    minimum_labels: MinimumLabelsOption = None,
    promote: PromoteOption = None,
    roll_back: RollBackOption = None,
    cool_down: CoolDownOption = None,
    minimum_rows: MinimumRowsOption = None,
    alert_rollback: AlertRollbackOption = None,
    max_errors: MaxErrorsOption = None,
    slow_seconds: SlowSecondsOption = None,
    max_slow: MaxSlowOption = None,
    max_invalid: MaxInvalidOption = None,
    protected: ProtectedOption = None,
    fairness_gap: FairnessGapOption = None,
    risk_tolerance: RiskToleranceOption = None,
    drift_tolerance: DriftToleranceOption = None,
    drift_strata: DriftStrataOption = None,
    drift_entity: DriftEntityOption = None,
    expect: Expected = None,
    reason: Reason = "",
) -> None:
    """Change how a deployment answers and how its versions are judged, as a new release.

    What is not named stays as it is. A concurrent change by somebody else makes it fail instead of
    being lost. Other terms of the comparison (loss, clip, margin, alpha, label horizon, minimum
    labels) begin it anew.

    Examples: `understudy configure credit-risk --durability relaxed`,
    `understudy configure credit-risk --low-confidence 0.6:override=written_off`,
    `understudy configure credit-risk --label-horizon 30d --promote automatic --slow-seconds 0.25`,
    `understudy configure credit-risk --alert-rollback UnderstudyErrorBudgetBurnFast`
    """
    options = JudgingOptions(
        loss=loss,
        clip=clip,
        margin=margin,
        alpha=alpha,
        label_horizon=label_horizon,
        minimum_labels=minimum_labels,
        promote=promote,
        roll_back=roll_back,
        cool_down=cool_down,
        minimum_rows=minimum_rows,
        alert_rollback=tuple(alert_rollback) if alert_rollback else None,
        max_errors=max_errors,
        slow_seconds=slow_seconds,
        max_slow=max_slow,
        max_invalid=max_invalid,
        protected=protected,
        fairness_gap=fairness_gap,
        risk_tolerance=risk_tolerance,
        drift_tolerance=drift_tolerance,
        drift_strata=drift_strata,
        drift_entity=drift_entity,
    )
    answering = {durability, types, out_of_range, unseen_category, low_confidence}
    if answering == {None} and options == JudgingOptions():
        raise typer.BadParameter("name what to change, as --durability relaxed; see --help")
    with connections(context).registry() as registry:
        current = registry.deployment(deployment).current
        policy = amended(
            current.policy,
            durability=durability,
            types=types,
            out_of_range=out_of_range,
            unseen_category=unseen_category,
            low_confidence=low_confidence,
        )
        policy = replace(policy, judging=amended_judging(policy.judging, options))
        expected = expect or current.release
        made = registry.configure(deployment, policy, expected_release=expected, reason=reason)
    show_release(context, made)
    if options.alert_rollback is not None:
        remark(_guarding(made.policy.judging.actions.alerts))


def _guarding(alerts: tuple[str, ...]) -> str:
    """Which alerts there are is written in Prometheus's rules, which nobody here reads."""
    if not alerts:
        return "No alert speaks for rolling back."
    named = ", ".join(alerts)
    return f"Speak for rolling back: {named}; as alerts of the rules of Prometheus are spelt."
