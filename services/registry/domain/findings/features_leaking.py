"""Rule: one feature alone gives the label away, or the model leans on one alone."""

from collections.abc import Iterator
from typing import Final

from understudy.contracts.reviews import Alone, Estimate, Explanations, Finding, Review
from understudy.contracts.vocabulary import FindingCode, Severity, Task

LEAK: Final = 0.99
STRONG: Final = 0.95
MOST_SHARE: Final = 0.9
_MOST_NAMED: Final = 5


def single_feature(review: Review, explained: Explanations) -> Iterator[Finding]:
    """Blocks for a leak; else warns, or asks for a look, at a model that leans on one feature.

    Blocks when the near end of `Alone.score` (its 95 % interval, by the number of ways in which the
    feature was looked at) is above 0.99: a feature whose true area is not above that is taken for a
    leak at most 2.5 times in 100, and the classes of a small sample never are: 1.0 on 100 and 100
    rows has its near end at 0.96. Otherwise one of several features with more than 90 % of all
    importance is worth a look, and a warning when the near end of that share is above 90 %
    (`near_share`) and the near end of its own score above 0.95: the model is then little more than
    that feature.

    Source: S. Kaufman et al., Leakage in Data Mining, ACM TKDD 6, 2012, for what leaks look like;
    thresholds are ours.
    """
    leaks = [one for one in explained.alone if _near(one.score) > LEAK]
    if leaks:
        yield _leak(sorted(leaks, key=lambda one: -_near(one.score)), review.task)
        return
    if len(explained.importances) < 2:
        return
    top = explained.importances[0]
    if top.share <= MOST_SHARE:
        return
    alone = {one.feature: one for one in explained.alone}.get(top.feature)
    sure = near_share(explained) > MOST_SHARE
    strong = alone is not None and _near(alone.score) > STRONG
    yield Finding(
        code=FindingCode.SINGLE_FEATURE,
        severity=Severity.WARN if sure and strong else Severity.LOOK,
        title="The model leans on one feature alone",
        detail=(
            f"'{top.feature}' has {top.share:.0%} of all importance{_told(alone, review.task)}. "
            "Make sure that it is known when the model is asked, and means the same then; what "
            "breaks this column breaks the model."
        ),
        subjects=(top.feature,),
        figure=Estimate(top.share),
        threshold=MOST_SHARE,
    )


def near_share(explained: Explanations) -> float:
    """The near end of the largest importance, by it and the far ends of all others."""
    first, *others = explained.importances
    near = max(first.growth.low or 0.0, 0.0)
    far = sum(max(one.growth.high or one.growth.value, 0.0) for one in others)
    return near / (near + far) if near > 0 else 0.0


def _leak(leaks: list[Alone], task: Task) -> Finding:
    names = tuple(one.feature for one in leaks)
    shown = ", ".join(
        f"'{one.feature}' ({one.score.value:.3f}, at least {_near(one.score):.3f})"
        for one in leaks[:_MOST_NAMED]
    )
    more = f" and {len(leaks) - _MOST_NAMED} more" if len(leaks) > _MOST_NAMED else ""
    return Finding(
        code=FindingCode.SINGLE_FEATURE,
        severity=Severity.BLOCK,
        title="One feature gives the label away"
        if len(leaks) == 1
        else f"{len(leaks)} features give the label away",
        detail=(
            f"{_measure(task)} of a feature alone, without any model: {shown}{more}. Honest "
            "features are rarely that good: this looks like the label itself, or something that "
            "is known only after it. Find out when the value is written; if that is after the "
            "prediction, train without it."
        ),
        subjects=names,
        figure=leaks[0].score,
        threshold=LEAK,
    )


def _told(alone: Alone | None, task: Task) -> str:
    if alone is None:
        return ""
    return f", and alone tells the label with {_measure(task)} {alone.score.value:.3f}"


def _measure(task: Task) -> str:
    return "AUC" if task is Task.CLASSIFICATION else "Rank correlation"


def _near(score: Estimate) -> float:
    return 0.0 if score.low is None else score.low
