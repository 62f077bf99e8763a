"""How far a regression's answers are from the truth, by split conformal prediction.

Formula: of the n absolute residuals |y - f(x)| on rows that the model was not trained on, the
k-th smallest, k = ceil((n + 1) * level), is the half width h; the interval is f(x) - h to f(x) + h.

Guarantee: a new row's truth is within with probability at least `level`, and less than
`level` + 1/(n + 1) where residuals have no ties, for any model and any distribution, whatever n.
That is on average over samples: given one sample, the share that is covered is at least
Beta(k, n + 1 - k) distributed, with a standard deviation of at most 3 points from `LEAST_ROWS` on.

Assumes: the sample's rows and the new one are exchangeable (such as drawn alike, independently).
Drift breaks it. It holds on average over rows, not for each: the interval is as wide where a model
is good as where it is poor.

Source: Vovk, Gammerman & Shafer, Algorithmic learning in a random world (2005); Lei, G'Sell,
Rinaldo, Tibshirani & Wasserman, Distribution-free predictive inference for regression (JASA 2018),
theorem 2.2; Vovk, Conditional validity of inductive conformal predictors (2012), for the share.
"""

import math
from collections.abc import Sequence
from typing import Final

from services.registry.domain.versions import Interval

LEVEL: Final = 0.9
LEAST_ROWS: Final = 100
"""With fewer the guarantee holds, but on average over samples alone."""


def interval_of(residuals: Sequence[float], level: float = LEVEL) -> Interval | None:
    """From absolute residuals; None where there are too few, or the answers are no numbers."""
    rows = len(residuals)
    # Rounded, so that what 0.9 can't be in binary does not cost a row.
    place = math.ceil(round((rows + 1) * level, 9))
    if rows < LEAST_ROWS or place > rows:
        return None
    half_width = sorted(residuals, key=lambda found: (math.isnan(found), found))[place - 1]
    return Interval(level, half_width, rows) if math.isfinite(half_width) else None
