"""What a challenger answered to rows that the main has just answered, as the pair stream has it.

The rows are asked of the main and logged as any others; the challenger reads them from the log.
Those who wait for answers of one deployment share a reader of its stream, which ends with the last
of them. Admission bounds how many there are, and each waits for a bounded time.
"""

import asyncio
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
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
        self._readers: dict[str, _Reader] = {}
        """By deployment."""

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
        waiting = _Waiting(version, asked)
        reader = self._readers.get(deployment)
        if reader is None:
            reader = _Reader(self._pairs, deployment, mark, self._end)
            self._readers[deployment] = reader
        try:
            async with asyncio.timeout(self._seconds):
                found = await reader.wait(waiting, mark)
        except TimeoutError as error:
            raise ChallengerLateError(version, self._seconds) from error
        except OSError as error:
            raise PairsUnavailableError from error
        return [found[answer.prediction_id] for answer in asked]

    def _end(self, reader: "_Reader") -> None:
        if self._readers.get(reader.deployment) is reader:
            del self._readers[reader.deployment]


class _Waiting:
    """Somebody who waits for what one challenger makes of some rows."""

    def __init__(self, version: int, asked: Sequence[Answer]) -> None:
        self.version = version
        self.asked = {answer.prediction_id: answer for answer in asked}
        self.found: dict[str, Answer] = {}
        self.settled: asyncio.Future[Mapping[str, Answer]] = (
            asyncio.get_running_loop().create_future()
        )

    def look(self, pairs: PairBatch, rows: Sequence[int]) -> None:
        """Take what is wanted of rows whose ids are."""
        if pairs.challenger != self.version or self.settled.done():
            return
        at = unpack(pairs.at)
        # Ids may come again: the moment tells this request's rows from another's.
        mine = [row for row in rows if at[row] == self.asked[pairs.ids[row]].at]
        try:
            self.found |= _answers(pairs, mine, self.asked)
        except ScoringFailedError as refusal:
            self.settled.set_exception(refusal)
        else:
            if len(self.found) == len(self.asked):
                self.settled.set_result(self.found)


class _Reader:
    """Reads one deployment's stream for all who wait for something in it."""

    def __init__(
        self, pairs: Pairs, deployment: str, mark: bytes, end: Callable[["_Reader"], None]
    ) -> None:
        self._pairs = pairs
        self.deployment = deployment
        self._position = mark
        self._end = end
        self._waiting: dict[str, list[_Waiting]] = defaultdict(list)
        """By the ids they wait for."""
        self._reading: asyncio.Task[None] | None = None

    async def wait(self, waiting: _Waiting, mark: bytes) -> Mapping[str, Answer]:
        """What comes beyond the mark. Raises ScoringFailedError, and OSError."""
        for name in waiting.asked:
            self._waiting[name].append(waiting)
        if self._reading is None:
            self._reading = asyncio.create_task(self._read())
        try:
            await self._catch_up(waiting, mark)
            return await waiting.settled
        finally:
            self._leave(waiting)

    async def _catch_up(self, waiting: _Waiting, mark: bytes) -> None:
        """Read what the reader had read before it was known who waits for it."""
        position = self._position
        while _order(mark) < _order(position) and not waiting.settled.done():
            entries = await self._pairs.since(self.deployment, mark)
            if not entries:
                return
            for entry, pairs in entries:
                mark = entry
                if pairs is not None and _order(entry) <= _order(position):
                    rows = [row for row, name in enumerate(pairs.ids) if name in waiting.asked]
                    waiting.look(pairs, rows)

    async def _read(self) -> None:
        try:
            while True:
                entries = await self._pairs.since(self.deployment, self._position)
                for entry, pairs in entries:
                    self._position = entry
                    if pairs is not None:
                        self._tell(pairs)
                await asyncio.sleep(0 if entries else _PAUSE_SECONDS)
        except Exception as error:  # noqa: BLE001 - nobody may wait for a reader that is gone
            self._end(self)
            for waiting in {one for found in self._waiting.values() for one in found}:
                if not waiting.settled.done():
                    waiting.settled.set_exception(error)

    def _tell(self, pairs: PairBatch) -> None:
        rows: dict[_Waiting, list[int]] = defaultdict(list)
        for row, name in enumerate(pairs.ids):
            for waiting in self._waiting.get(name, ()):
                rows[waiting].append(row)
        for waiting, mine in rows.items():
            waiting.look(pairs, mine)

    def _leave(self, waiting: _Waiting) -> None:
        for name in waiting.asked:
            self._waiting[name].remove(waiting)
            if not self._waiting[name]:
                del self._waiting[name]
        if not waiting.settled.cancel() and not waiting.settled.cancelled():
            waiting.settled.exception()  # looked at, whether or not it was told
        if not self._waiting and self._reading is not None:
            self._reading.cancel()
            self._end(self)


def _order(entry: bytes) -> tuple[int, ...]:
    return tuple(map(int, entry.split(b"-")))


def _answers(
    pairs: PairBatch, rows: Sequence[int], asked: Mapping[str, Answer]
) -> dict[str, Answer]:
    failed = next((index for index in rows if pairs.outcomes[index] != Outcome.OK), None)
    if failed is not None:
        raise ScoringFailedError(
            f"Version {pairs.challenger}, a challenger, gave no answer to prediction "
            f"{pairs.ids[failed]}: {pairs.outcomes[failed]}."
        )
    told = [*_told(pairs.challenger_scores)] if rows else []
    names = {index: pairs.ids[index] for index in rows}
    return {
        name: Answer(name, *told[index], asked[name].model, pairs.challenger)
        for index, name in names.items()
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
