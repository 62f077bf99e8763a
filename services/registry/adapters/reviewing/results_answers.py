"""Answers to labelled rows."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from services.registry.adapters.inspection.pieces import MOST_ROWS_A_CALL, ROWS_A_CALL
from services.registry.adapters.reviewing.subject import LeftOutError, Sampled, Subject
from understudy.inference.rows import Rows
from understudy.inference.scored import Floats, Runner, Scored

Places = NDArray[np.intp]

_PIECE: Final = MOST_ROWS_A_CALL
_MOST_REFUSALS: Final = 200
"""Calls that fail before a model counts as one that can't be asked."""


@dataclass(frozen=True, slots=True, eq=False)
class Answers:
    """What was answered to n rows whose labels are known.

    `labels` and `values`: numbers, or indices of classes in the signature's order.
    `probabilities`: n × classes in that order, where there are any.
    """

    labels: Floats
    values: Floats
    probabilities: Floats | None
    classes: int
    """0 for a regression."""
    positive: int | None
    """Of two classes, the index of the one that matters."""

    def __len__(self) -> int:
        return int(self.labels.size)

    def at(self, places: Places) -> "Answers":
        """Those to some of the rows."""
        found = self.probabilities
        return Answers(
            self.labels[places],
            self.values[places],
            None if found is None else found[places],
            self.classes,
            self.positive,
        )


def answered(subject: Subject, sampled: Sampled, places: Places) -> tuple[Places, Answers]:
    """The model's answers to the rows at these places, and to which of them it had one.

    Raises LeftOutError when there are no rows, or it answers none.
    """
    if not places.size:
        raise LeftOutError("no row has a label and values that the signature allows")
    kept, scored = asked(subject.runner, sampled.rows.at(places))
    if not kept.size or scored is None:
        raise LeftOutError("the model refuses the rows that have a label")
    classes = len(subject.signature.target.classes) if subject.classification else 0
    shape = Answers(np.empty(0), np.empty(0), None, classes, subject.positive)
    return places[kept], joined(sampled.labels[places[kept]], scored, shape)


def asked(runner: Runner, rows: Rows) -> tuple[Places, Scored | None]:
    """Answers to the rows that a model does not refuse, and which these are.

    A piece that it refuses is cut until the rows that it can't answer are alone.
    """
    kept, found = list[Places](), list[Scored]()
    # Threads that wait for each other on a busy machine take several times as long.
    with threadpool_limits(limits=1):
        for start, stop, scored in _pieces(runner, rows):
            kept.append(np.arange(start, stop))
            found.append(scored)
    if not found:
        return np.empty(0, dtype=np.intp), None
    given = [part.probabilities for part in found if part.probabilities is not None]
    probabilities = np.concatenate(given) if len(given) == len(found) else None
    return np.concatenate(kept), Scored(
        np.concatenate([part.values for part in found]), probabilities
    )


def _pieces(runner: Runner, rows: Rows) -> Iterator[tuple[int, int, Scored]]:
    waiting = _cut(0, len(rows), _PIECE)
    refusals = 0
    while waiting and refusals < _MOST_REFUSALS:
        start, stop = waiting.pop()
        try:
            yield start, stop, runner.score(rows.part(start, stop))
        except MemoryError:
            raise
        except Exception:  # noqa: BLE001 - a model refuses in whatever way it likes
            refusals += 1
            if stop - start > ROWS_A_CALL:
                waiting += _cut(start, stop, ROWS_A_CALL)
            elif stop - start > 1:
                waiting += _cut(start, stop, (stop - start + 1) // 2)


def _cut(start: int, stop: int, size: int) -> list[tuple[int, int]]:
    """Pieces of so many rows, the first one last."""
    return [(at, min(at + size, stop)) for at in reversed(range(start, stop, size))]


def joined(labels: Floats, scored: Scored, like: Answers) -> Answers:
    """Labels and what was answered; of the same kind as `like`."""
    return Answers(labels, scored.values, scored.probabilities, like.classes, like.positive)
