"""Rule: what the model leans on most tells rows or moments apart, not kinds of rows."""

from collections.abc import Iterator
from typing import Final

from understudy.contracts.reviews import ColumnFacts, Estimate, Explanations, Finding, Review
from understudy.contracts.signature import Feature, Signature
from understudy.contracts.vocabulary import FeatureKind, FindingCode, Severity

TOP: Final = 3
LEAST_SHARE: Final = 0.05
DISTINCT: Final = 0.99
"""Of values; of texts and whole numbers alone, as measurements are all distinct by nature."""
ORDER: Final = 0.95
FEWEST_ROWS: Final = 100
_EVEN: Final = 0.1
"""How far quartiles may be from where evenly spread values have them, by their range."""


def identifier_on_top(
    review: Review, explained: Explanations, signature: Signature
) -> Iterator[Finding]:
    """Warns when one of the three most important features is like an identifier or a time.

    Looked at are those of which the near end of importance is above 0 and at least 5 % of all
    importance. Like an identifier: a text or a whole number with 99 % of values distinct, and of
    whole numbers quartiles that lie as those of evenly spread ones (amounts in cents are distinct
    too, but skewed). Like a time: a number whose rank correlation with the time column is above
    0.95, or without times, of a whole number with many values, the one with the order of rows.
    Floating-point numbers are no identifiers, however distinct. Below 100 rows nobody can tell.

    Whole numbers that are honest, all distinct and evenly spread are taken for identifiers, and
    identifiers in an order without meaning that repeat are missed.
    """
    facts = {column.name: column for column in review.data.columns if column.part == "feature"}
    rows = review.data.samples[0].read if review.data.samples else 0
    if rows < FEWEST_ROWS:
        return
    timed = any(column.part == "time" for column in review.data.columns)
    orders = {one.feature: one.order for one in explained.alone}
    features = {feature.name: feature for feature in signature.features}
    total = sum(one.growth.value for one in explained.importances)
    for one in explained.importances[:TOP]:
        near = one.growth.low or 0.0
        feature, column = features.get(one.feature), facts.get(one.feature)
        if near <= 0 or near < LEAST_SHARE * total or feature is None or column is None:
            continue
        order = orders.get(one.feature)
        reason = _as_time(feature, column, order, rows, timed=timed) or _as_name(
            feature, column, rows
        )
        if reason is not None:
            yield _finding(one.feature, one.share, reason, order)


def _finding(name: str, share: float, reason: str, order: float | None) -> Finding:
    return Finding(
        code=FindingCode.IDENTIFIER_ON_TOP,
        severity=Severity.WARN,
        title="The model leans on an identifier or a time",
        detail=(
            f"'{name}' has {share:.0%} of all importance, and {reason}. New rows will have values "
            "that the model never saw. Train without it, or with what it stands for (such as an "
            "age instead of a date)."
        ),
        subjects=(name,),
        figure=None if order is None else Estimate(order),
        threshold=None if order is None else ORDER,
    )


def _as_time(
    feature: Feature, column: ColumnFacts, order: float | None, rows: int, *, timed: bool
) -> str | None:
    if order is None or order <= ORDER:
        return None
    if timed:
        return f"its values follow time (rank correlation {order:.3f})"
    if _whole(feature, column) and column.distinct > rows / 2:
        return f"its values follow the order of rows (rank correlation {order:.3f})"
    return None


def _as_name(feature: Feature, column: ColumnFacts, rows: int) -> str | None:
    present = rows * (1 - column.missing)
    if present < FEWEST_ROWS or column.distinct < DISTINCT * present:
        return None
    text = feature.kind is FeatureKind.CATEGORY
    if text or (_whole(feature, column) and _evenly_spread(column)):
        return f"{column.distinct:,} of {round(present):,} values are distinct"
    return None


def _whole(feature: Feature, column: ColumnFacts) -> bool:
    return feature.kind is FeatureKind.INTEGER or "int" in column.stored_as


def _evenly_spread(column: ColumnFacts) -> bool:
    least, most, quartiles = column.minimum, column.maximum, column.quartiles
    if least is None or most is None or quartiles is None or most <= least:
        return False
    places = [(quartile - least) / (most - least) for quartile in quartiles]
    return all(
        abs(place - even) <= _EVEN for place, even in zip(places, (0.25, 0.5, 0.75), strict=True)
    )
