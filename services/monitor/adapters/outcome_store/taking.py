"""Taking facts up: what was known of the touched predictions, what is known now, the difference.

A delivery of nothing but new predictions, the usual one, reads no facts at all.
"""

import json
from collections.abc import Sequence
from dataclasses import replace
from typing import Final

import numpy as np
from sqlalchemy import Connection, bindparam, update

from services.monitor.adapters.outcome_store.account import (
    Account,
    number_of,
    open_account,
    read_book,
    save_account,
)
from services.monitor.adapters.outcome_store.bulk import (
    Rows,
    add_rows,
    add_unless_there,
    ids_of,
    is_among,
)
from services.monitor.adapters.outcome_store.cohorts import change_cohorts, difference
from services.monitor.adapters.outcome_store.loading import load_predictions, load_rest
from services.monitor.adapters.outcome_store.tables import answers, labels, pairs, protected
from services.monitor.domain.outcomes.arriving import Arrived, Said
from services.monitor.domain.outcomes.facts import Answers, Incoming
from services.monitor.domain.outcomes.joining import Facts, Trait, latest

CLOCKS_APART_SECONDS: Final = 300.0

_NEW_TRAIT: Final = (
    update(protected)
    .values(received_at=bindparam("at"), value=bindparam("worth"))
    .where(
        protected.c.deployment == bindparam("whose"),
        protected.c.id == bindparam("named"),
        protected.c.attribute == bindparam("called"),
    )
)


def take_up(connection: Connection, incoming: Incoming, arrived: Arrived, now: float) -> None:
    """Everything, within the transaction of the connection."""
    account = open_account(connection, incoming.deployment, incoming.target)
    timely, late = arrived.since(account.expired_before)
    former, account = account.newest, _touched(account, incoming, timely, now)
    book = read_book(connection, account.number)
    terms = number_of(connection, account.number, book, incoming.terms)
    predictions = _add_predictions(connection, account.number, terms, timely.predictions)
    taking = _Taking(connection, account, replace(timely, predictions=predictions))
    before, after = taking.known(), taking.joined(terms)
    book[terms] = incoming.terms
    changes = difference(after.tallies(book), before.tallies(book))
    change_cohorts(connection, account, former, changes, book.values())
    standing = account.standing + (after.standing() - before.standing())
    standing = replace(standing, expired=standing.expired + late)
    save_account(connection, replace(account, standing=standing))


def _touched(account: Account, incoming: Incoming, arrived: Arrived, now: float) -> Account:
    """What a clock that is far ahead said is no newest prediction."""
    latest_at = max(
        (said.newest_before(now + CLOCKS_APART_SECONDS) for said in arrived.predictions),
        default=account.newest,
    )
    return replace(
        account,
        target=incoming.target,
        newest=max(account.newest, latest_at),
        revision=account.revision + 1,
    )


class _Taking:
    """One delivery: its predictions are those that are new."""

    def __init__(self, connection: Connection, account: Account, arrived: Arrived) -> None:
        self._connection = connection
        self._whose = account.number
        self._target = account.target
        self._arrived = arrived
        new = [name for said in arrived.predictions for name in said.ids]
        self._others = _others(arrived, new)
        self._facts = Facts([*new, *self._others], account.target)
        self._waiting = [*new, *self._others] if account.waiting else self._others

    def known(self) -> Facts:
        """Before the delivery."""
        where = (self._connection, self._whose)
        load_predictions(*where, self._others, self._facts, self._target)
        load_rest(*where, self._waiting, self._facts, self._target)
        return self._facts

    def joined(self, terms: int) -> Facts:
        """After it; what is new is written down."""
        after = self._facts.copy()
        for said in self._arrived.predictions:
            after.add_predictions(
                after.places(said.ids), said.version, terms, said.at, said.answers
            )
        self._add_pairs(after)
        self._add_labels(after)
        self._add_traits(after)
        self._mark_labelled(after)
        return after

    def _add_pairs(self, after: Facts) -> None:
        for said in self._arrived.pairs:
            places = after.places(said.ids)
            fresh = after.unanswered(said.version, places)
            new = said.take(fresh)
            after.add_pairs(said.version, places[fresh], new.answers)
            add_rows(self._connection, pairs, _pair_rows(self._whose, new))

    def _add_labels(self, after: Facts) -> None:
        new = [
            (self._whose, name, event.received_at, event.text, event.value)
            for name, event in self._arrived.labels
            if after.add_label(after.place(name), event)
        ]
        add_rows(self._connection, labels, new)

    def _add_traits(self, after: Facts) -> None:
        before = self._facts.traits
        changed: dict[tuple[int, str], tuple[str, Trait]] = {}
        for name, attribute, trait in self._arrived.traits:
            place = after.place(name)
            if after.add_trait(place, attribute, trait):
                changed[place, attribute] = name, after.traits[place][attribute]
        there = {key for key in changed if key[1] in before.get(key[0], {})}
        added = [
            (self._whose, name, json.dumps(key[1]), trait.received_at, _text(trait))
            for key, (name, trait) in changed.items()
            if key not in there
        ]
        add_rows(self._connection, protected, added)
        for key in there:
            self._change_trait(key[1], *changed[key])

    def _change_trait(self, attribute: str, name: str, trait: Trait) -> None:
        key = {"whose": self._whose, "named": name, "called": json.dumps(attribute)}
        self._connection.execute(
            _NEW_TRAIT, {**key, "at": trait.received_at, "worth": _text(trait)}
        )

    def _mark_labelled(self, after: Facts) -> None:
        new = _labelled(after) - _labelled(self._facts)
        if new:
            names, named = after.ids, answers.c.id
            statement = (
                update(answers)
                .where(
                    answers.c.deployment == bindparam("whose"), is_among(self._connection, named)
                )
                .values(labelled=1)
            )
            self._connection.execute(
                statement, ids_of(self._whose, [names[place] for place in new])
            )


def _add_predictions(
    connection: Connection, whose: int, terms: int, predictions: Sequence[Said]
) -> list[Said]:
    """Write down what is new of them, which is usually everything, and say what that is."""
    rows = [row for said in predictions for row in _prediction_rows(whose, terms, said)]
    with connection.begin_nested() as attempt:
        if add_unless_there(connection, answers, rows) == len(rows):
            return [*predictions]
        attempt.rollback()
    known = _known(connection, whose, [row[1] for row in rows])
    new = [_without(said, known) for said in predictions]
    add_rows(connection, answers, [row for row in rows if row[1] not in known])
    return [said for said in new if said.ids]


def _known(connection: Connection, whose: int, ids: Sequence[str]) -> set[str]:
    statement = answers.select().with_only_columns(answers.c.id)
    statement = statement.where(
        answers.c.deployment == bindparam("whose"), is_among(connection, answers.c.id)
    )
    return {*connection.execute(statement, ids_of(whose, ids)).scalars()}


def _without(said: Said, known: set[str]) -> Said:
    return said.take(np.flatnonzero([name not in known for name in said.ids]))


def _prediction_rows(whose: int, terms: int, said: Said) -> Rows:
    rows = len(said.ids)
    values, chances = _written(said.answers)
    mains, numbers = [said.version] * rows, [terms] * rows
    columns = (said.ids, said.at.tolist(), mains, numbers, values, chances, [0] * rows)
    return [*zip([whose] * rows, *columns, strict=True)]


def _pair_rows(whose: int, said: Said) -> Rows:
    rows = len(said.ids)
    values, chances = _written(said.answers)
    columns = (said.ids, [said.version] * rows, said.at.tolist(), values, chances)
    return [*zip([whose] * rows, *columns, strict=True)]


def _written(said: Answers) -> tuple[list[float | None], Sequence[bytes | None]]:
    """NaN is NULL: not every database tells the one from the other."""
    missing = np.isnan(said.values)
    values: list[float | None] = said.values.tolist()
    for place in np.flatnonzero(missing):
        values[place] = None
    if said.probabilities is None:
        return values, [None] * len(values)
    whole, width = said.probabilities.astype("<f8").tobytes(), said.probabilities.shape[1] * 8
    chances: list[bytes | None] = [
        whole[start : start + width] for start in range(0, len(whole), width)
    ]
    for place in np.flatnonzero(np.isnan(said.probabilities[:, 0])):
        chances[place] = None
    return values, chances


def _others(arrived: Arrived, new: Sequence[str]) -> list[str]:
    """Predictions that facts came of, but which did not come themselves."""
    named = [name for said in arrived.pairs for name in said.ids]
    named += [name for name, _ in arrived.labels]
    named += [name for name, _, _ in arrived.traits]
    known = set(new)
    return [name for name in dict.fromkeys(named) if name not in known]


def _labelled(facts: Facts) -> set[int]:
    """Places of predictions that are known and have a label."""
    return {
        place
        for place, events in facts.stated.items()
        if facts.main[place] and latest(events) is not None
    }


def _text(trait: Trait) -> str | None:
    return None if trait.value is None else json.dumps(trait.value)
