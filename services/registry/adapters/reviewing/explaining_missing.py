"""How good the model still is when values are taken away that the signature allows to be null."""

from collections.abc import Sequence
from typing import Final

import numpy as np

from services.registry.adapters.inspection.sample import evenly
from services.registry.adapters.reviewing.asking_time import affordable
from services.registry.adapters.reviewing.explaining_asking import labelled_places
from services.registry.adapters.reviewing.explaining_dependence import column_of
from services.registry.adapters.reviewing.explaining_metric import deciding, of_no_answer
from services.registry.adapters.reviewing.subject import LeftOutError, Subject
from understudy.contracts.reviews import WithoutValues
from understudy.contracts.signature import Signature
from understudy.inference.parity import answers
from understudy.inference.rows import Rows
from understudy.inference.scored import Floats, Scored

ALL: Final = "*"
MOST_ROWS: Final = 5_000
SHARES: Final = (0.0, 0.1, 0.3)
MOST_FEATURES: Final = 5
_REFUSING_ROWS: Final = 300
"""Of a model that refuses, which is asked for one row after the other."""
_FEWEST_ROWS: Final = 500
_OF_ALL_TIME: Final = 1 / 15


def without_of(subject: Subject, ranked: Sequence[str]) -> tuple[WithoutValues, ...]:
    """The deciding metric as rows are, with 10 % and 30 % of values taken away, and whole columns.

    Only features that the signature allows to be null lose values: serving refuses others before
    the model sees them. `*` takes each value of theirs away with the share as its chance; then
    each of the five that matter most loses all of them. At most 5,000 rows of the held sample.
    Rows that the model refuses are counted, and the metric is of the others.

    Raises LeftOutError when no feature may be null, or without labelled rows of two classes.
    """
    signature, held = subject.signature, subject.held
    nullable = [feature.name for feature in signature.features if feature.nullable]
    if not nullable:
        raise LeftOutError("the signature allows no feature to be null, so serving refuses nulls")
    times = len(SHARES) + MOST_FEATURES
    seconds = subject.task.seconds * _OF_ALL_TIME
    places = labelled_places(held, MOST_ROWS)
    places = affordable(subject.runner, held.rows, places, seconds, times=times, least=_FEWEST_ROWS)
    rows, labels = held.rows.at(places), held.labels[places]
    draw, found = subject.draw(), list[WithoutValues]()
    for share in SHARES:
        changed = rows
        for name in nullable if share else ():
            changed = _without(changed, signature, name, draw.random(len(rows)) < share)
        found.append(_measured(subject, ALL, share, changed, labels))
    first = [name for name in ranked if name in nullable]
    first += [name for name in nullable if name not in first]
    every = np.ones(len(rows), dtype=bool)
    for name in first[:MOST_FEATURES]:
        changed = _without(rows, signature, name, every)
        found.append(_measured(subject, name, 1.0, changed, labels))
    return tuple(found)


def _without(rows: Rows, signature: Signature, name: str, taken: np.ndarray) -> Rows:
    feature, column = column_of(signature, name)
    if feature.numeric:
        numbers = rows.numbers.copy()
        numbers[taken, column] = np.nan
        return Rows(numbers, rows.texts)
    texts = list(rows.texts)
    pairs = zip(texts[column], taken.tolist(), strict=True)
    texts[column] = [None if gone else text for text, gone in pairs]
    return Rows(rows.numbers, tuple(texts))


def _measured(
    subject: Subject, name: str, share: float, rows: Rows, labels: Floats
) -> WithoutValues:
    try:
        scored = subject.runner.score(rows)
    except MemoryError:
        raise
    except Exception:  # noqa: BLE001 - a model refuses in whatever way it likes
        return _refused(subject, name, share, rows, labels)
    return WithoutValues(name, share, deciding(subject, scored, labels), 0.0)


def _refused(
    subject: Subject, name: str, share: float, rows: Rows, labels: Floats
) -> WithoutValues:
    fewer = evenly(np.arange(len(rows)), _REFUSING_ROWS)
    answered, known = answers(subject.runner, rows.at(fewer)), labels[fewer]
    refused, kept = float(answered.refused.mean()), np.flatnonzero(~answered.refused)
    if _can_be_measured(subject, known[kept]):
        chances = answered.probabilities
        scored = Scored(answered.values[kept], None if chances is None else chances[kept])
        return WithoutValues(name, share, deciding(subject, scored, known[kept]), refused)
    return WithoutValues(name, share, of_no_answer(subject, labels), refused)


def _can_be_measured(subject: Subject, labels: Floats) -> bool:
    fewest = 2 if subject.classification else 1
    return np.unique(labels).size >= fewest
