"""Predictions of limited keys on the quick path: at once, later, or refused; never in the way."""

import asyncio

import pytest
from prometheus_client import CollectorRegistry

from services.serving.api.predict import Predict
from services.serving.api.presented import Presented, Visitor
from services.serving.domain.limited import QuotaExceededError, QuotaTooSmallError, RateLimitedError
from services.serving.metrics import ServingMetrics
from services.serving.operations import Answers, Serving
from services.serving.operations.limiting import Limiting
from services.serving.operations.purses import Holder
from services.serving.operations.releases import Releases
from services.serving.operations.scoring import Limits as ScoringLimits
from tests.fakes.leases import InMemoryLeases
from tests.fakes.serving import UNLUCKY_WIDTH, ListLog, RuleLibrary, deployment, ruled
from understudy.contracts.limits import Limits
from understudy.contracts.refusals import Refusal
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
        self.log = ListLog()
        self.serving = Serving(
            keys=lambda: ring,
            log=self.log,
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

    def ask(self, body: bytes = ROW, query: bytes = b"") -> asyncio.Future[Answers]:
        reply: asyncio.Future[Answers] = asyncio.get_running_loop().create_future()
        begun = self.predict.begin("flowers", Presented.of(HEADERS, query), self.visitor)
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
    assert len(await site.ask(b"[" + b",".join([ROW] * 2) + b"]")) == 2
    with pytest.raises(QuotaExceededError):
        await site.ask(b"[" + b",".join([ROW] * 2) + b"]")
    with pytest.raises(RateLimitedError):
        await site.ask()


async def test_what_never_fits_is_not_to_be_tried_again() -> None:
    site = Site(Limits(predictions_per_day=3))
    await site.begin()
    with pytest.raises(QuotaTooSmallError) as refused:
        await site.ask(b"[" + b",".join([ROW] * 4) + b"]")
    assert refused.value.retry_after is None
    assert not site.leases.asked


UNLUCKY = b'{"length": 1.5, "width": %r}' % UNLUCKY_WIDTH


@pytest.mark.parametrize(
    ("body", "name", "log_full", "code"),
    [
        (ROW, b"twice two", False, "invalid_prediction_id"),
        (UNLUCKY, b"", False, "scoring_failed"),
        (ROW, b"", True, "log_full"),
    ],
    ids=["name", "model", "log"],
)
async def test_rows_without_an_answer_do_not_count_for_the_quota(
    body: bytes, name: bytes, log_full: bool, code: str
) -> None:
    site = Site(Limits(predictions_per_day=2))
    await site.begin()
    assert len(await site.ask()) == 1
    site.log.full = log_full
    for _ in range(3):
        with pytest.raises(Refusal) as refused:
            await site.ask(body, b"prediction_id=" + name if name else b"")
        assert refused.value.code == code
    site.log.full = False
    assert len(await site.ask()) == 1
    with pytest.raises(QuotaExceededError):
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


@pytest.mark.parametrize("body", [ROW, b"[" + ROW + b"]", b"{"], ids=["row", "list", "broken"])
async def test_a_long_body_is_read_aside(body: bytes) -> None:
    site = Site(None)
    await site.begin()
    reply = site.ask(b" " * 70_000 + body)
    assert not reply.done()
    if body == b"{":
        with pytest.raises(Exception, match="JSON"):
            await reply
    else:
        assert len(await reply) == 1


async def test_a_body_that_is_wrong_is_told_of_though_it_had_to_wait() -> None:
    site = Site(Limits(requests_per_second=10))
    await site.begin()
    with pytest.raises(Exception, match="JSON"):
        await site.ask(b"{")
