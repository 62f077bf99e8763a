"""Where reviews are remembered."""

from collections.abc import Callable, Collection, Mapping
from typing import Protocol

from services.registry.domain.audit import Entry
from services.registry.domain.reviews import Answers, Attempt, Made, Opening
from services.registry.domain.versions import Version


class ReviewStore(Protocol):
    """Attempts, openings, questionnaires."""

    def begin(self, attempt: Attempt, after: int) -> Attempt:
        """Number it: `after` and one more. No change that followers need know of.

        Raises ReviewRunningError unless `after` is the number of the version's last.
        """

    def made(self, attempt: Attempt, made: Made, entry: Entry) -> None:
        """The attempt has ended with a review."""

    def failed(self, attempt: Attempt, reason: str) -> None:
        """The attempt has ended without one."""

    def attempt(self, model: str, version: int, number: int) -> Attempt | None:
        """The attempt of that number."""

    def latest(self, model: str, version: int) -> Attempt | None:
        """The newest attempt, however it stands."""

    def latest_made(self, model: str, version: int) -> Attempt | None:
        """The newest that was made: the version's review."""

    def of_model(self, model: str, versions: Collection[int]) -> Mapping[int, Attempt]:
        """Of those versions, the newest attempt that was made, or else the newest."""

    def open(self, attempt: Attempt, opening: Opening, entry: Entry) -> bool:
        """Note the first opening by an actor; False, and no change, when it is not the first."""

    def openings(self, model: str, version: int) -> tuple[Opening, ...]:
        """Of all its reviews, the earliest first."""

    def answer(self, version: Version, given: Answers, told: Callable[[Answers], Entry]) -> Answers:
        """Merge them with what is there (`domain.reviews.merged`), which is told and returned.

        Raises AlreadyDecidedError when the version was decided meanwhile.
        """

    def answers(self, model: str, version: int) -> Answers | None:
        """The questionnaire, if anybody has answered."""
