"""How much each key may still ask: `RateLimit` of answers, and who is let in.

Only keys that have limits have an `Allowance`; for all others this costs a look at one attribute.
Requests without a key, to public deployments, are nobody's: admission bounds them.
"""

import asyncio
import contextlib
import time
from collections.abc import Callable, Mapping
from typing import Final

from services.serving.domain.limit_fields import policy_of, state_of
from services.serving.domain.limits import Counted, Terms
from services.serving.operations.purses import Holder, Purse
from understudy.contracts.limits import Limits
from understudy.contracts.vocabulary import KeyId
from understudy.runtime.keys import Caller

_SLOWEST: Final = 1e-6
"""One request in twelve days: what is slower still has windows that no number holds."""
TEND_SECONDS: Final = 0.25
_LINES: Final = b"ratelimit-policy: %b\r\nratelimit: %b\r\n"
_MUCH: Final = 100
_MOMENT_SECONDS: Final = 0.01
_IDLE_SECONDS: Final = 600.0
_FAREWELL_SECONDS: Final = 0.5


def terms_of(limits: Limits) -> Mapping[Counted, Terms]:
    """What a key's limits come to."""
    terms: dict[Counted, Terms] = {}
    if limits.requests_per_second is not None:
        rate = max(limits.requests_per_second, _SLOWEST)
        terms[Counted.REQUESTS] = Terms(Counted.REQUESTS, limits.at_once, rate)
    if limits.predictions_per_day is not None:
        terms[Counted.PREDICTIONS] = Terms(Counted.PREDICTIONS, limits.predictions_per_day)
    return terms


class Allowance:
    """What one key may still ask of this worker."""

    __slots__ = ("_lines", "_told_until", "limits", "policy", "predictions", "purses", "requests")

    def __init__(self, key: KeyId, limits: Limits, holder: Holder) -> None:
        self.limits = limits
        purses = {counted: Purse(key, terms, holder) for counted, terms in terms_of(limits).items()}
        self.requests = purses.get(Counted.REQUESTS)
        self.predictions = purses.get(Counted.PREDICTIONS)
        self.purses = tuple(purses.values())
        self.policy = ", ".join(policy_of(purse.terms) for purse in self.purses)
        """`RateLimit-Policy`."""

        self._lines = b""
        self._told_until = 0.0

    @property
    def state(self) -> str:
        """`RateLimit`: about what is left."""
        return ", ".join(state_of(purse.terms, *purse.left()) for purse in self.purses)

    @property
    def lines(self) -> bytes:
        """Both fields as lines of a head; where much is left, as it was a moment ago."""
        now = time.monotonic()
        if now >= self._told_until:
            self._lines = _LINES % (self.policy.encode(), self.state.encode())
            much = all(purse.left()[0] >= _MUCH for purse in self.purses)
            self._told_until = now + _MOMENT_SECONDS if much else 0.0
        return self._lines

    def ask(self) -> asyncio.Future[None] | None:
        """Count a request. Raises a Refusal, or the future does, when it is one too many."""
        return None if self.requests is None else self.requests.take()

    def tend(self) -> None:
        """Renew what is in use, give back what is not."""
        for purse in self.purses:
            purse.tend()

    async def close(self) -> None:
        """Give everything back."""
        await asyncio.gather(*(purse.close() for purse in self.purses))


class Limiting:
    """The allowances of the keys that asked this worker lately."""

    def __init__(self, holder: Holder, clock: Callable[[], float] = time.monotonic) -> None:
        self._holder = holder
        self._clock = clock
        self._allowances: dict[KeyId, Allowance] = {}
        self._seen: dict[KeyId, float] = {}

    def of(self, caller: Caller) -> Allowance | None:
        """What the caller may still ask; None: as much as anybody can."""
        limits = caller.limits
        if limits is None or (limits.requests_per_second is limits.predictions_per_day is None):
            return None
        key = KeyId(caller.actor)
        found = self._allowances.get(key)
        if found is None or found.limits != limits:
            # What the former one held is over by itself.
            found = self._allowances[key] = Allowance(key, limits, self._holder)
        self._seen[key] = self._clock()
        return found

    async def step(self) -> None:
        """Look after the leases: one step of a loop."""
        now = self._clock()
        for key, allowance in [*self._allowances.items()]:
            allowance.tend()
            if now - self._seen[key] > _IDLE_SECONDS:
                del self._allowances[key], self._seen[key]

    async def close(self) -> None:
        """Give everything back, unless that takes long."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_FAREWELL_SECONDS):
                await asyncio.gather(*(found.close() for found in self._allowances.values()))


async def counted(taken: asyncio.Future[None] | None) -> None:
    """Wait until a request has what it asked for. Raises what the future does."""
    if taken is not None:
        await taken
