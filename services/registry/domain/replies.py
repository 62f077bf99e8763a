"""Answers that can be given again: what an `Idempotency-Key` stands for."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import ClassVar, Final

from understudy.contracts.refusals import Fault, Refusal

KEPT_FOR: Final = timedelta(hours=24)
CUT_OFF_AFTER: Final = timedelta(minutes=10)
"""Whoever began to answer is gone by then: no request takes so long."""


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
