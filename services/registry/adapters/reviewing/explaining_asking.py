"""A model asked for explanations: of which rows, and which one answer is shown.

Within a review's child. Models are foreign: whatever they raise is a reason to leave a part out.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from services.registry.adapters.inspection.sample import evenly
from services.registry.adapters.reviewing.subject import LeftOutError, Sampled, Subject
from understudy.inference.rows import Rows
from understudy.inference.scored import Floats, Runner, Scored

_LONGEST_REASON: Final = 200


def legal_places(held: Sampled, most: int) -> NDArray[np.intp]:
    """At most so many places of rows that the model may be asked, with a label or without."""
    places = evenly(np.flatnonzero(held.legal), most)
    if not places.size:
        raise LeftOutError(f"the {held.sample} sample has no row that the signature allows")
    return places


def labelled_places(held: Sampled, most: int) -> NDArray[np.intp]:
    """The same of rows with a label."""
    places = held.some(most)
    if not places.size:
        raise LeftOutError(
            f"the {held.sample} sample has no row with a label that the signature allows"
        )
    return places


def asked(runner: Runner, rows: Rows) -> Scored:
    """The answers; LeftOutError where the model refuses."""
    try:
        return runner.score(rows)
    except MemoryError:
        raise
    except Exception as error:  # a model refuses in whatever way it likes
        raise refusal(error) from error


def refusal(error: Exception) -> LeftOutError:
    """Why a part is left out of which the model refuses the rows."""
    reason = f"the model refuses rows of the sample ({type(error).__name__}: {error})"
    return LeftOutError(reason[:_LONGEST_REASON])


def shown(scored: Scored, place: int | None) -> Floats:
    """Of each row one number: a class's probability, or without any 1 where it is answered.

    Numbers are shown as they are; `place` is a class's index, None for them.
    """
    if place is None:
        return scored.values
    if scored.probabilities is None:
        return np.asarray(scored.values == place, dtype=np.float64)
    return np.asarray(scored.probabilities[:, place], dtype=np.float64)


def class_to_show(subject: Subject, rows: Rows) -> int | None:
    """The index of the class whose probability is shown; None for numbers.

    Of two classes the positive one; of several the one whose probability varies most between the
    rows, or without probabilities the one that is answered most.
    """
    if not subject.classification:
        return None
    if subject.positive is not None:
        return subject.positive
    scored = asked(subject.runner, rows)
    if scored.probabilities is not None:
        return int(scored.probabilities.std(axis=0).argmax())
    return int(np.bincount(scored.values.astype(np.intp)).argmax())
