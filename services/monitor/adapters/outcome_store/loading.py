"""Facts from their rows: columns, because there may be ten thousand."""

import json
from collections.abc import Collection, Iterable, Sequence
from itertools import groupby
from operator import attrgetter
from typing import Any

import numpy as np
from sqlalchemy import Connection, Row, Table

from services.monitor.adapters.outcome_store.bulk import ids_of, of_ids
from services.monitor.adapters.outcome_store.tables import answers, labels, pairs, protected
from services.monitor.domain.outcomes.facts import Answers
from services.monitor.domain.outcomes.joining import Facts, Stated, Trait
from understudy.contracts.signature import Target
from understudy.profiles.arrays import Floats

_PIECE = 5_000
"""Ids that one statement asks for."""


def load_predictions(
    connection: Connection, deployment: int, ids: Collection[str], into: Facts, target: Target
) -> None:
    """What the mains answered."""
    rows = _rows(connection, answers, deployment, ids)
    if rows:
        names, at, main, tenure, values, chances = _columns(
            rows, ("id", "at", "main", "tenure", "value", "probabilities")
        )
        said = _answers(values, chances, len(target.classes))
        into.add_predictions(
            into.places(names), np.array(main), np.array(tenure), np.array(at), said
        )


def load_rest(
    connection: Connection, deployment: int, ids: Collection[str], into: Facts, target: Target
) -> None:
    """What else is known: challengers' answers, labels, protected attributes."""
    paired = sorted(_rows(connection, pairs, deployment, ids), key=attrgetter("challenger"))
    for challenger, found in groupby(paired, key=attrgetter("challenger")):
        names, at, values, chances = _columns([*found], ("id", "at", "value", "probabilities"))
        said = _answers(values, chances, len(target.classes))
        into.add_pairs(challenger, into.places(names), np.array(at), said)
    for row in _rows(connection, labels, deployment, ids):
        into.add_label(into.place(row.id), Stated(row.received_at, row.label, row.value))
    for row in _rows(connection, protected, deployment, ids):
        value = None if row.value is None else json.loads(row.value)
        into.add_trait(into.place(row.id), json.loads(row.attribute), Trait(row.received_at, value))


def load(connection: Connection, deployment: int, ids: Collection[str], target: Target) -> Facts:
    """Everything known of some predictions."""
    found = Facts(ids, target)
    load_predictions(connection, deployment, ids, found, target)
    load_rest(connection, deployment, ids, found, target)
    return found


def _rows(
    connection: Connection, table: Table, deployment: int, ids: Collection[str]
) -> Sequence[Row[Any]]:
    names = [*ids]
    statement = of_ids(connection, table)
    found: list[Row[Any]] = []
    for start in range(0, len(names), _PIECE):
        piece = ids_of(deployment, names[start : start + _PIECE])
        found += connection.execute(statement, piece).all()
    return found


def _columns(rows: Sequence[Row[Any]], names: Iterable[str]) -> list[tuple[Any, ...]]:
    columns = dict(zip(rows[0]._fields, zip(*rows, strict=True), strict=True))
    return [columns[name] for name in names]


def _answers(values: Sequence[float | None], chances: Sequence[bytes | None], k: int) -> Answers:
    asked = np.ones(len(values), dtype=bool)
    return Answers(np.array(values, dtype=np.float64), _chances(chances, k), asked)


def _chances(held: Sequence[bytes | None], classes: int) -> Floats | None:
    """NaN where there are none, or those of another target."""
    if not classes:
        return None
    nothing = np.full(classes, np.nan).tobytes()
    whole = b"".join(
        nothing if found is None or len(found) != len(nothing) else found for found in held
    )
    return np.frombuffer(whole, dtype="<f8").reshape(len(held), classes)
