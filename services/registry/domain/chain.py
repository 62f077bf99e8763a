"""The audit trail as a chain: each entry's hash covers the entry and the hash before it.

    hash(n) = SHA-256(hash(n-1) ‖ canonical JSON of entry n),    hash(0) = ""

Guarantee: whoever changes, removes, adds or reorders entries without writing every later hash anew
is found; whoever writes all of them anew is found by any hash that was noted elsewhere. Source:
S. Haber, W. S. Stornetta, How to Time-Stamp a Digital Document, Journal of Cryptology 3, 1991.
"""

import hashlib
import json
from dataclasses import dataclass
from datetime import UTC
from typing import Final

from services.registry.domain.audit import Recorded

BEGINNING: Final = ""
"""What stands before the first entry."""


@dataclass(frozen=True, slots=True)
class Head:
    """An entry by its place and its hash: what is noted elsewhere, and held against the chain."""

    sequence: int
    hash: str


@dataclass(frozen=True, slots=True)
class Link:
    """An entry as the database holds it."""

    sequence: int
    hash: str
    recorded: Recorded | None
    """None: what is in the row can be no entry."""


def linked(before: str, recorded: Recorded) -> str:
    """The hash of an entry in its place."""
    return hashlib.sha256((before + _canonical(recorded)).encode()).hexdigest()


def _canonical(recorded: Recorded) -> str:
    """As it is written, whatever database has kept it in the meantime."""
    entry = recorded.entry
    told = {
        "sequence": recorded.sequence,
        "at": entry.at.astimezone(UTC).isoformat(timespec="microseconds"),
        "actor": entry.actor,
        "action": entry.action.value,
        "subject": entry.subject,
        "reason": entry.reason,
        # Through JSON once, so that tuples and numbers as names are what they come back as.
        "details": json.loads(json.dumps(dict(entry.details))),
    }
    return json.dumps(told, sort_keys=True, separators=(",", ":"))
