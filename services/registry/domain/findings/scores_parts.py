"""Rules about parts of the rows: slices of features, and moments."""

from collections.abc import Iterator, Sequence
from typing import Final

from services.registry.domain.findings.scores_metrics import said, title_of
from services.registry.domain.proportions import difference
from understudy.contracts.reviews import Finding, Results, Slice
from understudy.contracts.vocabulary import BaselineSample, FindingCode, Severity, Task

TIMES_WORSE: Final = 1.5
NUMBERS_TIMES_WORSE: Final = 2.0
LARGE_EXCESS: Final = 0.05
"""Of a loss between 0 and 1."""
TOLERANCES: Final = {"roc_auc": 0.02, "accuracy": 0.02}
RMSE_TOLERANCE: Final = 0.1
"""Of the shuffled rows' rmse."""
_MOST_NAMED: Final = 3


def weak_slice(results: Results, task: Task) -> Iterator[Finding]:
    """A part of the rows that the model answers worse than the others.

    Formula: with intervals that hold for all slices together, the lower end of the difference to
    all other rows is above half of their mean loss (1.5 times as bad) and above 0.05 (for numbers:
    twice as bad). A warning needs more: the lower end of the loss less what the model's own
    probabilities promise is above 0.05 as well. Rows that are hard to tell cost more whatever the
    model, but an honest model knows. Without probabilities, and on rows that it was trained on,
    nobody can tell hard rows from wrong answers, and it is worth a look.
    Source: Chung, Kraska, Polyzotis, Tae & Whang, IEEE TKDE 32, 2020; Bonferroni for many slices.
    Guarantee: of a model whose probabilities are right, at most 5 % of samples are warned of, all
    slices together. Of numbers none holds where their spread differs: twice as bad is the margin.
    """
    weak = [one for one in results.slices if _weak(one, task)]
    if not weak:
        return
    wrong = [one for one in weak if _wrong(one, task)]
    warn = bool(wrong) and results.sample is BaselineSample.EVALUATION
    told = (wrong if warn else weak)[:_MOST_NAMED]
    why = (
        "That is more than the rows' own difficulty explains: look at their labels and features "
        "for faults, and whether they were there in training"
        if warn
        else "Harder rows may explain it: decide whether it is good enough there"
    )
    yield Finding(
        code=FindingCode.WEAK_SLICE,
        severity=Severity.WARN if warn else Severity.LOOK,
        title="Some rows are answered much worse than others",
        detail=f"{_listed(told)}. {why}.",
        subjects=tuple(dict.fromkeys(one.feature for one in told)),
        figure=told[0].difference,
        threshold=(_times(task) - 1) * _others(told[0]),
    )


def time_split_drop(results: Results) -> Iterator[Finding]:
    """The recipe does worse on the future than on shuffled rows, as the evaluation has it.

    Formula: the deciding metric of the recipe fitted anew on random rows, less that of the recipe
    fitted on as many earlier rows and measured on later ones; the interval of the difference from
    those of its parts (variance estimates recovery). Its lower end is above 0.02 of the area under
    the ROC curve or of accuracy, or above a tenth of the shuffled rows' rmse.
    Source: Zou & Donner, Statistics in Medicine 27, 2008; V. Cerqueira, L. Torgo & I. Mozetič,
    "Evaluating time series forecasting models", Machine Learning 109, 2020, for why past and future
    rows must not be mixed.
    Guarantee: without drift at most 2.5 % of samples are warned of, fewer thanks to the tolerance.
    The two fits' own chance is not part of the interval; the tolerance covers it.
    """
    split = results.time_split
    if split is None or split.refitted is None or split.shuffled is None:
        return
    lower_is_better = results.deciding == "rmse"
    better, worse = split.shuffled, split.refitted
    if lower_is_better:
        better, worse = worse, better
    drop = difference(better, worse)
    tolerance = TOLERANCES.get(results.deciding, RMSE_TOLERANCE * split.shuffled.value)
    if drop.low is None or drop.low <= tolerance:
        return
    yield Finding(
        code=FindingCode.TIME_SPLIT_DROP,
        severity=Severity.WARN,
        title="Worse on later rows than the evaluation promises",
        detail=f"The recipe, fitted anew on the earlier rows, reaches {said(split.refitted)} in "
        f"{title_of(results.deciding)} on the later ones; on shuffled rows it reaches "
        f"{said(split.shuffled)}. Rows of one moment are in both samples, or the world changes: "
        "evaluate on rows that are later than all that it was trained on, and expect live quality "
        "to be like that.",
        figure=drop,
        threshold=tolerance,
    )


def _weak(one: Slice, task: Task) -> bool:
    low = one.difference.low
    if low is None or low <= (_times(task) - 1) * _others(one):
        return False
    return task is Task.REGRESSION or low > LARGE_EXCESS


def _wrong(one: Slice, task: Task) -> bool:
    """Whether it is more than hard rows explain."""
    if task is Task.REGRESSION:
        return True
    return one.excess is not None and one.excess.low is not None and one.excess.low > LARGE_EXCESS


def _times(task: Task) -> float:
    return NUMBERS_TIMES_WORSE if task is Task.REGRESSION else TIMES_WORSE


def _others(one: Slice) -> float:
    return max(one.loss.value - one.difference.value, 0.0)


def _listed(slices: Sequence[Slice]) -> str:
    return "; ".join(
        f"where {one.feature} is {one.part} ({one.rows} rows) the mean loss is "
        f"{one.loss.value:.4g} instead of {_others(one):.4g}"
        for one in slices
    )
