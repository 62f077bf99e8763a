"""Whatever stands in a row of the audit trail: verifying tells it, and the list is still told."""

import json
from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa

from services.registry.adapters.state_store import SqlState
from services.registry.adapters.tables import audit
from services.registry.api.views import audit_view
from services.registry.domain.audit import Action, Entry, Wanted
from services.registry.domain.paging import Paging
from services.registry.domain.verifying import examined
from tests.fakes.installations import Installation
from tests.fakes.outcome_stores import DATABASES
from understudy.contracts.vocabulary import BreakKind

from .conftest import Install

AT = datetime(2026, 3, 1, 12, 0, 0, 7, tzinfo=UTC)
PLACES = (0, 2, 4)
ANYWHERE = {
    "deep details": """details = '{"a":' || {nested} || '}'""",
    "a list": 'details = \'[["release", 3], ["x", 1]]\'',
    "a word": "details = '\"release\"'",
    "twice": """details = '{"release": 9, "release": 3, "x": 0.5}'""",
    "twice within": """details = '{"release": 3, "x": {"a": 1, "a": 0.5}}'""",
    "no digits": """details = '{"release": 1e999}'""",
    "many digits": """details = '{"release": ' || {digits} || '}'""",
    "half a character": """details = '{"release": "\\ud800"}'""",
    "long": """details = '{"x": "' || {filler} || '"}'""",
    "long reason": "reason = {filler}",
}
ON_SQLITE = {
    **ANYWHERE,
    **{f"{name} as bytes": f"{name} = CAST({name} AS BLOB)" for name in audit.columns.keys()[1:]},
    **{
        f"{name} no text": f"{name} = CAST(x'ff' AS TEXT)"
        for name in ("actor", "action", "subject", "reason", "at", "details", "hash")
    },
    "a number": "actor = 7.5",
    "brackets": "details = {brackets}",
    "no JSON": "details = '{'",
    "no time": "at = 'yesterday'",
    "no time anywhere": "at = '0001-01-01T00:00:00+14:00'",
    "bytes for a sequence": "sequence = CAST('x' AS BLOB)",
    "a text for a sequence": "sequence = 'x'",
    "a fraction for a sequence": "sequence = sequence + 0.5",
}
ON_POSTGRES = {
    **ANYWHERE,
    "for ever": "at = 'infinity'",
    "before all": "at = '-infinity'",
    "before Christ": "at = '0044-03-15 12:00:00 BC'",
    "far away": "at = '99999-01-01 12:00:00'",
}
LITERALS = {
    "{nested}": "'" + "[" * 900 + "]" * 900 + "'",
    "{brackets}": "'" + "[" * 100_000 + "'",
    "{digits}": "'1" + "0" * 5_000 + "'",
    "{filler}": "'" + "x" * 1_100_000 + "'",
}


@pytest.fixture(params=DATABASES)
def trailed(request: pytest.FixtureRequest, install: Install) -> Installation:
    """Five entries."""
    found: Installation = install(request.param)
    for number in range(5):
        with found.database.change() as change:
            details = {"release": number, "x": 0.5}
            at = AT + timedelta(hours=number)
            change.record(Entry(at, "ann", Action.RELEASE, "risk", "because", details))
    return found


def statements(found: Installation) -> dict[str, str]:
    with found.database.read() as connection:
        return ON_SQLITE if connection.dialect.name == "sqlite" else ON_POSTGRES


def rows(found: Installation) -> list[dict[str, object]]:
    with found.database.read() as connection:
        return [
            dict(row._mapping) for row in connection.execute(sa.select(audit).order_by("sequence"))
        ]


def test_whatever_is_written_into_a_row_is_told_as_changed_there(trailed: Installation) -> None:
    before = rows(trailed)
    sequences = [row["sequence"] for row in before]
    for name, statement in statements(trailed).items():
        for place in PLACES:
            wanted = sequences[place]
            _write(trailed, statement, wanted)
            with SqlState(trailed.database).chain() as chain:
                told = examined(chain)
            assert not told.whole, name
            if "sequence" not in name:
                found = [(one.kind, one.first, one.last) for one in told.breaks]
                assert found == [(BreakKind.CHANGED, wanted, wanted)], name
            _undo(trailed, before)
    with SqlState(trailed.database).chain() as chain:
        assert examined(chain).whole


def test_whatever_is_written_into_a_row_the_list_is_told(trailed: Installation) -> None:
    """And so is all that is read off it: what was main, and the reports."""
    before, state = rows(trailed), SqlState(trailed.database)
    for name, statement in statements(trailed).items():
        _write(trailed, statement, before[2]["sequence"])
        listed = state.trail(Paging()).items
        assert len(listed) == 5 - ("sequence" in name), name
        for one in listed:
            assert json.loads(audit_view(one).model_dump_json())
            json.dumps(audit_view(one).model_dump(mode="json"), allow_nan=False)
        others = [one for one in listed if one.sequence != before[2]["sequence"]]
        assert {one.entry.reason for one in others} == {"because"}
        entries = state.entries(Wanted(frozenset({Action.RELEASE}), frozenset({"risk"})))
        assert len(entries) in (4, 5), name
        assert {one.entry.details.get("release") for one in entries} >= {0, 1, 3, 4}, name
        _undo(trailed, before)


def test_a_row_that_can_be_no_entry_says_so_and_tells_the_rest(install: Install) -> None:
    found = install("sqlite")
    with found.database.change() as change:
        change.record(Entry(AT, "ann", Action.RELEASE, "risk", "because", {}))
    _write(found, "details = '{'", rows(found)[0]["sequence"])
    (told,) = SqlState(found.database).trail(Paging()).items
    assert (told.entry.at, told.entry.actor, told.entry.subject) == (AT, "ann", "risk")
    assert "audit verify" in told.entry.reason


def test_large_details_are_read(trailed: Installation) -> None:
    """A verdict that was sent with a release may be as large as a request."""
    text = "ü" * 700_000
    with trailed.database.change() as change:
        change.record(Entry(AT, "ann", Action.RELEASE, "risk", "because", {"evidence": text}))
    with SqlState(trailed.database).chain() as chain:
        assert examined(chain).whole
    (newest, *_) = SqlState(trailed.database).trail(Paging()).items
    assert newest.entry.details == {"evidence": text}


def _write(found: Installation, statement: str, sequence: object) -> None:
    for name, literal in LITERALS.items():
        statement = statement.replace(name, literal)
    with found.database.note() as connection:
        column, _, value = statement.partition(" = ")
        if connection.dialect.name == "postgresql" and column == "details":
            statement = f"details = CAST({value} AS JSON)"
        said = f"UPDATE audit SET {statement} WHERE sequence = {sequence}"  # noqa: S608
        connection.exec_driver_sql(said)


def _undo(found: Installation, before: list[dict[str, object]]) -> None:
    with found.database.note() as connection:
        connection.execute(sa.delete(audit))
        connection.execute(sa.insert(audit).values(before))
