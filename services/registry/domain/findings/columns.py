"""Rules about single columns of the reference, and pairs of them."""

from collections.abc import Iterator
from itertools import combinations
from typing import Final

from services.registry.domain.proportions import wilson
from understudy.contracts.reviews import Bars, Finding, Review
from understudy.contracts.vocabulary import FindingCode, Severity

VARIES: Final = 0.01
MISSING: Final = 0.5
CORRELATED: Final = 0.98
_NAMED: Final = 10


def constant_feature(review: Review) -> Iterator[Finding]:
    """A feature has the same value, or none, in every row of the reference.

    Where the evaluation has other values in some rows, but surely not in more than 1 % (Wilson),
    the feature is a rare one and only worth a look; in more, the model meets what it never learned.
    """
    rows = review.data.samples[-1].read
    constant, rare = list[str](), list[str]()
    for column in review.data.columns:
        if column.part != "feature" or column.distinct > 1:
            continue
        if column.distinct == 1 and column.missing > 0.0:
            continue  # whether it is there says something
        elsewhere = _elsewhere(column.bars)
        share = wilson(elsewhere * rows, rows)
        seldom = elsewhere > 0.0 and share is not None and (share.low or 0.0) <= VARIES
        (rare if seldom else constant).append(column.name)
    if constant:
        yield Finding(
            FindingCode.CONSTANT_FEATURE,
            Severity.WARN,
            f"{_features(len(constant))} without any variation",
            f"{_named(constant)} {'has' if len(constant) == 1 else 'have'} one value, or none, in "
            "every row of the reference: the model can't have learned what others mean. Leave it "
            "out, or find out why nothing else was recorded.",
            tuple(constant),
        )
    if rare:
        yield Finding(
            FindingCode.CONSTANT_FEATURE,
            Severity.LOOK,
            f"{_features(len(rare))} with one value in the reference",
            f"{_named(rare)}: few rows of the evaluation have another value, none of the "
            "reference.",
            tuple(rare),
        )


def _elsewhere(bars: Bars | None) -> float:
    """Share of the evaluation's values that the reference's one value is none of."""
    if bars is None or bars.evaluation is None or not any(bars.evaluation):
        return 0.0
    pairs = zip(bars.reference, bars.evaluation, strict=True)
    return min(1.0, sum(theirs for own, theirs in pairs if own == 0.0))


def mostly_missing(review: Review) -> Iterator[Finding]:
    """A feature has no value in more than half of the reference's rows."""
    mostly = [
        column
        for column in review.data.columns
        if column.part == "feature" and MISSING < column.missing < 1.0
    ]
    if mostly:
        told = _named([f"{column.name} ({column.missing:.0%})" for column in mostly])
        yield Finding(
            FindingCode.MOSTLY_MISSING,
            Severity.LOOK,
            f"{_features(len(mostly))} mostly missing",
            f"{told}: without a value in more than half of the rows.",
            tuple(column.name for column in mostly),
            threshold=MISSING,
        )


def correlated_features(review: Review) -> Iterator[Finding]:
    """Two features go together so closely that one of them would do; see `Correlations`."""
    table = review.data.correlations
    if table is None:
        return
    pairs = [
        (abs(value), one, other)
        for (i, one), (j, other) in combinations(enumerate(table.names), 2)
        if (value := table.values[i][j]) is not None and abs(value) > CORRELATED
    ]
    if pairs:
        pairs.sort(key=lambda pair: -pair[0])
        told = _named([f"{one} and {other} ({value:.3f})" for value, one, other in pairs])
        names = dict.fromkeys(name for _, *both in pairs for name in both)
        yield Finding(
            FindingCode.CORRELATED_FEATURES,
            Severity.LOOK,
            "Features that say the same",
            f"{told} go together almost perfectly. One of each would do; importances and "
            "dependences are shared between them, so each looks less important than it is.",
            tuple(names),
            threshold=CORRELATED,
        )


def _features(count: int) -> str:
    return "A feature" if count == 1 else f"{count} features"


def _named(texts: list[str]) -> str:
    more = f" and {len(texts) - _NAMED} more" if len(texts) > _NAMED else ""
    return ", ".join(texts[:_NAMED]) + more
