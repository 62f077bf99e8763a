"""Bodies about types that artifacts may hold."""

from enum import StrEnum
from typing import Annotated, Final

from pydantic import AwareDatetime, StringConstraints

from understudy.contracts.registry import Body
from understudy.contracts.vocabulary import TrustState

TYPE_PATTERN: Final = r"^[A-Za-z_][A-Za-z0-9_]*(\.[A-Za-z_][A-Za-z0-9_]*)+$"

TypeName = Annotated[str, StringConstraints(pattern=TYPE_PATTERN, max_length=300)]
Reason = Annotated[str, StringConstraints(strip_whitespace=True, min_length=3, max_length=2_000)]


class TrustDecision(StrEnum):
    """What an administrator may decide about a type."""

    TRUST = "trust"
    DENY = "deny"


class TrustDecisionRequest(Body):
    """`POST /v1/trust/{type}/decision`."""

    decision: TrustDecision
    reason: Reason


class TrustView(Body):
    """A type that artifacts want to hold, and where it stands."""

    type: str
    state: TrustState
    asked_at: AwareDatetime
    asked_by: str
    model: str
    """Whose registration asked first; empty when it was decided unasked."""
    decided_at: AwareDatetime | None = None
    decided_by: str | None = None
    reason: str | None = None
