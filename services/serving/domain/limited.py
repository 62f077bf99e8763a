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


def limited(terms: Terms, tokens: int, left: float, wait: float) -> Refusal:
    """The refusal of whoever wants more tokens than there are."""
    seconds = max(1, math.ceil(wait))
    if terms.counted is Counted.REQUESTS:
        return RateLimitedError(
            f"The key may ask {terms.rate:g} requests per second, {terms.size} at once. "
            f"Try again in {seconds} s.",
            retry_after=seconds,
        )
    rest = max(0, math.floor(left))
    said = f"The key may have {terms.size} predictions a day, and {rest} of them are left"
    if tokens > terms.size:
        return QuotaExceededError(
            f"{said}: {tokens} rows in one request never fit. Split it.", retry_after=seconds
        )
    return QuotaExceededError(
        f"{said}, too few for {tokens} rows. The next day of UTC begins in {seconds} s.",
        retry_after=seconds,
    )
