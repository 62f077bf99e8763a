"""Figures by groups of protected attributes."""

from services.registry.adapters.reviewing.subject import LeftOutError, Subject
from understudy.contracts.reviews import Fairness


def fairness_of(subject: Subject) -> Fairness:
    """One part. Raises LeftOutError."""
    raise LeftOutError("it is not made yet")
