"""Tokens of one limited key that this worker holds, and how it comes by more.

Spending is a subtraction while the lease lasts, and the next lease is fetched before it is spent.
A request that finds none waits for one round trip, shared by all that wait. When that takes too
long or fails, the worker goes on with its own part of the limit.

Of a limit by the second a purse keeps no token that the bucket takes for spent: a request that
gave up while it waited counts. Only when the answer came too late is what was granted for those
who waited kept, so as not to starve the key of a slow Redis: beside what is spent alone, as many
more than the limit may be admitted as waited then.
"""

import asyncio
import math
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import structlog

from services.serving.domain.limited import limited
from services.serving.domain.limits import LEASE_SECONDS, Ask, Grant, Terms, recorded
from services.serving.domain.shares import Share
from services.serving.metrics.limits import LimitMetrics
from services.serving.ports import Leases
from understudy.contracts.refusals import Refusal
from understudy.contracts.vocabulary import KeyId

PATIENCE_SECONDS: Final = 0.05
"""How long a request waits for tokens."""
AWAY_SECONDS: Final = 1.0
"""How long nobody is asked again who could not answer."""
_HORIZON_SECONDS: Final = 0.5
"""For so long a lease should last."""
_DRY_SECONDS: Final = 0.25
"""After an empty bucket was met, requests are refused for so long at most without another look:
other workers may give tokens back."""
_NO_MORE_SECONDS: Final = 0.05
"""Until the next try to fetch ahead from a bucket that had nothing to spare."""
_FIRST_AHEAD: Final = 16
_GROWTH: Final = 4
"""Of a lease, from one to the next at most: a moment of haste is no pace."""


@dataclass(frozen=True, slots=True)
class Holder:
    """Who holds leases here, and beside how many others at least."""

    name: str
    workers: int
    leases: Leases
    metrics: LimitMetrics


@dataclass(frozen=True, slots=True)
class _Waiting:
    tokens: int
    settled: asyncio.Future[None]


class Purse:
    """One key's tokens of one kind. Belongs to one event loop."""

    def __init__(
        self,
        key: KeyId,
        terms: Terms,
        holder: Holder,
        clock: Callable[[], float] = time.monotonic,
        wall: Callable[[], float] = time.time,
    ) -> None:
        self.terms = terms
        self._key = key
        self._holder = holder
        self._clock = clock
        now = clock()
        self._tokens = 0
        self._until = 0.0
        self._day = 0
        self._low = 0
        """With fewer tokens, more are fetched."""
        self._back = 0
        """Came back after their lease was over: the bucket is to be told."""
        self._spent = 0
        """Since `_asked_at`."""
        self._asked_at = now
        self._ahead = 0
        self._left: float = terms.size
        self._left_at = now
        """What the bucket held then."""
        self._ends_at = now + 86_400 - wall() % 86_400
        self._not_before = 0.0
        self._dry_until = 0.0
        self._away_until = 0.0
        self._away = self._slow = False
        self._share = Share(terms, holder.workers, now, self._ends_at - now)
        self._waiting: deque[_Waiting] = deque()
        self._exchange: asyncio.Task[None] | None = None
        self.used_at = now

    def take(self, tokens: int = 1) -> asyncio.Future[None] | None:
        """Spend tokens: at once, or when the future is done. Raises, or it does, a Refusal."""
        now = self._clock()
        if tokens <= self._tokens and now < self._until and not self._waiting:
            self._tokens -= tokens
            self._spent += tokens
            if self._tokens < self._low and self._exchange is None and now >= self._not_before:
                self._ask(now)
            return None
        return self._take_scarce(tokens, now)

    @property
    def day(self) -> int:
        """Whose tokens are spent."""
        return self._day

    def put_back(self, tokens: int, day: int) -> None:
        """Tokens that were spent on that day on nothing."""
        if self._share.spent >= tokens:
            self._share.put_back(tokens, self._clock())
        elif day == self._day and self._clock() < self._until:
            self._tokens += tokens
        elif day == self._day:
            self._back += tokens

    def left(self) -> tuple[float, float]:
        """About how many tokens there are for everybody, and seconds until there are more.

        Or, while there are some, until there are as many as can be.
        """
        now, terms = self._clock(), self.terms
        if self._away or self._slow:
            left = self._share.left(now)
        else:
            left = self._left + terms.rate * (now - self._left_at) + self._tokens
            if now >= self._ends_at:
                left = terms.size
        if left >= terms.size:
            return terms.size, 0.0
        left = max(left, 0.0)
        missing = terms.size - left if left >= 1.0 else 1.0 - left
        return left, terms.wait(missing, max(0.0, self._ends_at - now))

    def tend(self) -> None:
        """Renew a lease that is in use, give back one that is not: called now and then."""
        now = self._clock()
        if self._exchange is not None:
            return
        if now >= self._until:
            self._tokens = 0
        if self._back and now >= self._away_until:
            self._give_back(now)
        elif not self._tokens or now < self._until - LEASE_SECONDS / 2:
            return
        elif self._spent:
            self._ask(now)
        else:
            self._give_back(now)

    async def close(self) -> None:
        """Give back what is held."""
        if self._exchange is not None:
            await asyncio.wait([self._exchange])
        if self._clock() >= self._until:
            self._tokens = 0
        if self._tokens or self._back:
            self._give_back(self._clock())
        if self._exchange is not None:
            await asyncio.wait([self._exchange])

    def _take_scarce(self, tokens: int, now: float) -> asyncio.Future[None] | None:
        self.used_at = now
        if now >= self._until:
            self._tokens = 0
        if tokens > self.terms.size:
            raise self._refused(tokens, now)
        if self._slow or now < self._away_until:
            refusal = self._take_alone(tokens, now)
            if refusal is not None:
                raise refusal
            return None
        if now < self._dry_until and tokens > self._tokens + self._left:
            raise self._refused(tokens, now)
        waiting = _Waiting(tokens, asyncio.get_running_loop().create_future())
        self._waiting.append(waiting)
        if self._exchange is None:
            self._ask(now)
        return waiting.settled

    def _ask(self, now: float) -> None:
        wanted = [waiting.tokens for waiting in self._waiting]
        pace = self._spent / max(now - self._asked_at, 0.001)
        self._ahead = min(math.ceil(pace * _HORIZON_SECONDS), _GROWTH * self._ahead + _FIRST_AHEAD)
        self._begin(
            Ask(
                self._holder.name,
                held=self._tokens,
                need=max(0, sum(wanted) - self._tokens),
                least=max(0, min(wanted) - self._tokens) if wanted else 0,
                ahead=self._ahead,
                back=self._back,
                owed=self._share.owed(now),
                day=self._day,
            ),
            now,
        )
        self._back = 0

    def _give_back(self, now: float) -> None:
        back, self._tokens, self._back, self._ahead = self._tokens + self._back, 0, 0, 0
        ask = Ask(self._holder.name, back=back, owed=self._share.owed(now), day=self._day)
        self._begin(ask, now)

    def _begin(self, ask: Ask, now: float) -> None:
        loop = asyncio.get_running_loop()
        self._exchange = loop.create_task(self._run(ask, len(self._waiting), now))
        loop.call_later(PATIENCE_SECONDS, self._lose_patience, self._exchange)

    async def _run(self, ask: Ask, asked_for: int, sent: float) -> None:
        settled = self._share.spent
        try:
            grant = await self._holder.leases.exchange(self._key, self.terms, ask)
        except Exception as error:  # noqa: BLE001 - whatever it is, nobody may wait for ever
            self._lost(error)
        else:
            self._receive(ask, grant, sent)
            self._share.learn(grant, settled, self._clock())
            self._serve(asked_for)
            if not (self._slow or self.terms.by_day):
                self._tokens = min(self._tokens, recorded(ask.held, ask.need, grant.tokens))
        finally:
            self._exchange, self._slow = None, False
        if self._waiting:
            self._ask(self._clock())

    def _receive(self, ask: Ask, grant: Grant, sent: float) -> None:
        now = self._clock()
        if self._away:
            self._away = False
            structlog.stdlib.get_logger("limits").info("limits_shared_again", key=self._key)
        if grant.day != self._day or now >= self._until:
            self._tokens, self._day = 0, grant.day
        # The bucket counts from a later moment, so that no lease is over there and not here.
        self._until = sent + min(LEASE_SECONDS, grant.ends)
        self._tokens += grant.tokens
        if now >= self._until:
            self._tokens = 0
        self._low = (self._tokens + 1) // 2
        self._spent, self._asked_at = 0, sent
        self._left, self._left_at, self._ends_at = grant.left, now, now + grant.ends
        if grant.tokens == 0:
            self._not_before = now + _NO_MORE_SECONDS
        result = "granted"
        if grant.tokens < ask.need:
            result = "dry"
            wait = self.terms.wait(1.0 - grant.left, grant.ends)
            self._dry_until = now + min(wait, _DRY_SECONDS)
        self._holder.metrics.exchanged(self.terms.counted, result)

    def _serve(self, asked_for: int) -> None:
        """Those for whom tokens were wanted have them now, or the bucket has too few.

        Those that came later have what is there, in their turn.
        """
        while self._waiting and (asked_for > 0 or self._waiting[0].tokens <= self._tokens):
            asked_for -= 1
            waiting = self._waiting.popleft()
            if waiting.settled.done():
                continue
            if waiting.tokens <= self._tokens:
                self._tokens -= waiting.tokens
                self._spent += waiting.tokens
                waiting.settled.set_result(None)
            else:
                waiting.settled.set_exception(self._refused(waiting.tokens, self._clock()))

    def _refused(self, tokens: int, now: float) -> Refusal:
        left = self._left + self._tokens
        wait = self.terms.wait(tokens - left, max(0.0, self._ends_at - now))
        return limited(self.terms, tokens, left, wait)

    def _lost(self, error: Exception) -> None:
        self._away_until = self._not_before = self._clock() + AWAY_SECONDS
        self._holder.metrics.exchanged(self.terms.counted, "failed")
        if not self._away:
            self._away = True
            structlog.stdlib.get_logger("limits").warning(
                "limits_not_shared", key=self._key, counted=self.terms.counted, error=repr(error)
            )
        self._serve_alone()

    def _lose_patience(self, exchange: asyncio.Task[None]) -> None:
        if self._exchange is exchange and not exchange.done():
            self._slow = True
            self._serve_alone()

    def _serve_alone(self) -> None:
        now = self._clock()
        while self._waiting:
            waiting = self._waiting.popleft()
            if waiting.settled.done():
                continue
            refusal = self._take_alone(waiting.tokens, now)
            if refusal is None:
                waiting.settled.set_result(None)
            else:
                waiting.settled.set_exception(refusal)

    def _take_alone(self, tokens: int, now: float) -> Refusal | None:
        admitted = self._share.take(tokens, now)
        self._holder.metrics.alone(self.terms.counted, admitted=admitted)
        if admitted:
            return None
        return limited(self.terms, tokens, self._share.left(now), self._share.wait(tokens, now))
