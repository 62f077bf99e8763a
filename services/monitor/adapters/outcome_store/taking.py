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
    open_account,
    read_book,
    save_account,
)
from services.monitor.adapters.outcome_store.bulk import add_rows, ids_of, is_among
from services.monitor.adapters.outcome_store.cohorts import change_cohorts, difference
from services.monitor.adapters.outcome_store.loading import load_predictions, load_rest
from services.monitor.adapters.outcome_store.register import Register
from services.monitor.adapters.outcome_store.tables import answers, labels, protected
from services.monitor.adapters.outcome_store.writing import (
    add_new_predictions,
    add_pairs,
    change_pairs,
    change_predictions,
)
from services.monitor.domain.outcomes.arriving import Arrived, Said, newest_before
from services.monitor.domain.outcomes.facts import Incoming
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
    first_release, target = incoming.first_release, incoming.target
    account = open_account(connection, incoming.deployment, first_release, target)
    timely, late = arrived.since(account.expired_before)
    former, account = account.newest, _touched(account, incoming, now)
    book = read_book(connection, account.number)
    register = Register(connection, account.number, book, incoming)
    taking = _Taking(connection, account, timely, register)
    before, after = taking.known(), taking.joined()
    changes = difference(after.tallies(book), before.tallies(book))
    terms = [tenure.terms for tenure in book.values()]
    change_cohorts(connection, account, former, changes, terms)
    standing = account.standing + (after.standing() - before.standing())
    standing = replace(standing, expired=standing.expired + late)
    save_account(connection, replace(account, standing=standing))


def _touched(account: Account, incoming: Incoming, now: float) -> Account:
    """What a clock that is far ahead said is no newest prediction."""
    latest_at = newest_before(incoming, account.expired_before, now + CLOCKS_APART_SECONDS)
    return replace(
        account,
        target=incoming.target,
        newest=max(account.newest, latest_at),
        revision=account.revision + 1,
    )


class _Taking:
    """One delivery."""

    def __init__(
        self, connection: Connection, account: Account, arrived: Arrived, register: Register
    ) -> None:
        self._connection = connection
        self._whose = account.number
        self._target = account.target
        self._arrived = arrived
        self._register = register
        told = [(said, register.number(said)) for said in arrived.predictions]
        known = add_new_predictions(connection, self._whose, told)
        new = [name for said, _ in told for name in said.ids if name not in known]
        self._again = known
        self._others = _others(arrived, known, new)
        self._facts = Facts([*new, *self._others], account.target)
        self._waiting = [*new, *self._others] if account.waiting else self._others

    def known(self) -> Facts:
        """Before the delivery."""
        where = (self._connection, self._whose)
        load_predictions(*where, self._others, self._facts, self._target)
        load_rest(*where, self._waiting, self._facts, self._target)
        return self._facts

    def joined(self) -> Facts:
        """After it; what is new is written down."""
        after = self._facts.copy()
        self._add_predictions(after)
        self._add_pairs(after)
        self._add_labels(after)
        self._add_traits(after)
        self._mark_labelled(after)
        return after

    def _add_predictions(self, after: Facts) -> None:
        """New ones are in their rows already; of known ones those that count instead."""
        for said in self._arrived.predictions:
            number = self._register.number(said)
            better = said.take(np.flatnonzero(self._counting(said))) if self._again else said
            after.add_predictions(
                after.places(better.ids), said.version, number, better.at, better.answers
            )
            if self._again:
                known = np.flatnonzero([name in self._again for name in better.ids])
                change_predictions(self._connection, self._whose, number, better.take(known))

    def _counting(self, said: Said) -> list[bool]:
        facts, book = self._facts, self._register.book
        return [
            name not in self._again
            or said.rank(place) < facts.prediction_rank(facts.place(name), book)
            for place, name in enumerate(said.ids)
        ]

    def _add_pairs(self, after: Facts) -> None:
        for said in self._arrived.pairs:
            places = after.places(said.ids)
            fresh = after.unanswered(said.version, places)
            new = said.take(fresh)
            add_pairs(self._connection, self._whose, new)
            again = np.setdiff1d(np.arange(places.size), fresh)
            better = [
                place
                for place in again.tolist()
                if said.rank(place) < after.pair_rank(said.version, int(places[place]))
            ]
            changed = said.take(np.array(better, dtype=np.intp))
            change_pairs(self._connection, self._whose, changed)
            for part in (new, changed):
                after.add_pairs(said.version, after.places(part.ids), part.at, part.answers)

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


def _others(arrived: Arrived, again: set[str], new: Sequence[str]) -> list[str]:
    """Predictions of which something came, and which are not new themselves."""
    named = [*again]
    named += [name for said in arrived.pairs for name in said.ids]
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
