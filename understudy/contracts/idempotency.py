"""`Idempotency-Key`: what it looks like and when it is refused, in every service that takes one."""

import re
from typing import ClassVar, Final

from understudy.contracts.refusals import Fault, Refusal

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


def require_well_formed(key: str) -> str:
    """Raises InvalidIdempotencyKeyError."""
    if _KEY.fullmatch(key) is None:
        raise InvalidIdempotencyKeyError
    return key
