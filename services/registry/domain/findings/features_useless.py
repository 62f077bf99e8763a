"""Rule: features that neither the model nor the label needs."""

from collections.abc import Iterator
from typing import Final

from understudy.contracts.reviews import Estimate, Explanations, Finding, Review
from understudy.contracts.vocabulary import FindingCode, Severity, Task

MOST_AREA: Final = 0.6
MOST_RANK: Final = 0.2
_MOST_NAMED: Final = 10


def irrelevant_feature(review: Review, explained: Explanations) -> Iterator[Finding]:
    """Asks for a look at features that matter neither to the model nor to the label.

    Both 95 % intervals hold chance: importance 0, and the feature's own score 0.5 (AUC) or 0 (rank
    correlation). The far end of the score is below 0.6 or 0.2 too, so a sample that is too small to
    tell says nothing. It is no proof: a feature that matters little may look like one that does
    not, and of several that stand in for one another each looks useless by itself.
    """
    scores = {one.feature: one.score for one in explained.alone}
    chance, most = (0.5, MOST_AREA) if review.task is Task.CLASSIFICATION else (0.0, MOST_RANK)
    useless = [
        one.feature
        for one in explained.importances
        if _holds(one.growth, 0.0)
        and one.feature in scores
        and _holds(scores[one.feature], chance)
        and (scores[one.feature].high or 1.0) < most
    ]
    if not useless:
        return
    named = ", ".join(f"'{name}'" for name in useless[:_MOST_NAMED])
    more = f" and {len(useless) - _MOST_NAMED} more" if len(useless) > _MOST_NAMED else ""
    count = "One feature" if len(useless) == 1 else f"{len(useless)} features"
    yield Finding(
        code=FindingCode.IRRELEVANT_FEATURE,
        severity=Severity.LOOK,
        title=f"{count} of no visible use",
        detail=(
            f"Neither the answers nor the label hang on {named}{more}, as far as the sample tells. "
            "Every feature has to be delivered and watched: try whether the model is as good "
            "without."
        ),
        subjects=tuple(useless),
    )


def _holds(figure: Estimate, value: float) -> bool:
    return figure.low is not None and figure.low <= value <= (figure.high or figure.value)
