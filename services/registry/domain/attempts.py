"""Failed sign-ins: how long whoever failed has to wait before the next try."""

import hashlib
import ipaddress
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

FORGOTTEN_AFTER: Final = timedelta(hours=1)
LONGEST_WAIT: Final = timedelta(minutes=15)
"""So that nobody is kept out for good by somebody who fails in their name."""
FREE_BY_NAME: Final = 5
FREE_BY_ADDRESS: Final = 20
"""More than by name: a whole office may stand behind one address."""
MOST_KEPT: Final = 50_000


@dataclass(frozen=True, slots=True)
class Subject:
    """Whose failures are counted together: a name's, or an address's."""

    id: str
    free: int
    """How many failures cost no waiting."""


@dataclass(frozen=True, slots=True)
class Attempts:
    """The failures of a subject of late."""

    failures: int
    last_at: datetime

    def wait(self, free: int, now: datetime) -> timedelta:
        """How long until the next try: nothing at first, then twice as long each time."""
        if self.failures < free or self.forgotten(now):
            return timedelta()
        doubled = min(self.failures - free, 20)
        whole = min(LONGEST_WAIT, timedelta(seconds=2**doubled))
        # A clock that was put back does not make it longer.
        return max(timedelta(), min(whole, self.last_at + whole - now))

    def forgotten(self, now: datetime) -> bool:
        """Whether it was too long ago to count."""
        return now - self.last_at >= FORGOTTEN_AFTER

    def failed(self, now: datetime) -> "Attempts":
        """With one more."""
        return Attempts(1 if self.forgotten(now) else self.failures + 1, now)


def longest(waits: Iterable[timedelta]) -> timedelta:
    """The longest of them."""
    return max(waits, default=timedelta())


def name_subject(name: str) -> Subject:
    """Failures in a name. Its digest: people type passwords where names belong."""
    return Subject(f"name {hashlib.sha256(name.encode()).hexdigest()}", FREE_BY_NAME)


def address_subject(address: str) -> Subject:
    """Failures from an address; of IPv6 from a network, of which one customer has all addresses."""
    try:
        found = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return Subject(f"address {address[:100]}", FREE_BY_ADDRESS)
    if isinstance(found, ipaddress.IPv6Address) and found.ipv4_mapped is None:
        found = ipaddress.ip_network((found, 64), strict=False).network_address
    return Subject(f"address {found}", FREE_BY_ADDRESS)
