"""`ports.Outcomes` in memory: keeps all facts one by one, and counts everything anew when asked."""

import json
import math
import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from services.monitor.domain.deciding.deeds import Deed
from services.monitor.domain.outcomes.coding import Codes
from services.monitor.domain.outcomes.facts import (
    Answers,
    Incoming,
    JoinedRows,
    Losses,
    Rank,
    Standing,
)
from services.monitor.domain.outcomes.losses import losses
from services.monitor.domain.outcomes.merging import gather
from services.monitor.domain.outcomes.tallies import CohortId, CohortTally
from services.monitor.domain.outcomes.tallying import tally
from services.monitor.domain.outcomes.tenures import Tenure, tenure
from services.monitor.domain.reports import Span
from services.monitor.domain.rows import (
    LabelRows,
    PairRows,
    PredictionRows,
    ProtectedRows,
    Responses,
)
from understudy.contracts.signature import Target

Answer = tuple[float, tuple[float, ...]]
"""A value, and probabilities where there are some."""


@dataclass
class Predicted:
    at: float
    main: int
    tenure: Tenure
    said: Answer

    @property
    def rank(self) -> Rank:
        """Which of several counts."""
        return _rank(self.said, self.at, self.tenure.release, self.main)


@dataclass
class Book:
    """All facts of one deployment."""

    target: Target
    expired_before: float = -math.inf
    newest: float = -math.inf
    tenures: list[Tenure] = field(default_factory=list)
    predictions: dict[str, Predicted] = field(default_factory=dict)
    pairs: dict[tuple[str, int], tuple[float, Answer]] = field(default_factory=dict)
    labels: dict[str, set[tuple[float, str, float | None]]] = field(default_factory=dict)
    protected: dict[tuple[str, str], tuple[float, str | None]] = field(default_factory=dict)
    kept: dict[CohortId, CohortTally] = field(default_factory=dict)
    """Of facts that were let go of: what they had counted for, and count for no more."""
    past: Standing = field(default_factory=Standing)

    @property
    def horizons(self) -> dict[str, float]:
        """In seconds, by fingerprint."""
        return {held.terms.fingerprint: held.terms.horizon_seconds for held in self.tenures}

    def tenure(self, incoming: Incoming, release: int, main: int) -> Tenure:
        """Of rows of a release."""
        found = tenure(self.tenures, incoming, release, main)
        if found not in self.tenures:
            self.tenures.append(found)
        return found


@dataclass
class MemoryOutcomes:
    """`ports.Outcomes`."""

    clock: Callable[[], float] = time.time
    books: dict[str, Book] = field(default_factory=dict)
    """Of the newest deployment of each name."""
    all_books: dict[tuple[str, int], Book] = field(default_factory=dict)
    """By name and first release."""
    done: list[Deed] = field(default_factory=list)
    failure: Exception | None = None
    id: str = field(default_factory=lambda: uuid.uuid4().hex)

    async def identity(self) -> str:
        return self.id

    async def apply(self, incoming: Incoming) -> None:
        if self.failure is not None:
            raise self.failure
        book, codes = self._book(incoming), Codes(incoming.target)
        first = incoming.first_release
        predictions = [rows for rows in incoming.predictions if rows.release >= first]
        for rows in predictions:
            timely = rows.at[(rows.at < self.clock() + 300) & (rows.at >= book.expired_before)]
            book.newest = max(book.newest, timely.max(initial=-math.inf))
        for rows in predictions:
            _add_predictions(book, codes, rows, book.tenure(incoming, rows.release, rows.main))
        for paired in incoming.pairs:
            if paired.release >= first:
                _add_pairs(book, codes, paired)
        for labelled in incoming.labels:
            _add_labels(book, codes, labelled)
        for described in incoming.protected:
            _add_traits(book, described)

    def _book(self, incoming: Incoming) -> Book:
        name, key = incoming.deployment, (incoming.deployment, incoming.first_release)
        book = self.all_books.setdefault(key, Book(incoming.target))
        newest = max(first for called, first in self.all_books if called == name)
        self.books[name] = self.all_books[name, newest]
        book.tenure(incoming, incoming.release, incoming.main)
        return book

    def _books(self, name: str) -> list[Book]:
        return [book for (called, _), book in self.all_books.items() if called == name]

    async def tallies(self, deployment: str, since: float) -> Mapping[CohortId, CohortTally]:
        book = self.books.get(deployment)
        fine = _tallies(book).items() if book else ()
        found = gather(fine, book.horizons, book.newest) if book else {}
        return {name: held for name, held in found.items() if name.start + name.seconds > since}

    async def standing(self, deployment: str) -> Standing:
        book = self.books.get(deployment)
        return Standing() if book is None else book.past + _standing(book)

    async def newest_losses(self, deployment: str, main: int, span: Span, most: int) -> Losses:
        book = self.books.get(deployment)
        found = []
        for name, held in sorted(book.predictions.items() if book else ()):
            label = _label(book, name) if book else None
            if (
                book
                and held.main == main
                and span.begins <= held.at < span.ends
                and label is not None
            ):
                rows = _joined(book, [name], main, held.tenure)
                cost = losses(rows.answers[main], rows.labels, book.target, held.tenure.terms)[0]
                found.append((held.at, name, float(np.minimum(1.0, cost / held.tenure.terms.span))))
        newest = [row for row in sorted(found)[-most:] if not math.isnan(row[2])]
        return Losses(np.array([at for at, _, _ in newest]), np.array([c for _, _, c in newest]))

    async def joined(self, deployment: str, ids: Sequence[str]) -> Sequence[JoinedRows]:
        book = self.books.get(deployment)
        if book is None:
            return ()
        known = {name: book.predictions[name] for name in ids if name in book.predictions}
        kinds = {(held.main, held.tenure) for held in known.values()}
        return [
            _joined(book, [n for n, h in known.items() if (h.main, h.tenure) == kind], *kind)
            for kind in kinds
        ]

    async def note(self, deed: Deed) -> None:
        self.done = [*(held for held in self.done if held.key != deed.key), deed]

    async def deeds(self, deployment: str) -> Sequence[Deed]:
        return [deed for deed in reversed(self.done) if deed.deployment == deployment][:100]

    async def deployments(self) -> Sequence[str]:
        return sorted(self.books)

    async def maturing_seconds(self, deployment: str) -> float:
        books = self._books(deployment)
        held = (tenure.terms.maturing_seconds for book in books for tenure in book.tenures)
        return max(held, default=0.0)

    async def expire(self, deployment: str, before: float) -> int:
        return sum(_expire(book, before) for book in self._books(deployment))

    async def expire_protected(self, deployment: str, before: float) -> int:
        return sum(_expire_protected(book, before) for book in self._books(deployment))


def _expire(book: Book, before: float) -> int:
    counted, standing, facts = _tallies(book), _standing(book), _size(book)
    book.expired_before = max(book.expired_before, before)
    _remove(book, before)
    book.kept = _plus(book.kept, _less(counted, _tallies(book)))
    book.past += _past(standing - _standing(book))
    return facts - _size(book)


def _expire_protected(book: Book, before: float) -> int:
    counted, standing, gone = _tallies(book), _standing(book), 0
    for key, (at, value) in [*book.protected.items()]:
        if at < before and value is not None:
            gone += 1
            if key[0] in book.predictions:
                book.protected[key] = at, None
            else:
                del book.protected[key]
    book.kept = _plus(book.kept, _less(counted, _tallies(book)))
    book.past += _past(standing - _standing(book))
    return gone


def _add_predictions(book: Book, codes: Codes, rows: PredictionRows, tenure: Tenure) -> None:
    said = _answers(codes, rows.responses)
    for name, at, answer in zip(rows.ids, rows.at.tolist(), said, strict=True):
        if not _late(book, at):
            found = Predicted(at, rows.main, tenure, answer)
            held = book.predictions.get(name, found)
            book.predictions[name] = min(held, found, key=lambda one: one.rank)


def _add_pairs(book: Book, codes: Codes, rows: PairRows) -> None:
    said = _answers(codes, rows.challenger_responses)
    for name, at, outcome, answer in zip(
        rows.ids, rows.at.tolist(), rows.outcomes, said, strict=True
    ):
        if not _late(book, at):
            given = answer if outcome == "ok" else (math.nan, ())
            found, key = (at, given), (name, rows.challenger)
            both = book.pairs.get(key, found), found
            book.pairs[key] = min(both, key=lambda one: _rank(one[1], one[0]))


def _add_labels(book: Book, codes: Codes, rows: LabelRows) -> None:
    for name, label, at in zip(rows.prediction_ids, rows.labels, rows.received_at, strict=True):
        event = at, json.dumps(label), codes.label(label)
        book.labels.setdefault(name, set()).add(event)


def _add_traits(book: Book, rows: ProtectedRows) -> None:
    for name, attributes, at in zip(
        rows.prediction_ids, rows.attributes, rows.received_at, strict=True
    ):
        for attribute, value in attributes.items():
            held = book.protected.get((name, attribute))
            if len(value) > 40 or len(attribute) > 40:
                continue
            later = held is None or (held[1] is not None and held < (at, value))
            if later:
                book.protected[name, attribute] = at, value


def _late(book: Book, at: float) -> bool:
    late = at < book.expired_before
    book.past = replace(book.past, expired=book.past.expired + late)
    return late or not math.isfinite(at)


def _rank(said: Answer, at: float, release: int = 0, who: int = 0) -> Rank:
    value, chances = said
    if math.isnan(value):
        return True, at, release, who, 0.0, ()
    return False, at, release, who, value, () if any(map(math.isnan, chances)) else chances


def _answers(codes: Codes, responses: Responses) -> list[Answer]:
    said = codes.answers(responses)
    chances = said.probabilities
    rows: list[list[float]] = [[]] * said.values.size if chances is None else chances.tolist()
    return [(value, tuple(row)) for value, row in zip(said.values.tolist(), rows, strict=True)]


def _tallies(book: Book) -> dict[CohortId, CohortTally]:
    kinds = {(held.main, held.tenure) for held in book.predictions.values()}
    found = book.kept
    for kind in kinds:
        names = [
            name for name, held in book.predictions.items() if (held.main, held.tenure) == kind
        ]
        found = _plus(found, tally(_joined(book, names, *kind)))
    return {name: held for name, held in found.items() if held}


def _joined(book: Book, names: Sequence[str], main: int, tenure: Tenure) -> JoinedRows:
    rivals = {challenger for name, challenger in book.pairs if challenger != main}
    first = {name: _first(book, name) for name in names}
    return JoinedRows(
        main=main,
        release=tenure.release,
        terms=tenure.terms,
        target=book.target,
        ids=names,
        at=np.array([book.predictions[name].at for name in names]),
        answers={
            main: _columns(book, [book.predictions[name].said for name in names]),
            **{
                rival: _columns(
                    book, [book.pairs.get((name, rival), (0.0, None))[1] for name in names]
                )
                for rival in rivals
            },
        },
        labels=np.array([_number(_label(book, name)) for name in names]),
        received_at=np.array([_number(first[name]) for name in names]),
        protected={
            place: traits for place, name in enumerate(names) if (traits := _traits(book, name))
        },
    )


def _columns(book: Book, said: Sequence[Answer | None]) -> Answers:
    classes = len(book.target.classes)
    nothing = (math.nan,) * classes
    rows = [(nothing if one is None else one[1] or nothing) for one in said]
    return Answers(
        np.array([math.nan if one is None else one[0] for one in said]),
        np.array(rows) if classes else None,
        np.array([one is not None for one in said]),
    )


def _traits(book: Book, name: str) -> dict[str, str]:
    return {
        attribute: value
        for (whose, attribute), (_, value) in book.protected.items()
        if whose == name and value is not None
    }


def _good(book: Book, name: str) -> list[tuple[float, str, float]]:
    events = book.labels.get(name, set())
    return sorted((at, text, value) for at, text, value in events if value is not None)


def _label(book: Book, name: str) -> float | None:
    good = _good(book, name)
    return good[-1][2] if good else None


def _first(book: Book, name: str) -> float | None:
    good = _good(book, name)
    return good[0][0] if good else None


def _number(value: float | None) -> float:
    return math.nan if value is None else value


def _standing(book: Book) -> Standing:
    good = {name: [value for _, _, value in _good(book, name)] for name in book.labels}
    waiting = [key for key in book.protected if key[0] not in book.predictions]
    return Standing(
        parked=sum(bool(said) for name, said in good.items() if name not in book.predictions),
        corrected=sum(len(set(said)) > 1 for said in good.values()),
        duplicates=sum(len(said) - len(set(said)) for said in good.values()),
        refused=sum(len(events) for events in book.labels.values())
        - sum(len(said) for said in good.values()),
        parked_pairs=sum(name not in book.predictions for name, _ in book.pairs),
        parked_protected=len(waiting),
    )


def _past(lost: Standing) -> Standing:
    """Label events that were counted stay counted; what still waited is lost."""
    return replace(
        lost,
        parked=0,
        parked_pairs=0,
        parked_protected=0,
        expired=lost.parked + lost.parked_pairs + lost.parked_protected,
    )


def _remove(book: Book, before: float) -> None:
    old = {name for name, held in book.predictions.items() if held.at < before}
    alone = (book.labels.keys() | {n for n, _ in book.pairs} | {n for n, _ in book.protected}) - (
        book.predictions.keys()
    )
    for name in alone:
        book.labels[name] = {e for e in book.labels.get(name, set()) if e[0] >= before}
    for name, challenger in [*book.pairs]:
        if name in old or (name in alone and book.pairs[name, challenger][0] < before):
            del book.pairs[name, challenger]
    for name, attribute in [*book.protected]:
        if name in old or (name in alone and book.protected[name, attribute][0] < before):
            del book.protected[name, attribute]
    for name in old:
        del book.predictions[name]
        book.labels.pop(name, None)


def _size(book: Book) -> int:
    events = sum(len(events) for events in book.labels.values())
    return len(book.predictions) + len(book.pairs) + events + len(book.protected)


def _plus(
    some: Mapping[CohortId, CohortTally], more: Mapping[CohortId, CohortTally]
) -> dict[CohortId, CohortTally]:
    empty = CohortTally()
    return {n: some.get(n, empty) + more.get(n, empty) for n in some.keys() | more.keys()}


def _less(
    some: Mapping[CohortId, CohortTally], other: Mapping[CohortId, CohortTally]
) -> dict[CohortId, CohortTally]:
    return _plus(some, {name: -held for name, held in other.items()})
