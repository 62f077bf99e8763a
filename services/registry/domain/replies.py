"""Answers that can be given again: what an `Idempotency-Key` stands for."""

import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import ClassVar, Final

from understudy.contracts.refusals import Fault, Refusal

KEPT_FOR: Final = timedelta(hours=24)
CUT_OFF_AFTER: Final = timedelta(minutes=10)
"""Whoever began to answer is gone by then: no request takes so long."""
_KEY: Final = re.compile(r"[\x21-\x7e]{16,255}")


class InvalidIdempotencyKeyError(Refusal):
    """The key is too short to be anybody's own, too long, or holds what a header must not."""

    fault: ClassVar = Fault.MALFORMED
    code: ClassVar = "invalid_idempotency_key"

    def __init__(self) -> None:
        super().__init__(
            "Idempotency-Key has 16 to 255 visible ASCII characters; a new UUID is a good one."
        )


class IdempotencyKeyReusedError(Refusal):
    """The key was sent with another request before."""

    fault: ClassVar = Fault.INVALID
    code: ClassVar = "idempotency_key_reused"

    def __init__(self) -> None:
        super().__init__(
            "This Idempotency-Key came with another path or body before; use a new one for a new "
            "request."
        )


class StillAnsweringError(Refusal):
    """The same request is being answered."""

    fault: ClassVar = Fault.CONFLICT
    code: ClassVar = "still_answering"

    def __init__(self) -> None:
        super().__init__(
            "The request with this Idempotency-Key is still being answered; ask again shortly.",
            retry_after=1,
        )


@dataclass(frozen=True, slots=True)
class Begun:
    """A request with a key: what it asked, and the answer once there is one."""

    request: str
    """SHA-256 of method, path and body."""
    at: datetime
    status: int | None = None
    sealed: bytes | None = None


def require_well_formed(key: str) -> str:
    """Raises InvalidIdempotencyKeyError."""
    if _KEY.fullmatch(key) is None:
        raise InvalidIdempotencyKeyError
    return key
