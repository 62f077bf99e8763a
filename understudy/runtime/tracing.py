"""W3C Trace Context: which trace of a caller's a request is part of. No spans are made here."""

import re
from collections.abc import Sequence
from typing import Final

TRACEPARENT: Final = "traceparent"
_FORM: Final = re.compile(
    r"(?P<version>[0-9a-f]{2})-(?P<trace>[0-9a-f]{32})-(?P<parent>[0-9a-f]{16})-[0-9a-f]{2}"
    r"(?P<more>-.*)?"
)
_NOTHING: Final = frozenset("0")


def trace_id(traceparent: str) -> str | None:
    """The trace that a `traceparent` header names; None when it is not valid.

    Later versions may add parts at the end; version ff never will be.
    """
    found = _FORM.fullmatch(traceparent.strip())
    if found is None or found["version"] == "ff":
        return None
    if found["version"] == "00" and found["more"] is not None:
        return None
    if _NOTHING.issuperset(found["trace"]) or _NOTHING.issuperset(found["parent"]):
        return None
    return found["trace"]


def trace_told(fields: Sequence[str]) -> str | None:
    """The trace that the fields of one request name; more than one name none."""
    return trace_id(fields[0]) if len(fields) == 1 else None
