"""Rows as they come out of the log: columns, not records. Entries of one kind join into one."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from services.monitor.domain.errors import MalformedRowsError
from understudy.contracts.vocabulary import Label
from understudy.profiles.arrays import Categories, Floats
from understudy.profiles.columns import Column

Indices = NDArray[np.intp]


@dataclass(frozen=True, slots=True, eq=False)
class Responses:
    """What one version answered: numbers or class indices (NaN where scoring failed)."""

    values: Floats
    probabilities: Floats | None = None
    """One column per class, where the version gives them."""
    classes: tuple[Label, ...] = ()

    @property
    def scores(self) -> Floats:
        """The predicted number, or the last class's probability; NaN where there is none."""
        if not self.classes:
            return self.values
        if self.probabilities is None:
            return np.full(self.values.shape, np.nan)
        scores: Floats = np.where(np.isfinite(self.values), self.probabilities[:, -1], np.nan)
        return scores

    def take(self, at: Indices) -> "Responses":
        """The responses to some of the rows."""
        chosen = None if self.probabilities is None else self.probabilities[at]
        return Responses(self.values[at], chosen, self.classes)


@dataclass(frozen=True, slots=True, eq=False)
class PredictionRows:
    """Rows that one main version answered."""

    release: int
    main: int
    ids: list[str]
    at: Floats
    seconds: Floats
    """NaN where nobody measured them: predictions made elsewhere."""
    columns: Mapping[str, Column]
    responses: Responses

    def __post_init__(self) -> None:
        lengths = [self.at.size, self.seconds.size, *map(len, self.columns.values())]
        _check(len(self.ids), lengths, self.responses)

    def take(self, at: Indices) -> "PredictionRows":
        """Some of the rows, in their order."""
        if at.size == len(self.ids):
            return self
        return PredictionRows(
            release=self.release,
            main=self.main,
            ids=[self.ids[row] for row in at],
            at=self.at[at],
            seconds=self.seconds[at],
            columns={name: _taken(column, at) for name, column in self.columns.items()},
            responses=self.responses.take(at),
        )


@dataclass(frozen=True, slots=True, eq=False)
class PairRows:
    """Rows that one challenger answered beside one main."""

    release: int
    main: int
    challenger: int
    ids: list[str]
    at: Floats
    main_responses: Responses
    challenger_responses: Responses
    challenger_seconds: Floats
    outcomes: list[str]
    timed_main_seconds: Floats
    """Of each row that both answered alone, in turn, in one process; NaN for all others."""
    timed_challenger_seconds: Floats

    def __post_init__(self) -> None:
        timed = (self.timed_main_seconds.size, self.timed_challenger_seconds.size)
        lengths = [self.at.size, self.challenger_seconds.size, len(self.outcomes), *timed]
        for responses in (self.main_responses, self.challenger_responses):
            _check(len(self.ids), lengths, responses)

    def take(self, at: Indices) -> "PairRows":
        """Some of the rows, in their order."""
        if at.size == len(self.ids):
            return self
        return PairRows(
            release=self.release,
            main=self.main,
            challenger=self.challenger,
            ids=[self.ids[row] for row in at],
            at=self.at[at],
            main_responses=self.main_responses.take(at),
            challenger_responses=self.challenger_responses.take(at),
            challenger_seconds=self.challenger_seconds[at],
            outcomes=[self.outcomes[row] for row in at],
            timed_main_seconds=self.timed_main_seconds[at],
            timed_challenger_seconds=self.timed_challenger_seconds[at],
        )


@dataclass(frozen=True, slots=True)
class LabelRows:
    """True outcomes of earlier predictions, to be joined to them by id."""

    prediction_ids: tuple[str, ...]
    labels: tuple[Label, ...]
    received_at: tuple[float, ...]
    observed_at: tuple[float | None, ...]
    sources: tuple[str | None, ...]


@dataclass(frozen=True, slots=True)
class ProtectedRows:
    """Protected attributes of whom earlier predictions concern."""

    prediction_ids: tuple[str, ...]
    attributes: tuple[Mapping[str, str], ...]
    received_at: tuple[float, ...]


def join_predictions(entries: Iterable[PredictionRows]) -> list[PredictionRows]:
    """One batch for all entries of the same release and form: counting costs per batch."""
    alike: dict[object, list[PredictionRows]] = {}
    for entry in entries:
        kinds = tuple((name, type(column)) for name, column in entry.columns.items())
        name = (entry.release, entry.main, kinds, _form(entry.responses))
        alike.setdefault(name, []).append(entry)
    return [found[0] if len(found) == 1 else _joined_predictions(found) for found in alike.values()]


def join_pairs(entries: Iterable[PairRows]) -> list[PairRows]:
    """The same for pairs of the same release and challenger."""
    alike: dict[object, list[PairRows]] = {}
    for entry in entries:
        forms = _form(entry.main_responses), _form(entry.challenger_responses)
        alike.setdefault((entry.release, entry.main, entry.challenger, forms), []).append(entry)
    return [found[0] if len(found) == 1 else _joined_pairs(found) for found in alike.values()]


def rows_by_minute(at: Floats) -> dict[int, Indices]:
    """Which rows were answered in which minute since the epoch; times must be finite."""
    minutes = np.floor_divide(at, 60).astype(np.int64)
    return {int(minute): np.flatnonzero(minutes == minute) for minute in np.unique(minutes)}


def _joined_predictions(entries: Sequence[PredictionRows]) -> PredictionRows:
    return PredictionRows(
        release=entries[0].release,
        main=entries[0].main,
        ids=[name for entry in entries for name in entry.ids],
        at=np.concatenate([entry.at for entry in entries]),
        seconds=np.concatenate([entry.seconds for entry in entries]),
        columns={
            name: _joined([entry.columns[name] for entry in entries]) for name in entries[0].columns
        },
        responses=_joined_responses([entry.responses for entry in entries]),
    )


def _joined_pairs(entries: Sequence[PairRows]) -> PairRows:
    return PairRows(
        release=entries[0].release,
        main=entries[0].main,
        challenger=entries[0].challenger,
        ids=[name for entry in entries for name in entry.ids],
        at=np.concatenate([entry.at for entry in entries]),
        main_responses=_joined_responses([entry.main_responses for entry in entries]),
        challenger_responses=_joined_responses([entry.challenger_responses for entry in entries]),
        challenger_seconds=np.concatenate([entry.challenger_seconds for entry in entries]),
        outcomes=[outcome for entry in entries for outcome in entry.outcomes],
        timed_main_seconds=np.concatenate([entry.timed_main_seconds for entry in entries]),
        timed_challenger_seconds=np.concatenate(
            [entry.timed_challenger_seconds for entry in entries]
        ),
    )


def _joined_responses(parts: Sequence[Responses]) -> Responses:
    probabilities = [part.probabilities for part in parts if part.probabilities is not None]
    return Responses(
        np.concatenate([part.values for part in parts]),
        np.concatenate(probabilities) if probabilities else None,
        parts[0].classes,
    )


def _joined(columns: Sequence[Column]) -> Column:
    numbers = [column for column in columns if isinstance(column, np.ndarray)]
    if numbers:
        return np.concatenate(numbers)
    return [value for column in columns if isinstance(column, list) for value in column]


def _taken(column: Column, at: Indices) -> Column:
    return column[at] if isinstance(column, np.ndarray) else _chosen(column, at)


def _chosen(values: Categories, at: Indices) -> list[str | None]:
    return [values[row] for row in at]


def _form(responses: Responses) -> object:
    """Responses of the same form join. Classes by type too: True, 1 and 1.0 are equal."""
    kinds = tuple((type(label), label) for label in responses.classes)
    return kinds, responses.probabilities is None


def _check(rows: int, lengths: Iterable[int], responses: Responses) -> None:
    shape = None if responses.probabilities is None else responses.probabilities.shape
    fits = (
        all(length == rows for length in (*lengths, responses.values.size))
        and (shape is None or shape == (rows, len(responses.classes)))
        and not _beyond(responses)
    )
    if not fits:
        raise MalformedRowsError("columns of one entry differ in length, or classes don't fit")


def _beyond(responses: Responses) -> bool:
    """Whether a class index points at no class."""
    if not responses.classes:
        return False
    indices = responses.values[np.isfinite(responses.values)]
    return bool(((indices < 0) | (indices >= len(responses.classes))).any())
