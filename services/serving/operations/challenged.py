"""What a challenger answered to rows that the main has just answered, as the pair stream has it.

The rows are asked of the main and logged as any others; the challenger reads them from the log.
"""

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from typing import ClassVar, Final

from services.serving.domain.errors import ScoringFailedError
from services.serving.operations.replies import Answer
from services.serving.ports import Pairs
from understudy.contracts.events import PairBatch, Scores, unpack
from understudy.contracts.refusals import Fault, Refusal
from understudy.contracts.vocabulary import Label, Outcome, class_name

_PAUSE_SECONDS: Final = 0.02


class ChallengerLateError(Refusal):
    """The challenger's answer was not there in time."""

    fault: ClassVar = Fault.DEADLINE
    code: ClassVar = "challenger_late"

    def __init__(self, version: int, seconds: float) -> None:
        super().__init__(
            f"Version {version} is a challenger and had not answered within {seconds:g} s. The "
            "main has; both answers will be in the log."
        )


class PairsUnavailableError(Refusal):
    """Redis, where challengers' answers are, can't be read."""

    fault: ClassVar = Fault.UNAVAILABLE
    code: ClassVar = "pairs_unavailable"

    def __init__(self) -> None:
        super().__init__(
            "What challengers answer can't be read at present. Try again shortly.", retry_after=5
        )


class Challenged:
    """Waits for challengers' answers; for those who may read them alone."""

    def __init__(self, pairs: Pairs, seconds: float) -> None:
        self._pairs = pairs
        self._seconds = seconds

    async def mark(self, deployment: str) -> bytes:
        """Where the stream ends before the main is asked. Raises PairsUnavailableError."""
        try:
            return await self._pairs.latest(deployment)
        except OSError as error:
            raise PairsUnavailableError from error

    async def answers(
        self,
        deployment: str,
        mark: bytes,
        version: int,
        asked: Sequence[Answer],
    ) -> list[Answer]:
        """The challenger's answers to what the main answered.

        Raises ChallengerLateError, PairsUnavailableError, and ScoringFailedError when the
        challenger failed on a row.
        """
        wanted = {answer.prediction_id: answer.model for answer in asked}
        try:
            async with asyncio.timeout(self._seconds):
                found = await self._await(deployment, mark, version, wanted)
        except TimeoutError as error:
            raise ChallengerLateError(version, self._seconds) from error
        except OSError as error:
            raise PairsUnavailableError from error
        return [found[answer.prediction_id] for answer in asked]

    async def _await(
        self, deployment: str, mark: bytes, version: int, wanted: Mapping[str, str]
    ) -> Mapping[str, Answer]:
        found: dict[str, Answer] = {}
        while True:
            entries = await self._pairs.since(deployment, mark)
            for entry, pairs in entries:
                mark = entry
                if pairs is not None and pairs.challenger == version:
                    found |= _answers(pairs, wanted)
            if len(found) == len(wanted):
                return found
            if not entries:
                await asyncio.sleep(_PAUSE_SECONDS)


def _answers(pairs: PairBatch, wanted: Mapping[str, str]) -> dict[str, Answer]:
    rows = [index for index, name in enumerate(pairs.ids) if name in wanted]
    failed = next((index for index in rows if pairs.outcomes[index] != Outcome.OK), None)
    if failed is not None:
        raise ScoringFailedError(
            f"Version {pairs.challenger}, a challenger, gave no answer to prediction "
            f"{pairs.ids[failed]}: {pairs.outcomes[failed]}."
        )
    told = [*_told(pairs.challenger_scores)] if rows else []
    return {
        pairs.ids[index]: Answer(
            pairs.ids[index], *told[index], wanted[pairs.ids[index]], pairs.challenger
        )
        for index in rows
    }


def _told(scores: Scores) -> Iterator[tuple[Label, Mapping[str, float] | None]]:
    """Answer and probabilities of each row; rows without an answer have NaN."""
    values, classes = unpack(scores.values).tolist(), scores.classes
    if not classes:
        yield from ((value, None) for value in values)
        return
    names = [class_name(label) for label in classes]
    likely = unpack(scores.probabilities, len(classes)).tolist() if scores.probabilities else None
    for index, value in enumerate(values):
        label = classes[int(value)] if value == value else ""  # noqa: PLR0124 - NaN
        yield label, None if likely is None else dict(zip(names, likely[index], strict=True))
