"""Open-loop traffic with an id on every request, and what the log says of the same ids."""

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import aiohttp
import redis

from understudy.contracts import events

Row = Mapping[str, object]


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


@dataclass(frozen=True, slots=True)
class LogCount:
    """Ids in a deployment's streams, with how often each is there."""

    predictions: Counter[str]
    pairs: Counter[str]


def count_log(redis_url: str, deployment: str) -> LogCount:
    """Read both streams whole."""
    with redis.Redis.from_url(redis_url) as client:
        predictions = client.xrange(events.predictions_key(deployment))
        pairs = client.xrange(events.pairs_key(deployment))
    return LogCount(
        Counter(i for _, fields in predictions for i in events.decode_predictions(fields).ids),
        Counter(i for _, fields in pairs for i in events.decode_pairs(fields).ids),
    )
