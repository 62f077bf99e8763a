"""`RateLimit-Policy` and `RateLimit`, as draft-ietf-httpapi-ratelimit-headers-10 has them.

Both are lists of structured fields: a policy's name as a string, then its parameters. A bucket is
told as the window in which it fills, a quota as a day. Predictions are no unit of the draft's
registry, so that `qu` says what they are.
"""

import math
from typing import Final

from services.serving.domain.limits import DAY_SECONDS, Counted, Terms

_LARGEST: Final = 999_999_999_999_999
"""What an integer of a structured field may be."""


def policy_of(terms: Terms) -> str:
    """How much may be asked: the same on every answer."""
    if terms.counted is Counted.PREDICTIONS:
        return f'"predictions";q={terms.size};qu="predictions";w={DAY_SECONDS}'
    window = min(_LARGEST, max(1, math.ceil(terms.size / terms.rate)))
    quota = min(_LARGEST, max(1, round(terms.rate * window)))
    return f'"requests";q={quota};w={window}'


def state_of(terms: Terms, left: float, wait: float) -> str:
    """How much may still be asked, and the seconds until there is more, or all of it, again."""
    seconds = math.ceil(wait) if wait < _LARGEST else _LARGEST
    return f'"{terms.counted}";r={int(left)};t={seconds}'
