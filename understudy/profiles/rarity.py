"""Categories that a sample holds once or twice: they say how many there are that it does not hold.

See `statistics.shares` for what is made of them.
"""

from collections import Counter
from typing import Final

import numpy as np
from numpy.typing import NDArray

from understudy.profiles.arrays import Counts
from understudy.profiles.columns import Column

TIMES: Final = 2
Times = NDArray[np.intp]


def times_seen(column: Column) -> Times:
    """How often each row's category occurs in the column; 0 for others than once and twice.

    Numbers and missing values have none.
    """
    if isinstance(column, np.ndarray):
        return np.zeros(column.size, dtype=np.intp)
    found = Counter(value for value in column if value is not None)
    times = np.array([0 if value is None else found[value] for value in column], dtype=np.intp)
    return np.asarray(np.where(times <= TIMES, times, 0))


def rare_rows(times: Times) -> Counts:
    """Rows whose category occurs once, and rows whose category occurs twice."""
    return np.bincount(times, minlength=TIMES + 1)[1:]
