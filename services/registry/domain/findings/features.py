"""Rules about features."""

from collections.abc import Iterator

from services.registry.domain.findings.features_identifiers import identifier_on_top
from services.registry.domain.findings.features_leaking import single_feature
from services.registry.domain.findings.features_missing import fragile_to_missing
from services.registry.domain.findings.features_useless import irrelevant_feature
from understudy.contracts.reviews import Finding, Review
from understudy.contracts.signature import Signature


def found(review: Review, signature: Signature) -> Iterator[Finding]:
    """What there is to find."""
    if review.explanations is None:
        return
    yield from single_feature(review, review.explanations)
    yield from identifier_on_top(review, review.explanations, signature)
    yield from irrelevant_feature(review, review.explanations)
    yield from fragile_to_missing(review, review.explanations)
