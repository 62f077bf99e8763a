"""The options of `configure` that say how versions are judged; `judging` reads what was typed."""

from typing import Annotated, Any

import typer

from understudy.contracts.vocabulary import ActionMode


def _option(flag: str, words: str, metavar: str | None = None) -> Any:
    return typer.Option(
        flag, help=words, metavar=metavar, show_default=False, rich_help_panel="Judging"
    )


LossOption = Annotated[
    str | None,
    _option(
        "--loss",
        "What an answer costs once its label is known; off: brier for classes, absolute for "
        "numbers.",
        "<brier|log-loss|zero-one|absolute|squared|off>",
    ),
]
ClipOption = Annotated[
    str | None,
    _option("--clip", "Differences of losses beyond it count as it; off: by loss.", "NUMBER|off"),
]
MarginOption = Annotated[
    str | None,
    _option(
        "--margin",
        "A difference of mean losses that nobody cares about; off: a hundredth of the clip.",
        "NUMBER|off",
    ),
]
AlphaOption = Annotated[
    float | None,
    _option("--alpha", "Chance that any challenger is ever wrongly found better or worse."),
]
LabelHorizonOption = Annotated[
    str | None,
    _option("--label-horizon", "How long after a prediction its label may come.", "DURATION"),
]
MinimumLabelsOption = Annotated[
    int | None,
    _option("--minimum-labels", "Labelled pairs below which nothing is concluded."),
]
PromoteOption = Annotated[
    ActionMode | None,
    _option("--promote", "What becomes of the verdict that a challenger is better."),
]
RollBackOption = Annotated[
    ActionMode | None,
    _option("--roll-back", "What becomes of the verdict that the main fails."),
]
CoolDownOption = Annotated[
    str | None,
    _option("--cool-down", "After any release, before the next is made by itself.", "DURATION"),
]
MinimumRowsOption = Annotated[
    int | None,
    _option("--minimum-rows", "Rows answered by a release before anything is done by itself."),
]
AlertRollbackOption = Annotated[
    list[str] | None,
    _option(
        "--alert-rollback",
        "An alert that speaks for rolling back while it fires, if it began under the main; may be "
        "repeated; off: none does.",
        "ALERT|off",
    ),
]
MaxErrorsOption = Annotated[
    float | None,
    _option("--max-errors", "Share of rows that may fail, beyond the main's for a challenger."),
]
SlowSecondsOption = Annotated[
    str | None,
    _option(
        "--slow-seconds", "From when on a row is slow; off: latency guards nothing.", "NUMBER|off"
    ),
]
MaxSlowOption = Annotated[float | None, _option("--max-slow", "Share of rows that may be slow.")]
MaxInvalidOption = Annotated[
    float | None,
    _option("--max-invalid", "Share of answers that may be none, beyond the main's."),
]
ProtectedOption = Annotated[
    str | None,
    _option(
        "--protected",
        "The protected attribute whose gap is guarded; off: fairness guards nothing.",
        "NAME|off",
    ),
]
FairnessGapOption = Annotated[
    float | None,
    _option(
        "--fairness-gap", "How much wider than the main's a challenger's gap of selection may be."
    ),
]
RiskToleranceOption = Annotated[
    str | None,
    _option(
        "--risk-tolerance",
        "How far the main's mean loss may lie above its baseline; off: 5 % of the loss's range.",
        "NUMBER|off",
    ),
]
DriftToleranceOption = Annotated[
    float | None,
    _option("--drift-tolerance", "Divergence from the reference, in nats, that is nothing."),
]
DriftStrataOption = Annotated[
    str | None,
    _option(
        "--drift-strata",
        "Compare with reference rows of the same time alone.",
        "<none|hour-of-day|day-of-week|hour-of-week>",
    ),
]
DriftEntityOption = Annotated[
    str | None,
    _option(
        "--drift-entity",
        "A feature that tells rows of one customer: one of each minute counts; off: every row.",
        "FEATURE|off",
    ),
]
