"""What stands in the tables beside what the trail tells of it: versions, gates, releases."""

from collections.abc import Callable, Iterator
from typing import Any, Final

from sqlalchemy import (
    ColumnElement,
    Connection,
    Row,
    Select,
    Text,
    and_,
    cast,
    exists,
    or_,
    select,
)

from services.registry.adapters.chain_rows import by_subject
from services.registry.adapters.raw_columns import (
    UNREADABLE,
    bounded,
    json_of,
    legible,
    moment,
    moment_of,
    number,
    ordered,
    text_of,
)
from services.registry.adapters.tables import (
    deployments,
    gates,
    keys,
    projects,
    releases,
    state,
    trust,
    users,
    versions,
)
from services.registry.domain.audit import Action, Entry
from services.registry.domain.chain import Head
from services.registry.domain.facts import (
    Comparison,
    Place,
    Standing,
    Told,
    Values,
    gate_told,
    release_told,
    version_told,
)
from understudy.contracts.vocabulary import VersionState

_AT_ONCE: Final = 100
_MADE: Final = (Action.MAKE_DEPLOYMENT, Action.RELEASE)
_NOTHING: Final = "{}"
"""The configuration of a registry that has not begun."""
_UNREAD: Final = "what can't be read"
_Column = ColumnElement[Any]


def comparisons_of(connection: Connection) -> Iterator[Comparison]:
    """One after the other, within the transaction."""
    decided = _told(connection, (Action.DECIDE_VERSION,), version_told)
    yield Comparison(lambda place: f"Version {place[0]}", _decided(connection), decided)
    set_ = _told(connection, (Action.SET_GATE,), gate_told)
    yield Comparison(
        lambda place: f"Policy {place[1]} of project {place[0]}", _set(connection), set_
    )
    made = _told(connection, _MADE, release_told)
    yield Comparison(lambda place: f"Release {place[1]} of {place[0]}", _made(connection), made)


def noted_head(connection: Connection) -> Head:
    """What the last change has noted; 0 where that can't be read."""
    query = select(number(connection, state.c.sequence), bounded(connection, state.c.chain))
    sequence, link = connection.execute(query).first() or (None, None)
    return Head(sequence or 0, legible(link))


def holds_changes(connection: Connection) -> bool:
    """Whether anything is there that only a change can have left."""
    left = or_(*(exists(select(table)) for table in (projects, keys, users, trust)))
    configured = connection.execute(select(bounded(connection, state.c.configuration))).scalar()
    return legible(configured) != _NOTHING or bool(connection.execute(select(left)).scalar())


def _told(
    connection: Connection,
    actions: tuple[Action, ...],
    read: Callable[[Entry, int], tuple[int, Values | None]],
) -> Iterator[Told]:
    former: Place = ("", 0)
    for subject, sequence, recorded in by_subject(connection, actions):
        last = former[1] if former[0] == subject else 0
        found = (last + 1, None) if recorded is None else read(recorded.entry, last)
        former = (subject, found[0])
        yield Told(sequence, former, found[1])


def _decided(connection: Connection) -> Iterator[Standing]:
    of = versions.c
    title = of.model + "/" + cast(of.number, Text)
    pending = and_(of.state == VersionState.PENDING.value, of.decided_at.is_(None))
    columns = {
        "state": bounded(connection, of.state),
        "decided_at": moment(connection, of.decided_at),
        "decided_by": bounded(connection, of.decided_by),
        "decision_reason": bounded(connection, of.decision_reason),
    }
    subject = bounded(connection, title)
    query = _selecting(subject, number(connection, of.number), columns)
    query = query.where(~pending).order_by(ordered(connection, title))
    for row in _streamed(connection, query):
        # A version is decided once, whatever its own number.
        yield Standing(_place(row, 1), _values(row, columns))


def _set(connection: Connection) -> Iterator[Standing]:
    of = gates.c
    columns = {
        "policy": bounded(connection, of.policy),
        "at": moment(connection, of.at),
        "by": bounded(connection, of.by),
        "reason": bounded(connection, of.reason),
    }
    query = _selecting(bounded(connection, of.project), number(connection, of.number), columns)
    query = query.order_by(ordered(connection, of.project), of.number)
    for row in _streamed(connection, query):
        yield Standing(_place(row, row.number_), _values(row, columns))


def _made(connection: Connection) -> Iterator[Standing]:
    of, name = releases.c, deployments.c.name
    columns = {
        "main": number(connection, of.main),
        "challengers": bounded(connection, of.challengers),
        "kind": bounded(connection, of.kind),
        "released_by": bounded(connection, of.released_by),
        "reason": bounded(connection, of.reason),
    }
    query = _selecting(bounded(connection, name), number(connection, of.number), columns)
    query = query.select_from(releases).join(deployments, deployments.c.id == of.deployment_id)
    query = query.order_by(ordered(connection, name), of.number)
    for row in _streamed(connection, query):
        yield Standing(_place(row, row.number_), _values(row, columns))


def _selecting(subject: _Column, numbered: _Column, columns: dict[str, _Column]) -> Select[Any]:
    named = (column.label(f"{name}_") for name, column in columns.items())
    return select(subject.label("subject_"), numbered.label("number_"), *named)


def _streamed(connection: Connection, query: Select[Any]) -> Iterator[Row[Any]]:
    yield from connection.execute(query, execution_options={"yield_per": _AT_ONCE})


def _place(row: Row[Any], numbered: int | None) -> Place | None:
    if numbered is None or row.subject_ is None or row.number_ is None:
        return None
    return legible(row.subject_), numbered


def _values(row: Row[Any], columns: dict[str, _Column]) -> Values:
    return {name: _value(name, getattr(row, f"{name}_")) for name in columns}


def _value(name: str, stored: Any) -> object:
    if stored is None or isinstance(stored, int):
        return stored
    try:
        if name in {"at", "decided_at"}:
            return moment_of(stored).isoformat()
        return json_of(stored) if name in {"policy", "challengers"} else text_of(stored)
    except UNREADABLE:
        return _UNREAD
