"""Verdicts, rules and kinds of drift in the words that people are told them in."""

from typing import Final

from understudy.cli.output import visible
from understudy.contracts.monitor import Judgement
from understudy.contracts.vocabulary import DriftKind, LossName, RuleName, Verdict

STYLES: Final = {
    Verdict.PROMOTE: "green",
    Verdict.KEEP: "blue",
    Verdict.EQUIVALENT: "cyan",
    Verdict.ROLL_BACK: "red",
    Verdict.WAIT: "yellow",
    Verdict.NO_DATA: "dim",
}

RULES: Final = {
    RuleName.BETTER: "its answers are better",
    RuleName.WORSE: "its answers are worse",
    RuleName.EQUIVALENT: "the difference is within the margin",
    RuleName.UNDECIDED: "the evidence is not strong enough yet",
    RuleName.TOO_FEW_LABELS: "too few labels have matured",
    RuleName.NO_CHALLENGER: "there is no challenger",
    RuleName.NO_TRAFFIC: "no rows were answered",
    RuleName.NO_LABELS: "no labels have come",
    RuleName.ERRORS: "too many rows fail",
    RuleName.SLOW: "too many rows are slow",
    RuleName.INVALID: "too many answers are invalid",
    RuleName.FAIRNESS: "the gap between groups is too wide",
    RuleName.RISK: "the main's loss is above its baseline",
    RuleName.ALERT: "an alert began to fire under the main",
}

KINDS: Final = {
    DriftKind.SHAPE: "values",
    DriftKind.MISSING: "missing",
    DriftKind.UNSEEN: "unseen",
    DriftKind.OUT_OF_RANGE: "out of range",
    DriftKind.POOLED: "all together",
    DriftKind.INTERACTION: "interaction",
}

LOSSES: Final = {
    LossName.BRIER: "Brier loss",
    LossName.LOG_LOSS: "log loss",
    LossName.ZERO_ONE: "wrong answers",
    LossName.ABSOLUTE: "absolute error",
    LossName.SQUARED: "squared error",
}


def spoken(name: str) -> str:
    """`roc_auc` as words; other names may be anybody's."""
    return visible(name.replace("_", " "))


def verdict_in_words(found: Judgement) -> str:
    """`promote version 3`, `wait`."""
    version = "" if found.version is None else f" version {found.version}"
    match found.verdict:
        case Verdict.PROMOTE:
            return f"promote{version}"
        case Verdict.ROLL_BACK:
            return f"roll back to{version or ' the former main'}"
        case Verdict.KEEP:
            return "keep the main"
        case Verdict.EQUIVALENT:
            return f"{version.strip() or 'a challenger'} is as good as the main"
        case Verdict.WAIT:
            return "wait"
        case Verdict.NO_DATA:
            return "no data"
