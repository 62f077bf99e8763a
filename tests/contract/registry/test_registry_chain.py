"""Whoever writes into the audit trail past the registry is found, on every database."""

import hashlib
import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa

from services.registry.adapters.state_store import SqlState
from services.registry.adapters.tables import audit, state
from services.registry.domain.audit import Action, Entry
from services.registry.domain.chain import BEGINNING, Head, linked
from services.registry.domain.paging import Paging
from services.registry.domain.verifying import Break, Noted, examined
from tests.fakes.installations import Installation, entry, verified
from tests.fakes.outcome_stores import DATABASES
from understudy.contracts.vocabulary import BreakKind

from .conftest import ADMIN, Install, Registry

DETAILS = {
    "numbers": [0.1 + 0.2, 1e22, -0.0, 1.0, 5e-324, 2**53 + 1, 2**70, -7],
    "nested": {"a": [{"b": None}, [], {}, True], "ünï": '\N{SNOWMAN} 😀 \\ " \u2028 \x7f'},
    "none": None,
}
AT = datetime(2026, 3, 1, 12, 0, 0, 7, tzinfo=UTC)
ENTRIES = 9


@pytest.fixture(params=DATABASES)
def trailed(request: pytest.FixtureRequest, install: Install) -> Installation:
    """Nine entries with all that an entry may hold."""
    found: Installation = install(request.param)
    for number in range(ENTRIES):
        with found.database.change() as change:
            at = AT + timedelta(microseconds=number)
            said = f"because 😀 ünï {number}"
            change.record(Entry(at, "ann", Action.RELEASE, f"risk-{number}", said, DETAILS))
    return found


def sequences(found: Installation) -> list[int]:
    with found.database.read() as connection:
        query = sa.select(audit.c.sequence).order_by(audit.c.sequence)
        return list(connection.execute(query).scalars())


def written(found: Installation, *statements: sa.Executable) -> None:
    with found.database.note() as connection:
        for statement in statements:
            connection.execute(statement)


def of(sequence: int) -> sa.Update:
    return sa.update(audit).where(audit.c.sequence == sequence)


@contextmanager
def undone(found: Installation) -> Iterator[None]:
    """What is done within is undone afterwards."""
    with found.database.read() as connection:
        rows = [dict(row._mapping) for row in connection.execute(sa.select(audit))]
    yield
    written(found, sa.delete(audit), sa.insert(audit).values(rows))


def broken(found: Installation, noted: Noted | None = None) -> list[tuple[BreakKind, int, int]]:
    with SqlState(found.database).chain() as chain:
        told = examined(chain, noted)
    assert told.whole is (told.breaks == ())
    return [(one.kind, one.first, one.last) for one in told.breaks]


def test_what_the_registry_wrote_is_whole(trailed: Installation) -> None:
    told, all_of_them = verified(trailed), sequences(trailed)
    assert (told.whole, told.entries, told.first) == (True, ENTRIES, all_of_them[0])
    assert told.head is not None
    assert told.head.sequence == all_of_them[-1] == SqlState(trailed.database).sequence()


FORGED: tuple[dict[str, object], ...] = (
    {"at": AT + timedelta(seconds=1)},
    {"actor": "eve"},
    {"action": Action.CONFIGURE.value},
    {"action": "no.such_action"},
    {"subject": "other"},
    {"reason": ""},
    {"details": {**DETAILS, "none": 0}},
    {"details": {**DETAILS, "numbers": [0.3]}},
    {"details": [1]},
    {"hash": "0" * 64},
)


@pytest.mark.parametrize("place", [0, 4, -1])
def test_a_changed_column_is_found(trailed: Installation, place: int) -> None:
    sequence = sequences(trailed)[place]
    assert {name for values in FORGED for name in values} == {*audit.columns.keys()} - {"sequence"}
    for values in FORGED:
        with undone(trailed):
            written(trailed, of(sequence).values(**values))
            assert broken(trailed) == [(BreakKind.CHANGED, sequence, sequence)], values
    assert verified(trailed).whole


def test_a_moved_entry_is_found(trailed: Installation) -> None:
    *_, last = sequences(trailed)
    written(trailed, of(last - 3).values(sequence=last + 5))
    assert (BreakKind.MISSING, last - 3, last - 3) in broken(trailed)


def test_what_can_be_no_json_is_found(install: Install) -> None:
    found = install("sqlite")
    for _ in range(3):
        with found.database.change() as change:
            change.record(entry())
    middle = sequences(found)[1]
    for column, value in (("details", "{"), ("at", "yesterday")):
        with found.database.note() as connection:
            said = f"UPDATE audit SET {column} = :value WHERE sequence = :middle"  # noqa: S608
            connection.execute(sa.text(said), {"value": value, "middle": middle})
        assert broken(found) == [(BreakKind.CHANGED, middle, middle)]


@pytest.mark.parametrize("count", [1, 3])
def test_missing_entries_are_found(trailed: Installation, count: int) -> None:
    gone = sequences(trailed)[3 : 3 + count]
    written(trailed, sa.delete(audit).where(audit.c.sequence.in_(gone)))
    assert broken(trailed) == [(BreakKind.MISSING, gone[0], gone[-1])]


def test_a_missing_beginning_is_found(trailed: Installation) -> None:
    first, second, *_ = sequences(trailed)
    written(trailed, sa.delete(audit).where(audit.c.sequence == first))
    assert broken(trailed) == [(BreakKind.CHANGED, second, second)]


def exchange(found: Installation, one: int, other: int, left: set[str]) -> None:
    with found.database.note() as connection:
        rows = {row.sequence: dict(row._mapping) for row in connection.execute(sa.select(audit))}
        for target, source in ((one, other), (other, one)):
            values = {name: value for name, value in rows[source].items() if name not in left}
            connection.execute(of(target).values(**values))


def test_exchanged_entries_are_found(trailed: Installation) -> None:
    there = sequences(trailed)
    for places in ((3, 4), (2, 6), (0, 8), (7, 8)):
        one, other = (there[place] for place in places)
        for left in ({"sequence"}, {"sequence", "hash"}):
            with undone(trailed):
                exchange(trailed, one, other, left)
                found = [(BreakKind.REORDERED, place, place) for place in (one, other)]
                assert broken(trailed) == found


def test_a_cut_end_is_found(trailed: Installation) -> None:
    *_, last = sequences(trailed)
    written(trailed, sa.delete(audit).where(audit.c.sequence > last - 2))
    assert broken(trailed) == [(BreakKind.CUT, last - 1, last)]


def test_an_emptied_trail_is_found(trailed: Installation) -> None:
    *_, last = sequences(trailed)
    written(trailed, sa.delete(audit))
    ((kind, _, until),) = broken(trailed)
    assert (kind, until) == (BreakKind.CUT, last)


def test_an_added_end_is_found(trailed: Installation) -> None:
    *_, last = sequences(trailed)
    row = {"at": AT, "actor": "eve", "action": "key.issue", "subject": "k", "reason": ""}
    written(trailed, sa.insert(audit).values(sequence=last + 1, details={}, hash="0" * 64, **row))
    assert broken(trailed) == [(BreakKind.ADDED, last + 1, last + 1)]


def test_an_entry_put_before_a_restore_is_found(trailed: Installation) -> None:
    """There alone numbers are free: a restore moves them on."""
    *_, last = sequences(trailed)
    written(trailed, sa.update(state).values(sequence=last + 10))
    with trailed.database.change() as change:
        change.record(Entry(AT, "system", Action.RESTORE, "b"))
    assert broken(trailed) == []
    row = {"at": AT, "actor": "eve", "action": "key.issue", "subject": "k", "reason": ""}
    written(trailed, sa.insert(audit).values(sequence=last + 1, details={}, hash="0" * 64, **row))
    assert (BreakKind.ADDED, last + 1, last + 1) in broken(trailed)


def test_another_head_is_found(trailed: Installation) -> None:
    *_, last = sequences(trailed)
    written(trailed, sa.update(state).values(chain="0" * 64))
    assert broken(trailed) == [(BreakKind.HEAD, last, last)]


def test_a_trail_that_was_written_wholly_anew_is_found_by_what_was_noted(
    trailed: Installation,
) -> None:
    noted = verified(trailed).head
    assert noted is not None
    with SqlState(trailed.database).chain() as chain:
        links, before = list(chain.links), BEGINNING
    with trailed.database.note() as connection:
        for link in links:
            assert link.recorded is not None
            kept = link.recorded.entry
            forged = type(link.recorded)(
                link.sequence, Entry(kept.at, "eve", kept.action, kept.subject, "", kept.details)
            )
            before = linked(before, forged)
            values = {"actor": "eve", "reason": "", "hash": before}
            connection.execute(of(link.sequence).values(**values))
        connection.execute(sa.update(state).values(chain=before))
    assert broken(trailed) == []
    span = links[0].sequence, links[-1].sequence
    assert broken(trailed, Noted(hash=noted.hash)) == [(BreakKind.REWRITTEN, *span)]
    assert broken(trailed, Noted(head=noted)) == [(BreakKind.REWRITTEN, *span)]


def test_what_was_noted_before_is_there_still(trailed: Installation) -> None:
    noted = verified(trailed).head
    assert noted is not None
    with trailed.database.change() as change:
        change.record(entry())
    assert broken(trailed, Noted(noted.hash, noted)) == []
    later = Head(noted.sequence + 1, noted.hash)
    ((kind, _, _),) = broken(trailed, Noted(head=later))
    assert kind is BreakKind.REWRITTEN


def test_many_breaks_are_counted_and_some_are_listed(install: Install) -> None:
    found = install("sqlite")
    for _ in range(150):
        with found.database.change() as change:
            change.record(entry())
    written(found, sa.update(audit).values(reason="forged"))
    told = verified(found)
    assert (len(told.breaks) + told.more, len(told.breaks)) == (150, 100)
    assert all(isinstance(one, Break) and one.kind is BreakKind.CHANGED for one in told.breaks)


def test_the_hash_is_what_the_documentation_says(trailed: Installation) -> None:
    """So that others can verify a trail with a few lines of any language."""
    second, first = SqlState(trailed.database).trail(Paging()).items[-2:]
    before = ""
    for one in (first, second):
        told = {
            "action": one.entry.action.value,
            "actor": one.entry.actor,
            "at": one.entry.at.isoformat(timespec="microseconds"),
            "details": one.entry.details,
            "reason": one.entry.reason,
            "sequence": one.sequence,
            "subject": one.entry.subject,
        }
        text = before + json.dumps(told, sort_keys=True, separators=(",", ":"))
        before = hashlib.sha256(text.encode()).hexdigest()
        assert one.hash == before


@pytest.mark.anyio
async def test_the_route_tells_what_is_broken(registry: Registry) -> None:
    await registry.http.post("/v1/projects", json={"name": "third"})
    await registry.http.post("/v1/projects", json={"name": "fourth"})
    (newest, *_) = (await registry.http.get("/v1/audit")).json()["items"]
    noted = {"head": newest["hash"], "expect": f"{newest['sequence']}:{newest['hash']}"}
    told = (await registry.http.get("/v1/audit/verification", params=noted)).json()
    assert (told["whole"], told["breaks"]) == (True, [])
    assert told["head"] == {"sequence": newest["sequence"], "hash": newest["hash"]}
    del registry.memory.trail[-2]
    told = (await registry.http.get("/v1/audit/verification")).json()
    assert (told["whole"], [one["kind"] for one in told["breaks"]]) == (False, ["missing"])


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("params", "field"),
    [({"head": "x"}, "head"), ({"expect": "1"}, "expect"), ({"expect": "a:" + "0" * 64}, "expect")],
    ids=["head", "no hash", "no sequence"],
)
async def test_what_was_noted_wrongly_is_refused(
    registry: Registry, params: dict[str, str], field: str
) -> None:
    answer = await registry.http.get("/v1/audit/verification", params=params)
    assert answer.status_code == 422
    assert field in answer.text


@pytest.mark.anyio
async def test_only_an_unlimited_administrator_verifies(registry: Registry) -> None:
    body = {"name": "n", "scopes": ["admin"], "project": "bank"}
    key = (await registry.http.post("/v1/keys", json=body)).json()["key"]
    headers = {"Authorization": f"Bearer {key}"}
    answer = await registry.http.get("/v1/audit/verification", headers=headers)
    assert answer.status_code == 403
    assert ADMIN not in answer.text
