"""The port of leases in memory: one desk, as many monitors as come to it."""

import uuid
from collections.abc import Callable
from dataclasses import dataclass, field


@dataclass
class LeaseDesk:
    """What all monitors see."""

    seconds: float
    clock: Callable[[], float]
    holders: dict[str, tuple[str, float]] = field(default_factory=dict)
    members: dict[str, float] = field(default_factory=dict)
    failure: Exception | None = None

    def leases(self) -> "MemoryLeases":
        return MemoryLeases(self)


@dataclass
class MemoryLeases:
    """`ports.Leases` of one monitor."""

    desk: LeaseDesk
    token: str = field(default_factory=lambda: uuid.uuid4().hex)

    async def hold(self, deployment: str) -> bool:
        holder, until = self.desk.holders.get(deployment, (self.token, 0.0))
        if holder != self.token and until > self.desk.clock():
            return False
        self.desk.holders[deployment] = (self.token, self.desk.clock() + self.desk.seconds)
        return True

    async def let_go(self, deployment: str) -> None:
        if self.desk.holders.get(deployment, ("", 0.0))[0] == self.token:
            del self.desk.holders[deployment]

    async def beat(self) -> int:
        if self.desk.failure is not None:
            raise self.desk.failure
        now = self.desk.clock()
        self.desk.members[self.token] = now + self.desk.seconds
        return sum(until > now for until in self.desk.members.values())

    async def leave(self) -> None:
        self.desk.members.pop(self.token, None)
