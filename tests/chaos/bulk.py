"""Many rows, in single requests and in batches, at a bounded rate; each is counted by its id."""

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final

import aiohttp

from tests.chaos.flowers import Flowers, row

CALLERS: Final = 16
BATCH: Final = 20
NO_ANSWER: Final = "connection lost"


@dataclass(slots=True)
class Bulk:
    """Every second request is a batch. A request that fails is not sent again."""

    flowers: Flowers
    prefix: str
    per_second: float
    """Rows: as many callers as there are send them, so it is a bound, not a promise."""
    answered: set[str] = field(default_factory=set)
    failed: Counter[str] = field(default_factory=Counter)
    """Rows by why they were not answered."""
    refused: set[str] = field(default_factory=set)
    """Ids of those that the log had no room for."""
    seconds: list[float] = field(default_factory=list)
    _sent: int = 0
    _requests: int = 0
    _begun: float = 0.0
    _stop: bool = False

    @property
    def most_in_flight(self) -> int:
        """Rows that may be under way at a time."""
        return CALLERS * BATCH

    async def run(self) -> None:
        """Send until `stop`."""
        self._begun = time.monotonic()
        async with (
            aiohttp.ClientSession(
                self.flowers.cluster.serving_url,
                headers={"Authorization": f"Bearer {self.flowers.key}"},
                timeout=aiohttp.ClientTimeout(20.0),
                connector=aiohttp.TCPConnector(limit=CALLERS),
            ) as client,
            asyncio.TaskGroup() as callers,
        ):
            for _ in range(CALLERS):
                callers.create_task(self._call(client))

    def stop(self) -> None:
        self._stop = True

    async def _call(self, client: aiohttp.ClientSession) -> None:
        while not self._stop:
            number, self._requests = self._requests, self._requests + 1
            rows = BATCH if number % 2 else 1
            due = self._begun + self._sent / self.per_second
            self._sent += rows
            # The rate itself: also what is due must let the others run.
            await asyncio.sleep(max(0.0, due - time.monotonic()))
            await self._ask(client, f"{self.prefix}-{number}", rows)

    async def _ask(self, client: aiohttp.ClientSession, name: str, rows: int) -> None:
        ids = [name] if rows == 1 else [f"{name}.{index}" for index in range(rows)]
        sent = [row(self._sent + index) for index in range(rows)]
        body = sent[0] if rows == 1 else {"rows": sent}
        started = time.monotonic()
        try:
            async with client.post(
                f"/v1/deployments/{self.flowers.name}/predict",
                params={"prediction_id": name},
                json=body,
            ) as answer:
                found = await answer.json(content_type=None)
                self._note(ids, answer.status, found)
        except (aiohttp.ClientError, TimeoutError):
            self.failed[NO_ANSWER] += rows
        self.seconds.append(time.monotonic() - started)

    def _note(self, ids: Sequence[str], status: int, found: dict[str, object]) -> None:
        if status != 200:
            code = str(found.get("code"))
            self.failed[f"{status} {code}"] += len(ids)
            if code == "log_full":
                self.refused.update(ids)
            return
        answers = found.get("predictions", [found])
        assert isinstance(answers, list)
        assert [answer["prediction_id"] for answer in answers] == [*ids]
        self.answered.update(ids)


async def until(holds: Callable[[], bool], seconds: float, what: str) -> None:
    """Wait for it beside what else is going on. Raises TimeoutError."""
    deadline = time.monotonic() + seconds
    while not holds():
        if time.monotonic() > deadline:
            raise TimeoutError(f"waited {seconds:g} s for {what}")
        await asyncio.sleep(0.05)
