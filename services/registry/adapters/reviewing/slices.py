"""Where the model is worse than elsewhere."""

from services.registry.adapters.reviewing.subject import LeftOutError, Subject
from understudy.contracts.reviews import Slice


def slices_of(subject: Subject) -> tuple[Slice, ...]:
    """One part. Raises LeftOutError."""
    raise LeftOutError("it is not made yet")
