"""Rules about groups of protected attributes.

benchmarks/simulations/review_groups.py measures how often they are wrong, and how often right.
"""

from collections.abc import Iterator
from itertools import combinations
from typing import Final

from services.registry.domain.proportions import difference, ratio, shared_z, wilson
from understudy.contracts.reviews import (
    AttributeFairness,
    Estimate,
    Finding,
    Gap,
    GroupFigures,
    ProxyStrength,
    Review,
)
from understudy.contracts.signature import Signature
from understudy.contracts.vocabulary import FindingCode, Severity

APART: Final = 0.10
FOUR_FIFTHS: Final = 0.8
MATTERS: Final = 0.05
"""By how much selection rates differ at least before their ratio is held against anybody."""
ENOUGH: Final = 100
"""Rows of a group whose ratio is held against anybody."""
TELLS: Final = 0.75
IMPORTANT: Final = 0.05
"""Of all features' importance."""
_WARNED: Final = ("selection_rate", "true_positive_rate", "false_positive_rate")
_NAMES: Final = {
    "selection_rate": "selection rate",
    "true_positive_rate": "true positive rate",
    "false_positive_rate": "false positive rate",
    "accuracy": "accuracy",
}
_ALL: Final = "*"


def found(review: Review, signature: Signature) -> Iterator[Finding]:
    """What there is to find; nothing where no attribute is protected."""
    del signature
    if review.fairness is None:
        return
    for held in review.fairness.attributes:
        yield from unfair(held)
        yield from small_group(held)
        yield from proxy(held, review)


def unfair(held: AttributeFairness) -> Iterator[Finding]:
    """Groups are answered differently.

    Formula: for selection rate, true and false positive rate, the interval of the difference
    between two groups begins above 0.10 (of accuracy: only worth a look). Or the selection rates'
    ratio is surely below four fifths (Uniform Guidelines on Employee Selection Procedures, 1978,
    section 4D) between groups of 100 rows or more whose rates surely differ by more than 0.05:
    where few are selected at all, a small difference is a small ratio. The rule is about the
    favourable answer, and nobody has said which that is: it is worth a look and no warning.
    Guarantee: intervals hold for all pairs of groups of an attribute together (Bonferroni), so that
    groups whose figures are within the threshold raise a false alarm in at most 2.5 % of reviews,
    for each figure and attribute. A difference is no proof of wrong: groups may differ in what is
    asked about them.
    """
    for gap in held.gaps:
        low = gap.size.low
        if gap.figure in _NAMES and low is not None and low > APART:
            yield _apart(held.attribute, gap)
    if not any(gap.figure == "selection_rate" and _sure(gap) for gap in held.gaps):
        yield from _four_fifths(held)


def _sure(gap: Gap) -> bool:
    return gap.size.low is not None and gap.size.low > APART


def _apart(attribute: str, gap: Gap) -> Finding:
    less, more = gap.between
    low = gap.size.low or 0.0
    return Finding(
        FindingCode.UNFAIR,
        Severity.WARN if gap.figure in _WARNED else Severity.LOOK,
        f"{_NAMES[gap.figure].capitalize()} differs by {attribute}",
        f"Between {more} (higher) and {less} (lower) the {_NAMES[gap.figure]} differs by "
        f"{100 * gap.size.value:.0f} percentage points, at least {100 * low:.0f}. Say in the "
        "questionnaire which definition of fairness holds here; look at how the groups differ in "
        "their features and labels before the version is deployed.",
        (attribute, more, less),
        gap.size,
        APART,
    )


def _four_fifths(held: AttributeFairness) -> Iterator[Finding]:
    shown = [
        (group, group.figures["selection_rate"].value)
        for group in held.groups
        if "selection_rate" in group.figures and not group.suppressed
    ]
    z = shared_z(len(shown) * (len(shown) - 1) // 2)
    worst: tuple[GroupFigures, GroupFigures, Estimate] | None = None
    for pair in combinations(sorted(shown, key=lambda one: one[1]), 2):
        (less, low_rate), (more, high_rate) = pair
        if min(less.rows, more.rows) < ENOUGH:
            continue
        low = wilson(low_rate * less.rows, less.rows, z)
        high = wilson(high_rate * more.rows, more.rows, z)
        if low is None or high is None:
            continue
        share = ratio(low, high)
        if share is None or share.high is None or share.high >= FOUR_FIFTHS:
            continue
        apart = (difference(high, low).low or 0.0) > MATTERS
        if apart and (worst is None or share.high < (worst[2].high or 0.0)):
            worst = (less, more, share)
    if worst is not None:
        less, more, share = worst
        yield Finding(
            FindingCode.UNFAIR,
            Severity.LOOK,
            f"Selection is below the four-fifths rule by {held.attribute}",
            f"{less.group} is selected {share.value:.2f} times as often as {more.group} (at most "
            f"{share.high:.2f} times). If to be selected is the favourable answer, four fifths is "
            "what is usually accepted. Say in the questionnaire which definition of fairness holds "
            "here, and why this is right.",
            (held.attribute, less.group, more.group),
            share,
            FOUR_FIFTHS,
        )


def small_group(held: AttributeFairness) -> Iterator[Finding]:
    """A group has too few labelled rows for any figure: nothing is known about it."""
    small = [group for group in held.groups if group.suppressed]
    if small:
        told = ", ".join(f"{group.group} ({group.rows})" for group in small)
        yield Finding(
            FindingCode.SMALL_GROUP,
            Severity.LOOK,
            f"Too few rows of some groups of {held.attribute}",
            f"{told}: below 30 labelled rows, so nothing is known of how they are answered.",
            (held.attribute, *(group.group for group in small)),
        )


def proxy(held: AttributeFairness, review: Review) -> Iterator[Finding]:
    """A feature tells a protected attribute's groups, and the model leans on it.

    Formula: the interval of its area under the ROC curve begins above 0.75: of two rows, one of the
    group and one not, it tells which is which in three of four cases. A warning when the feature
    surely matters to the answers and makes up 5 % of all importance; a look when it does not, when
    importances are not there, or when only all features together tell the groups.
    """
    telling = [one for one in held.proxies if one.feature != _ALL and _tells(one)]
    important = _important(review)
    for severity, features in (
        (Severity.WARN, [one for one in telling if one.feature in important]),
        (Severity.LOOK, [one for one in telling if one.feature not in important]),
    ):
        if features:
            yield _proxy(held.attribute, severity, features)
    together = next((one for one in held.proxies if one.feature == _ALL), None)
    if together is not None and not telling and _tells(together):
        yield Finding(
            FindingCode.PROXY,
            Severity.LOOK,
            f"Features together tell {held.attribute}",
            f"No single feature does, but all of them tell its groups apart with an AUC of "
            f"{together.score.value:.2f}: that the attribute is no feature does not mean that the "
            "model can't know it.",
            (held.attribute,),
            together.score,
            TELLS,
        )


def _tells(one: ProxyStrength) -> bool:
    return one.score.low is not None and one.score.low > TELLS


def _important(review: Review) -> set[str]:
    importances = () if review.explanations is None else review.explanations.importances
    return {
        one.feature for one in importances if one.share >= IMPORTANT and (one.growth.low or 0.0) > 0
    }


def _proxy(attribute: str, severity: Severity, features: list[ProxyStrength]) -> Finding:
    told = ", ".join(f"{one.feature} (AUC {one.score.value:.2f})" for one in features)
    uses = (
        "The model leans on it: it may treat groups differently without being told of them. Look "
        "at the figures by group, and whether the feature is needed."
        if severity is Severity.WARN
        else "The model hardly leans on it, as far as is known."
    )
    return Finding(
        FindingCode.PROXY,
        severity,
        f"{features[0].feature if len(features) == 1 else 'Features'} can stand in for {attribute}",
        f"{told} alone tells the groups of {attribute} apart. {uses}",
        (attribute, *(one.feature for one in features)),
        features[0].score,
        TELLS,
    )
