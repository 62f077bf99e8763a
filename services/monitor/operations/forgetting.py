"""Lets go of answers, labels and protected attributes at the end of their retention."""

from dataclasses import dataclass

import structlog

from services.monitor.operations.sources import Clock
from services.monitor.ports import Outcomes

_DAY_SECONDS = 86_400.0


@dataclass(frozen=True, slots=True)
class Retention:
    """For how long facts are kept."""

    outcomes_days: float
    protected_days: float


class Forgetting:
    """Of all deployments, also those that are gone."""

    def __init__(self, outcomes: Outcomes, retention: Retention, clock: Clock) -> None:
        self._outcomes = outcomes
        self._retention = retention
        self._clock = clock
        self._log = structlog.stdlib.get_logger()

    async def step(self) -> None:
        """One round. What fails is logged by the loop, and tried again in the next."""
        now = self._clock()
        kept = self._retention.outcomes_days * _DAY_SECONDS
        protected = now - self._retention.protected_days * _DAY_SECONDS
        for name in await self._outcomes.deployments():
            # What has not matured may still be labelled in time.
            young = await self._outcomes.maturing_seconds(name)
            facts = await self._outcomes.expire(name, now - max(kept, young))
            attributes = await self._outcomes.expire_protected(name, protected)
            if facts or attributes:
                self._log.info(
                    "facts_forgotten", deployment=name, facts=facts, protected=attributes
                )
