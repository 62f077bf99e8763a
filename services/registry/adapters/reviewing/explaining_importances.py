"""How much each feature matters to the model, with an interval."""

from typing import Final

import numpy as np
from scipy import stats

from services.registry.adapters.inspection.importances import growths
from services.registry.adapters.reviewing.asking_time import affordable
from services.registry.adapters.reviewing.explaining_asking import labelled_places, refusal
from services.registry.adapters.reviewing.subject import LeftOutError, Subject
from understudy.contracts.reviews import Estimate, Importance
from understudy.inference.scored import Floats

MOST_ROWS: Final = 5_000
REPEATS: Final = 5
_MOST_ASKED: Final = 150_000
"""Rows, over all features and repeats."""
_FEWEST_ROWS: Final = 100
_OF_ALL_TIME: Final = 1 / 12
_LEVEL: Final = 0.95


def importances_of(subject: Subject) -> tuple[Importance, ...]:
    """By how much the mean loss grows when a feature's column is shuffled; the largest first.

    Formula and losses as at registration (`inspection.importances`, permutation importance of
    Breiman 2001 and of Fisher, Rudin and Dominici 2019), five shuffles of at most 5,000 rows of the
    held sample, of many features or a slow model fewer. The interval is Student's, from the
    variance between rows (each row's mean over shuffles) plus the one between shuffles' means, so
    it is rather too wide than too narrow. The growth itself is not below 0; the near end may be.

    Raises LeftOutError where no row can be asked, or no feature shuffled.
    """
    features = len(subject.signature.features)
    most = min(MOST_ROWS, max(_MOST_ASKED // (features * REPEATS), _FEWEST_ROWS))
    seconds = subject.task.seconds * _OF_ALL_TIME
    held, times = subject.held, REPEATS * features
    places = labelled_places(held, most)
    places = affordable(subject.runner, held.rows, places, seconds, times=times, least=_FEWEST_ROWS)
    measured = growths(
        subject.runner,
        held.rows.at(places),
        held.labels[places],
        subject.signature,
        repeats=REPEATS,
        draw=subject.draw(),
    )
    try:
        found = {name: _estimate(grown) for name, grown in measured}
    except MemoryError:
        raise
    except Exception as error:  # a model refuses in whatever way it likes
        raise refusal(error) from error
    if not found:
        raise LeftOutError("the model refuses every row in which a feature's values were swapped")
    total = sum(growth.value for growth in found.values())
    ordered = sorted(found.items(), key=lambda item: -item[1].value)
    return tuple(
        Importance(name, growth, growth.value / total if total > 0 else 0.0)
        for name, growth in ordered
    )


def _estimate(grown: Floats) -> Estimate:
    repeats, rows = grown.shape
    mean = float(grown.mean())
    if rows < 2:
        return Estimate(max(mean, 0.0))
    between_rows = grown.mean(axis=0).var(ddof=1) / rows
    between_shuffles = grown.mean(axis=1).var(ddof=1) / repeats
    error = float(np.sqrt(between_rows + between_shuffles))
    width = float(stats.t.ppf((1 + _LEVEL) / 2, rows - 1)) * error
    return Estimate(max(mean, 0.0), mean - width, max(mean + width, 0.0))
