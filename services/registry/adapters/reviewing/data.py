"""What the samples hold."""

from services.registry.adapters.reviewing.subject import LeftOutError, Subject
from understudy.contracts.reviews import Correlations, Data, Estimate


def data_of(subject: Subject) -> Data:
    """One part. Raises LeftOutError."""
    raise LeftOutError("it is not made yet")


def overlap_of(subject: Subject) -> Estimate | None:
    """One part. Raises LeftOutError."""
    raise LeftOutError("it is not made yet")


def correlations_of(subject: Subject) -> Correlations:
    """One part. Raises LeftOutError."""
    raise LeftOutError("it is not made yet")
