"""Failed sign-ins: how long whoever failed has to wait before the next try."""

import hashlib
import ipaddress
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

FORGOTTEN_AFTER: Final = timedelta(hours=1)
LONGEST_WAIT: Final = timedelta(minutes=15)
LONGEST_BY_NAME: Final = timedelta(seconds=30)
"""So that nobody is kept out by somebody who fails in their name from elsewhere."""
FREE_BY_NAME: Final = 5
FREE_BY_ADDRESS: Final = 20
"""More than by name: a whole office may stand behind one address."""
MOST_KEPT: Final = 50_000


@dataclass(frozen=True, slots=True)
class Subject:
    """Whose failures are counted together: a name's, an address's, or a name's from an address."""

    id: str
    free: int
    """How many failures cost no waiting."""
    longest: timedelta = LONGEST_WAIT


@dataclass(frozen=True, slots=True)
class Attempts:
    """The failures of a subject of late."""

    failures: int
    last_at: datetime

    def wait(self, subject: Subject, now: datetime) -> timedelta:
        """How long until the next try: nothing at first, then twice as long each time."""
        if self.failures < subject.free or self.forgotten(now):
            return timedelta()
        doubled = min(self.failures - subject.free, 20)
        whole = min(subject.longest, timedelta(seconds=2**doubled))
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
    digest = hashlib.sha256(name.encode()).hexdigest()
    return Subject(f"name {digest}", FREE_BY_NAME, LONGEST_BY_NAME)


def name_from_subject(name: str, address: str) -> Subject:
    """Failures in a name from an address; its id begins with that of the name."""
    return Subject(f"{name_subject(name).id} {address_subject(address).id}", FREE_BY_NAME)


def address_subject(address: str) -> Subject:
    """Failures from an address; of IPv6 from a network, of which one customer has all addresses."""
    try:
        found = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return Subject(f"address {address[:100]}", FREE_BY_ADDRESS)
    if isinstance(found, ipaddress.IPv6Address) and found.ipv4_mapped is None:
        found = ipaddress.ip_network((found, 64), strict=False).network_address
    return Subject(f"address {found}", FREE_BY_ADDRESS)
