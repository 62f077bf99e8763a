"""Rules: what of a review's figures somebody who decides should know.

Each module has one rule for each `FindingCode` it names, with formula, source and guarantee in its
docstring; benchmarks/simulations/review_samples.py, review_scores.py, review_features.py and
review_groups.py measure how often they are wrong and how often right (docs/statistics/review.md).
A rule that raises a warning or blocks looks at the near end of an interval, never at a bare figure.
"""

from collections.abc import Callable, Iterator
from typing import Final

from services.registry.domain.findings import features, groups, samples, scores
from understudy.contracts.reviews import Finding, Review
from understudy.contracts.signature import Signature
from understudy.contracts.vocabulary import Severity

Rule = Callable[[Review, Signature], Iterator[Finding]]

RULES: Final[tuple[Rule, ...]] = (
    samples.found,
    scores.found,
    features.found,
    groups.found,
)
_ORDER: Final = {severity: place for place, severity in enumerate(Severity)}


def in_order(review: Review, signature: Signature) -> tuple[Finding, ...]:
    """All that there is to find, blocks first."""
    found = [finding for rule in RULES for finding in rule(review, signature)]
    return tuple(sorted(found, key=lambda finding: _ORDER[finding.severity]))
