"""What the monitor did by itself, or would have done: kept, so that it never flaps."""

from dataclasses import dataclass

from understudy.contracts.vocabulary import Verdict


@dataclass(frozen=True, slots=True)
class Deed:
    """One action, or one recommendation."""

    deployment: str
    at: float
    """Seconds since the epoch."""
    release: int
    """That was current."""
    verdict: Verdict
    """Promote or roll back."""
    version: int
    """That was to become main."""
    former: int
    """That was main."""
    made_release: int | None = None
    """None: it was recommended, or failed."""
    failure: str | None = None
