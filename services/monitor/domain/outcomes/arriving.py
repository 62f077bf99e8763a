"""What one look at the log brought, in the signature's terms, each fact once."""

import hashlib
import json
import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

import numpy as np

from services.monitor.domain.outcomes.coding import Codes
from services.monitor.domain.outcomes.facts import Answers, Incoming, Rank, rank
from services.monitor.domain.outcomes.joining import Stated, Trait
from services.monitor.domain.rows import (
    Indices,
    LabelRows,
    PairRows,
    ProtectedRows,
    Responses,
    join_pairs,
    join_predictions,
)
from understudy.contracts.vocabulary import Label, Outcome
from understudy.profiles.arrays import Floats

LONGEST_GROUP: Final = 40
"""Characters of a protected attribute's name, and of a group's: longer ones are texts, no groups,
and are not taken up."""


@dataclass(frozen=True, slots=True, eq=False)
class Said:
    """What one version said to some predictions, each named once."""

    version: int
    release: int
    """In which a main said it; 0 of challengers: they are joined whatever the release."""
    ids: Sequence[str]
    at: Floats
    answers: Answers

    def rank(self, place: int) -> Rank:
        """Of the answers to one prediction the one of the lowest rank counts."""
        return rank(self.answers, place, float(self.at[place]), self.release, self.version)

    def take(self, places: Indices) -> "Said":
        """Some of it."""
        if places.size == len(self.ids):
            return self
        ids = [self.ids[place] for place in places]
        return Said(self.version, self.release, ids, self.at[places], self.answers.take(places))


@dataclass(frozen=True, slots=True, eq=False)
class Arrived:
    """Facts of one look."""

    predictions: Sequence[Said]
    pairs: Sequence[Said]
    labels: Sequence[tuple[str, Stated]]
    traits: Sequence[tuple[str, str, Trait]]
    """Prediction, attribute, its value."""

    def since(self, start: float) -> tuple["Arrived", int]:
        """Facts of predictions from then on, and how many others there are. Labels all stay."""
        predictions = [_later(said, start) for said in self.predictions]
        pairs = [_later(said, start) for said in self.pairs]
        lost = _rows(self.predictions) + _rows(self.pairs) - _rows(predictions) - _rows(pairs)
        return Arrived(predictions, pairs, self.labels, self.traits), lost


def arrive(incoming: Incoming) -> Arrived:
    """Read what came. Rows whose time is no number are left out: the log's totals count them."""
    codes = Codes(incoming.target)
    predictions = (
        Said(rows.main, rows.release, rows.ids, rows.at, codes.answers(rows.responses))
        for rows in join_predictions(incoming.predictions)
        if rows.release >= incoming.first_release
    )
    pairs = (
        Said(rows.challenger, 0, rows.ids, rows.at, codes.answers(_succeeded(rows)))
        for rows in join_pairs(incoming.pairs)
        if rows.release >= incoming.first_release
    )
    return Arrived(
        predictions=_once([*predictions]),
        pairs=[said for one in _by_version(pairs) for said in _once(one)],
        labels=[*dict.fromkeys(_stated(incoming.labels, codes))],
        traits=[*_traits(incoming.protected)],
    )


def newest_before(incoming: Incoming, since: float, end: float) -> float:
    """When the newest prediction of a stretch of time was made; -∞ without one.

    Answers that another one to the same prediction outranks count too: which ones come together
    must not matter.
    """
    found = float("-inf")
    for rows in incoming.predictions:
        if rows.release >= incoming.first_release:
            timely = rows.at[(rows.at >= since) & (rows.at < end)]
            found = max(found, float(timely.max(initial=-np.inf)))
    return found


def _succeeded(rows: PairRows) -> Responses:
    """The challenger's responses; NaN where it did not end well."""
    given = rows.challenger_responses
    ok = np.array([outcome == Outcome.OK for outcome in rows.outcomes], dtype=bool)
    return Responses(np.where(ok, given.values, np.nan), given.probabilities, given.classes)


def _by_version(pairs: Iterable[Said]) -> Iterable[Sequence[Said]]:
    found: dict[int, list[Said]] = {}
    for said in pairs:
        found.setdefault(said.version, []).append(said)
    return found.values()


def _once(parts: Sequence[Said]) -> list[Said]:
    """The answer that counts to each prediction."""
    timely = [said.take(np.flatnonzero(np.isfinite(said.at))) for said in parts]
    named = set[str]().union(*(said.ids for said in timely))
    if len(named) == _rows(timely):
        return [said for said in timely if said.ids]
    best: dict[str, tuple[Rank, int, int]] = {}
    for number, said in enumerate(timely):
        for place, name in enumerate(said.ids):
            found = said.rank(place), number, place
            best[name] = min(best.get(name, found), found)
    chosen: list[list[int]] = [[] for _ in timely]
    for _, number, place in best.values():
        chosen[number].append(place)
    kept = (
        said.take(np.array(sorted(places), dtype=np.intp))
        for said, places in zip(timely, chosen, strict=True)
    )
    return [said for said in kept if said.ids]


def _stated(entries: Iterable[LabelRows], codes: Codes) -> Iterator[tuple[str, Stated]]:
    @lru_cache(maxsize=1_000)
    def read(_kind: str, label: Label) -> tuple[str, float | None]:
        value = codes.label(label)
        return _text(label, refused=value is None), value

    for rows in entries:
        facts = zip(rows.prediction_ids, rows.labels, rows.received_at, strict=True)
        for name, label, received_at in facts:
            text, value = read(type(label).__name__, label)
            yield name, Stated(_time(received_at), text, value)


def _text(label: Label, *, refused: bool) -> str:
    """What is refused may be anything and of any length: a digest tells repetitions."""
    text = json.dumps(label)
    return hashlib.sha256(text.encode()).hexdigest() if refused else text


def _traits(entries: Iterable[ProtectedRows]) -> Iterator[tuple[str, str, Trait]]:
    for rows in entries:
        facts = zip(rows.prediction_ids, rows.attributes, rows.received_at, strict=True)
        for name, attributes, received_at in facts:
            for attribute, value in attributes.items():
                if len(attribute) <= LONGEST_GROUP and len(value) <= LONGEST_GROUP:
                    yield name, attribute, Trait(_time(received_at), value)


def _time(seconds: float) -> float:
    return seconds if math.isfinite(seconds) else 0.0


def _later(said: Said, start: float) -> Said:
    return said.take(np.flatnonzero(said.at >= start))


def _rows(parts: Iterable[Said]) -> int:
    return sum(len(said.ids) for said in parts)
