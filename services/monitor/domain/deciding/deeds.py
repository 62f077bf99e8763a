"""What the monitor did by itself, or would have done: kept, so that it never flaps.

One deed for each release, verdict and version; noting it again replaces it. It is noted before it
is done, so that a monitor that dies in between leaves word.
"""

from dataclasses import dataclass
from enum import StrEnum

from understudy.contracts.vocabulary import Verdict


class DeedState(StrEnum):
    """How far it came."""

    RECOMMENDED = "recommended"
    BEGUN = "begun"
    """What became of it is not known."""
    DONE = "done"
    FAILED = "failed"


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
    state: DeedState = DeedState.RECOMMENDED
    made_release: int | None = None
    failure: str | None = None

    @property
    def key(self) -> tuple[str, int, Verdict, int]:
        """What there is one deed of."""
        return self.deployment, self.release, self.verdict, self.version

    def happened(self, release: int, main: int) -> bool:
        """Whether it has led, or may have led, away from the release that it began at."""
        if self.state is DeedState.BEGUN:
            return release > self.release and (release > self.release + 1 or main == self.version)
        return self.state is DeedState.DONE
