"""What a decision rested on, as its entry in the trail keeps it: to be read years later."""

from collections.abc import Mapping
from dataclasses import dataclass

from services.registry.domain.gate import Facts, Written
from services.registry.domain.gate_texts import InvalidGateError, document_of, policy_of
from understudy.contracts.gate import GatePolicy


@dataclass(frozen=True, slots=True)
class Grounds:
    """What is known of it; None for what nobody kept."""

    review: int | None = None
    """The number of the review; None where the version had none."""
    policy: int | None = None
    """The number of the policy; 0 is the installation's own."""
    demands: GatePolicy | None = None
    """What that policy demanded then."""


def grounds_in(written: Written, facts: Facts) -> dict[str, object]:
    """As details of an entry."""
    made = facts.review.made if facts.review else None
    return {
        "policy": written.number,
        # Whole: of the installation's own nothing else is kept.
        "demands": document_of(written.policy),
        "review": made.file if made else None,
        "review_number": facts.review.number if facts.review else None,
        "opened_at": facts.opening.at.isoformat() if facts.opening else None,
    }


def grounds_of(details: Mapping[str, object]) -> Grounds | None:
    """Out of details of an entry; None where they hold none."""
    if "review_number" not in details:
        return None
    review, policy = details["review_number"], details.get("policy")
    return Grounds(
        review=review if isinstance(review, int) else None,
        policy=policy if isinstance(policy, int) else None,
        demands=_demands(details.get("demands")),
    )


def _demands(document: object) -> GatePolicy | None:
    try:
        return policy_of(document) if isinstance(document, Mapping) else None
    except InvalidGateError:  # another release wrote it, with words that this one does not know
        return None
