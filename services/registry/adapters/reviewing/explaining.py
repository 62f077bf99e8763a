"""What the answers hang on."""

from collections.abc import Sequence

from services.registry.adapters.reviewing.subject import LeftOutError, Subject
from understudy.contracts.reviews import Alone, Dependence, Importance, WithoutValues


def importances_of(subject: Subject) -> tuple[Importance, ...]:
    """One part. Raises LeftOutError."""
    raise LeftOutError("it is not made yet")


def alone_of(subject: Subject) -> tuple[Alone, ...]:
    """One part. Raises LeftOutError."""
    raise LeftOutError("it is not made yet")


def dependences_of(subject: Subject, ranked: Sequence[str]) -> tuple[Dependence, ...]:
    """One part. Raises LeftOutError."""
    raise LeftOutError("it is not made yet")


def without_of(subject: Subject, ranked: Sequence[str]) -> tuple[WithoutValues, ...]:
    """One part. Raises LeftOutError."""
    raise LeftOutError("it is not made yet")
