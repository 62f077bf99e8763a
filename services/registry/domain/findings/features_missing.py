"""Rule: the model breaks when values are missing that the signature allows to be missing."""

from collections.abc import Iterator
from math import sqrt
from typing import Final

from understudy.contracts.reviews import Estimate, Explanations, Finding, Review, WithoutValues
from understudy.contracts.vocabulary import FindingCode, Severity, Task

SHARE: Final = 0.1
MOST_DROP: Final = 0.1
"""Of an AUC or an accuracy."""
MOST_GROWTH: Final = 0.25
"""Of the root mean squared error, by itself."""
MOST_REFUSED: Final = 0.05
_MOST_NAMED: Final = 5


def fragile_to_missing(review: Review, explained: Explanations) -> Iterator[Finding]:
    """Warns of a drop when 10 % of values are taken away, and of rows that are refused then.

    A drop counts when its near end is above 0.1 (AUC, accuracy) or 25 % of the error (numbers).
    The near end is that of the difference of two figures with intervals, by the square-and-add
    method (R. G. Newcombe, Statistics in Medicine 17, 1998; G. Zou and A. Donner, Statistics in
    Medicine 27, 2008); as both are measured on the same rows it is rather too far out. Refused
    rows contradict the signature: a warning as soon as 5 % more are refused than without.
    """
    usual = next((one for one in explained.without if one.share == 0), None)
    if usual is None:
        return
    refused = [one for one in explained.without if one.refused - usual.refused > MOST_REFUSED]
    if refused:
        yield _of_refused(refused)
    taken = next((one for one in explained.without if one.share == SHARE), None)
    if taken is not None and taken not in refused:
        yield from _of_drop(review, usual, taken)


def _of_refused(refused: list[WithoutValues]) -> Finding:
    columns = [one.feature for one in refused if one.feature != "*"]
    named = ", ".join(f"'{name}'" for name in columns[:_MOST_NAMED]) or "some values"
    worst = max(refused, key=lambda one: one.refused)
    return Finding(
        code=FindingCode.FRAGILE_TO_MISSING,
        severity=Severity.WARN,
        title="The model refuses missing values that its signature allows",
        detail=(
            f"Up to {worst.refused:.0%} of rows are refused without {named}. Callers who follow "
            "the signature would get errors: say `nullable: false` for such features, or put an "
            "imputer before the model."
        ),
        subjects=tuple(columns),
        figure=Estimate(worst.refused),
        threshold=MOST_REFUSED,
    )


def _of_drop(review: Review, usual: WithoutValues, taken: WithoutValues) -> Iterator[Finding]:
    name = review.results.deciding if review.results is not None else "the deciding metric"
    before, after = usual.metric, taken.metric
    if review.task is Task.REGRESSION:
        allowed = _times(before, 1 + MOST_GROWTH)
        near = _near_difference(after, allowed)
        worse, threshold = near > 0, MOST_GROWTH
        drop = after.value / before.value - 1 if before.value > 0 else 0.0
        told = f"grows from {before.value:.4g} to {after.value:.4g}"
    else:
        near = _near_difference(before, after)
        worse, threshold = near > MOST_DROP, MOST_DROP
        drop = before.value - after.value
        told = f"falls from {before.value:.3f} to {after.value:.3f}"
    if worse:
        yield Finding(
            code=FindingCode.FRAGILE_TO_MISSING,
            severity=Severity.WARN,
            title="The model falls apart at missing values",
            detail=(
                f"When {SHARE:.0%} of the values that may be null are taken away at random, {name} "
                f"{told}. Train with missing values as they occur live, or refuse rows without "
                "the features that matter most."
            ),
            figure=Estimate(drop),
            threshold=threshold,
        )


def _times(figure: Estimate, factor: float) -> Estimate:
    low = None if figure.low is None else factor * figure.low
    high = None if figure.high is None else factor * figure.high
    return Estimate(factor * figure.value, low, high)


def _near_difference(larger: Estimate, smaller: Estimate) -> float:
    """The lower end of `larger - smaller`; below all without intervals."""
    if larger.low is None or smaller.high is None:
        return float("-inf")
    below, above = larger.value - larger.low, smaller.high - smaller.value
    return larger.value - smaller.value - sqrt(below**2 + above**2)
