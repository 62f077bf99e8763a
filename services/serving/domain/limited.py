"""How a key that asks too much is told so."""

import math
from typing import ClassVar

from services.serving.domain.limits import Counted, Terms
from understudy.contracts.refusals import Fault, Refusal


class RateLimitedError(Refusal):
    """The key has asked as many requests as it may for now."""

    fault: ClassVar = Fault.LIMITED
    code: ClassVar = "rate_limited"


class QuotaExceededError(Refusal):
    """The key may not have so many predictions any more today."""

    fault: ClassVar = Fault.LIMITED
    code: ClassVar = "quota_exceeded"


class QuotaTooSmallError(Refusal):
    """More rows in one request than the key may have predictions in a day."""

    fault: ClassVar = Fault.TOO_LARGE
    code: ClassVar = "quota_too_small"


def limited(terms: Terms, tokens: int, left: float, wait: float) -> Refusal:
    """The refusal of whoever wants more tokens than there are."""
    seconds = max(1, math.ceil(wait))
    if terms.counted is Counted.REQUESTS:
        return RateLimitedError(
            f"The key may ask {terms.rate:g} requests per second, {terms.size} at once. "
            f"Try again in {seconds} s.",
            retry_after=seconds,
        )
    if tokens > terms.size:
        return QuotaTooSmallError(
            f"The key may have {terms.size} predictions a day: {tokens} rows in one request never "
            "fit. Split it."
        )
    rest = max(0, math.floor(left))
    said = f"The key may have {terms.size} predictions a day, and {rest} of them are left"
    return QuotaExceededError(
        f"{said}, too few for {tokens} rows. The next day of UTC begins in {seconds} s.",
        retry_after=seconds,
    )
