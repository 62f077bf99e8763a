"""Open-loop traffic with an id on every request, and what the log says of the same ids."""

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import aiohttp
import redis

from understudy.contracts import events

Row = Mapping[str, object]
_ENTRIES: Final = 2_000


@dataclass(frozen=True, slots=True)
class Reply:
    """What became of one request. Status 0: the connection failed."""

    prediction_id: str
    started: float
    seconds: float
    status: int
    version: int | None = None


@dataclass(slots=True)
class Traffic:
    """Sends one row per request at a steady rate, whatever the answers take."""

    url: str
    deployment: str
    key: str
    row: Callable[[int], Row]
    per_second: float = 250.0
    prefix: str = "load"
    replies: list[Reply] = field(default_factory=list)
    _stop: asyncio.Event = field(default_factory=asyncio.Event)

    async def run(self) -> None:
        """Send until `stop`; then wait for the answers that are still due."""
        # aiohttp, because httpx alone would need more than the core that is left for it.
        async with (
            aiohttp.ClientSession(
                self.url,
                headers={"Authorization": f"Bearer {self.key}"},
                timeout=aiohttp.ClientTimeout(15.0),
                connector=aiohttp.TCPConnector(limit=64),
            ) as client,
            asyncio.TaskGroup() as requests,
        ):
            begun, sent = time.monotonic(), 0
            while not self._stop.is_set():
                due = int((time.monotonic() - begun) * self.per_second)
                for number in range(sent, due):
                    requests.create_task(self._ask(client, number))
                sent = due
                await asyncio.sleep(0.01)

    def stop(self) -> None:
        """Send no more."""
        self._stop.set()

    @property
    def answered(self) -> set[str]:
        """Ids of the requests that got their prediction."""
        return {reply.prediction_id for reply in self.replies if reply.status == 200}

    def answers_by(self, version: int, after: float, within: float) -> int:
        """How many requests that began in those seconds the version answered."""
        return sum(
            reply.version == version and after <= reply.started <= after + within
            for reply in self.replies
        )

    def quantile(self, share: float) -> float:
        """Seconds that this share of the requests took at most."""
        taken = sorted(reply.seconds for reply in self.replies)
        return taken[min(len(taken) - 1, int(share * len(taken)))]

    @property
    def failed(self) -> list[Reply]:
        """Requests that did not."""
        return [reply for reply in self.replies if reply.status != 200]

    def last_answer_by(self, version: int, after: float, within: float) -> float:
        """Seconds after `after` at which the last request began that `version` still answered.

        Looks no further than `within` seconds; 0 when there was none.
        """
        late = [
            reply.started - after
            for reply in self.replies
            if reply.version == version and after <= reply.started <= after + within
        ]
        return max(late, default=0.0)

    async def _ask(self, client: aiohttp.ClientSession, number: int) -> None:
        prediction_id = f"{self.prefix}-{number}"
        started, status, version = time.monotonic(), 0, None
        try:
            async with client.post(
                f"/v1/deployments/{self.deployment}/predict",
                params={"prediction_id": prediction_id},
                json=self.row(number),
            ) as answer:
                body = await answer.json(content_type=None)
                if answer.status == 200:
                    version = body["model"]["version"]
                status = answer.status
        except (aiohttp.ClientError, TimeoutError):
            status = 0
        seconds = time.monotonic() - started
        self.replies.append(Reply(prediction_id, started, seconds, status, version))


Owed = tuple[str, int]
"""A prediction's id, and the challenger version that owes a pair for it."""


@dataclass(slots=True)
class LogCount:
    """Ids in a deployment's streams, with how often each is there."""

    predictions: Counter[str] = field(default_factory=Counter)
    pairs: Counter[str] = field(default_factory=Counter)
    """By id alone."""
    owed: Counter[Owed] = field(default_factory=Counter)
    """What the entries of the log ask for."""
    paired: Counter[Owed] = field(default_factory=Counter)
    outcomes: dict[Owed, str] = field(default_factory=dict)
    """How a challenger's scoring of a row ended."""


class LogReader:
    """Counts a deployment's streams, each time what came since the last time."""

    def __init__(self, redis_url: str, deployment: str) -> None:
        self._redis_url = redis_url
        self._predictions = events.predictions_key(deployment)
        self._pairs = events.pairs_key(deployment)
        self._after = {self._predictions: "0", self._pairs: "0"}
        self.count = LogCount()

    def read(self) -> LogCount:
        """Read both streams to their ends."""
        with redis.Redis.from_url(self._redis_url) as client:
            for fields in self._news(client, self._predictions):
                self._add_predictions(events.decode_predictions(fields))
            for fields in self._news(client, self._pairs):
                self._add_pairs(events.decode_pairs(fields))
        return self.count

    def _news(self, client: redis.Redis, stream: str) -> Iterator[events.Fields]:
        while found := self._range(client, stream):
            self._after[stream] = found[-1][0].decode()
            yield from (fields for _, fields in found)

    def _range(self, client: redis.Redis, stream: str) -> list[tuple[bytes, events.Fields]]:
        found: Any = client.xrange(stream, f"({self._after[stream]}", "+", _ENTRIES)
        return [*found]

    def _add_predictions(self, batch: events.PredictionBatch) -> None:
        self.count.predictions.update(batch.ids)
        for version in batch.challengers:
            self.count.owed.update((name, version) for name in batch.ids)

    def _add_pairs(self, batch: events.PairBatch) -> None:
        self.count.pairs.update(batch.ids)
        named = [(name, batch.challenger) for name in batch.ids]
        self.count.paired.update(named)
        self.count.outcomes.update(zip(named, batch.outcomes, strict=True))


def count_log(redis_url: str, deployment: str) -> LogCount:
    """Read both streams whole."""
    return LogReader(redis_url, deployment).read()
