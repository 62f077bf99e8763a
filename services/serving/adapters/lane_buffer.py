"""What waits to be written: bounded, for all lanes of a worker together."""

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from services.serving.metrics import LogMetrics

Record = TypeVar("Record")


@dataclass(frozen=True, slots=True)
class Held(Generic[Record]):
    """A record in the buffer, and the replies that wait for it; None: they went ahead of it."""

    record: Record
    rows: int
    size: int
    since: float
    reply: asyncio.Future[bool] | None

    def release_reply(self, *, safe: bool) -> None:
        """Let the replies go that wait."""
        if self.reply is not None and not self.reply.done():
            self.reply.set_result(safe)


class Buffer:
    """How many rows, and about how many bytes, all lanes may hold together.

    `most_ahead`: how many rows may be in it whose replies went out, so are lost with the process.
    """

    def __init__(
        self, most_rows: int, most_bytes: int, most_ahead: int, metrics: LogMetrics
    ) -> None:
        self._most_rows = most_rows
        self._most_bytes = most_bytes
        self._most_ahead = most_ahead
        self._metrics = metrics
        self._rows = 0
        self._bytes = 0
        self._ahead = 0
        self.losing = False
        """Whether rows were lost, of whichever lane, since Redis took any."""

    def take(self, rows: int, size: int) -> bool:
        """Whether there is room for so much more; it is counted then."""
        if self._rows + rows > self._most_rows or self._bytes + size > self._most_bytes:
            return False
        self._rows += rows
        self._bytes += size
        return True

    def run_ahead(self, rows: int) -> bool:
        """Whether replies for rows that were taken may go before they are safe."""
        if self._ahead + rows > self._most_ahead:
            return False
        self._ahead += rows
        return True

    def give_back(self, batch: Iterable[Held[Any]]) -> None:
        """These are safe, or lost."""
        for held in batch:
            self._rows -= held.rows
            self._bytes -= held.size
            if held.reply is None:
                self._ahead -= held.rows
        self.publish()

    def publish(self) -> None:
        """Tell how much waits: with each flush, not with each record, for that costs more."""
        self._metrics.buffered(self._rows, self._bytes)
