"""Predictions of limited keys on the quick path: at once, later, or refused; never in the way."""

import asyncio

import pytest
from prometheus_client import CollectorRegistry

from services.serving.api.predict import Predict
from services.serving.api.presented import Presented, Visitor
from services.serving.domain.limited import QuotaExceededError, RateLimitedError
from services.serving.metrics import ServingMetrics
from services.serving.operations import Answers, Serving
from services.serving.operations.limiting import Limiting
from services.serving.operations.purses import Holder
from services.serving.operations.releases import Releases
from services.serving.operations.scoring import Limits as ScoringLimits
from tests.fakes.leases import InMemoryLeases
from tests.fakes.serving import ListLog, RuleLibrary, deployment, ruled
from understudy.contracts.limits import Limits
from understudy.contracts.registry import KeyRecord, Snapshot
from understudy.contracts.vocabulary import AccessLevel, Scope
from understudy.runtime.keys import KeyRing, make_key

pytestmark = pytest.mark.anyio

KEY = make_key()
ROW = b'{"length": 1.5, "width": 2}'
HEADERS = [(b"x-api-key", KEY.plaintext.encode())]


class Site:
    """A worker's inside with one closed deployment and one limited key."""

    def __init__(self, limits: Limits | None) -> None:
        self.leases, metrics = InMemoryLeases(), ServingMetrics(CollectorRegistry())
        scopes = (Scope.PREDICT,)
        ring = KeyRing([KeyRecord(id=KEY.id, digest=KEY.digest, scopes=scopes, limits=limits)])
        self.serving = Serving(
            keys=lambda: ring,
            log=ListLog(),
            metrics=metrics,
            limits=ScoringLimits(50, 0.002, 1, 8),
            limiting=Limiting(Holder("here", 1, self.leases, metrics.limits)),
        )
        self.releases = Releases(self.serving, RuleLibrary(), metrics, "here:1")
        self.predict = Predict(self.serving, 1_000)
        self.visitor = Visitor()

    async def begin(self) -> None:
        closed = deployment([ruled(1)], access=AccessLevel.PROJECT)
        await self.releases.take_up(Snapshot(sequence=1, deployments=(closed,)))

    def ask(self, body: bytes = ROW) -> asyncio.Future[Answers]:
        reply: asyncio.Future[Answers] = asyncio.get_running_loop().create_future()
        begun = self.predict.begin("flowers", Presented.of(HEADERS, b""), self.visitor)
        self.predict.ask(begun, body, reply)
        return reply


async def test_a_key_without_limits_asks_nobody() -> None:
    site = Site(None)
    await site.begin()
    assert len(await site.ask()) == 1
    assert not site.leases.asked
    assert site.serving.uses.untold().keys() == {KEY.id}


async def test_a_request_that_finds_no_tokens_is_answered_when_they_come() -> None:
    site = Site(Limits(requests_per_second=10, predictions_per_day=10))
    await site.begin()
    assert len(await site.ask()) == 1
    counted = {terms for _, terms in site.leases.buckets}
    assert counted == {"requests", "predictions"}


async def test_what_is_too_much_is_refused_in_the_reply() -> None:
    site = Site(Limits(requests_per_second=0.001, burst=2, predictions_per_day=3))
    await site.begin()
    with pytest.raises(QuotaExceededError):
        await site.ask(b"[" + b",".join([ROW] * 4) + b"]")
    assert len(await site.ask(b"[" + b",".join([ROW] * 3) + b"]")) == 3
    with pytest.raises(RateLimitedError):
        await site.ask()


async def test_whoever_went_away_while_waiting_is_left_alone() -> None:
    site = Site(Limits(requests_per_second=10))
    await site.begin()
    site.leases.held_up = asyncio.Event()
    reply = site.ask()
    reply.cancel()
    site.leases.held_up.set()
    for _ in range(10):
        await asyncio.sleep(0)
    assert reply.cancelled()
    site.leases.held_up = None
    assert len(await site.ask()) == 1


async def test_a_body_that_is_wrong_is_told_of_though_it_had_to_wait() -> None:
    site = Site(Limits(requests_per_second=10))
    await site.begin()
    with pytest.raises(Exception, match="JSON"):
        await site.ask(b"{")
