"""Rows that somebody changed past the registry are held against what the trail tells of them."""

import contextlib

import pytest
import sqlalchemy as sa

from services.registry.adapters.catalogue_store import SqlCatalogue
from services.registry.adapters.database import Database
from services.registry.adapters.deployment_store import SqlDeployments
from services.registry.adapters.fact_rows import comparisons_of
from services.registry.adapters.gate_store import SqlGates
from services.registry.adapters.state_store import SqlState
from services.registry.adapters.tables import audit, state
from services.registry.domain.audit import Action, Entry
from services.registry.domain.catalogue import Model, Project
from services.registry.domain.facts import Contradiction, contradictions
from services.registry.domain.gate import Written
from services.registry.domain.gate_texts import document_of
from services.registry.domain.releases import Release, Setting
from services.registry.domain.verifying import Break
from services.registry.domain.versions import decide
from tests.fakes.installations import Installation, verified
from tests.fakes.outcome_stores import DATABASES
from tests.fakes.registry import NOON, deployment, draft, release
from understudy.contracts.gate import GatePolicy
from understudy.contracts.vocabulary import BreakKind, Decision

from .conftest import Install


def said(action: Action, subject: str, reason: str = "", **details: object) -> Entry:
    return Entry(NOON, "admin0001", action, subject, reason, details)


def released(made: Release) -> Entry:
    setting = {"main": made.setting.main, "challengers": [*made.setting.challengers]}
    named = {"release": made.number, "kind": made.kind.value, **setting}
    return Entry(NOON, "admin0001", Action.RELEASE, made.deployment, "", named)


def made(name: str = "credit") -> Entry:
    return said(Action.MAKE_DEPLOYMENT, name, main=1, challengers=[], policy={})


def gate(number: int, policy: GatePolicy) -> tuple[Written, Entry]:
    written = Written("bank", number, policy, "{}", NOON, "admin0001", "stricter")
    details = {"number": number, "policy": document_of(policy)}
    return written, said(Action.SET_GATE, "bank", "stricter", **details)


@pytest.fixture(params=DATABASES)
def filled(request: pytest.FixtureRequest, install: Install) -> Installation:
    """On each database."""
    return fill(install(request.param))


def fill(found: Installation) -> Installation:
    """Thirteen versions of which twelve are decided, two policies, and two lives of a name."""
    database: Database = found.database
    catalogue, deployments, gates = (
        SqlCatalogue(database),
        SqlDeployments(database),
        SqlGates(database),
    )
    catalogue.add_project(Project("bank", "", NOON), said(Action.MAKE_PROJECT, "bank"))
    for model in ("credit", "credit-2"):
        catalogue.add_model(Model(model, "bank", "", NOON), said(Action.MAKE_MODEL, model))
    for number in range(13):
        entry = said(Action.REGISTER_VERSION, "credit")
        version = catalogue.add_version(draft("credit-2" if number == 12 else "credit"), entry)
        if number == 11:
            continue
        ended = decide(version, Decision.DEPLOY, by="admin0001", at=NOON, reason="good – ünï")
        told = {"decision": "deploy", "state": "deployed"}
        entry = said(Action.DECIDE_VERSION, ended.title, "good – ünï", **told)
        catalogue.end_review(ended, entry)
    for number, policy in ((1, GatePolicy(second_person=True)), (2, GatePolicy(review_days=3))):
        gates.add(*gate(number, policy))
    for name in ("credit", "credit-2", "Zoo"):
        deployments.add(deployment(name), made(name))
    for number in range(2, 12):
        next_one = release(number, Setting(1 + number % 2, (3,)))
        deployments.release(next_one, released(next_one))
    gone = deployments.find("credit")
    assert gone is not None
    deployments.delete(gone, said(Action.DELETE_DEPLOYMENT, "credit"))
    deployments.add(deployment(), made())
    next_one = release(13, Setting(2))
    deployments.release(next_one, released(next_one))
    return found


def contradicted(found: Installation, *statements: str) -> list[str]:
    """What is told, and nothing else is; the names of the entries are right."""
    with found.database.note() as connection:
        for statement in statements:
            connection.exec_driver_sql(statement)
    told = verified(found)
    assert {one.kind for one in told.breaks} <= {BreakKind.CONTRADICTED}
    with found.database.read() as connection:
        numbers = {0, *connection.execute(sa.select(audit.c.sequence)).scalars()}
    assert all(one.first == one.last and one.first in numbers for one in told.breaks)
    return [one.detail for one in told.breaks]


def test_what_changes_have_left_is_as_the_trail_tells(filled: Installation) -> None:
    told = verified(filled)
    assert (told.whole, told.breaks, told.incomparable) == (True, (), 0)


PENDING = "UPDATE versions SET {} WHERE model = 'credit' AND number = 12"
DECIDED = "UPDATE versions SET {} WHERE model = 'credit' AND number = 10"
FORGED = {
    PENDING.format("state = 'deployed'"): "Version credit/12 has no entry",
    PENDING.format("decided_at = '2026-03-01 12:00:00'"): "Version credit/12 has no entry",
    DECIDED.format("state = 'ignored'"): 'state is "ignored", and was "deployed"',
    DECIDED.format("decided_by = 'eve'"): 'decided_by is "eve", and was "admin0001"',
    DECIDED.format("decision_reason = 'bad'"): "Version credit/10 is not as its entry says",
    DECIDED.format("decided_at = '2026-02-01 12:00:00'"): "decided_at is",
    DECIDED.format("decided_at = NULL"): "decided_at is null",
    DECIDED.format("state = 'pending', decided_at = NULL"): "Version credit/10 is not there",
    "UPDATE gates SET policy = '{}' WHERE number = 1": "Policy 1 of project bank is not as",
    "UPDATE gates SET policy = '[[' || '1]]' WHERE number = 1": "Policy 1 of project bank is not",
    "UPDATE gates SET \"by\" = 'eve'": "Policy 2 of project bank is not as",
    "DELETE FROM gates WHERE number = 2": "Policy 2 of project bank is not there",
    "UPDATE releases SET main = 2 WHERE number = 12": "main is 2, and was 1",
    "UPDATE releases SET main = 2 WHERE number = 10": "Release 10 of credit is not as",
    "UPDATE releases SET challengers = '[]' WHERE number = 3": "challengers is [], and was [3]",
    "UPDATE releases SET reason = 'x' WHERE number = 13": "Release 13 of credit is not as",
    "UPDATE releases SET released_by = 'eve' WHERE number = 9": "Release 9 of credit is not as",
    "DELETE FROM releases WHERE number = 13": "Release 13 of credit is not there",
    "UPDATE deployments SET name = 'other' WHERE name = 'Zoo'": "Release 1 of other has no entry",
}


class UndoneError(Exception):
    """Nothing of the transaction stays."""


def test_a_row_that_was_changed_is_named(filled: Installation) -> None:
    for statement, wanted in FORGED.items():
        with contextlib.suppress(UndoneError), filled.database.note() as connection:
            postgres = connection.dialect.name == "postgresql"
            typed = statement.replace("'[[' || '1]]'", "'[[1]]'") if postgres else statement
            connection.exec_driver_sql(typed)
            compared = comparisons_of(connection)
            told = [found for each in compared for found in contradictions(each)]
            assert all(isinstance(one, Contradiction) for one in told)
            assert any(wanted in str(one) for one in told), (statement, told)
            both = 'gates SET "by"' in statement or "Zoo" in statement
            assert len(told) == (2 if both else 1), (statement, told)
            raise UndoneError
    assert verified(filled).whole


@pytest.mark.parametrize(
    "forged",
    [
        "versions SET state = CAST(state AS BLOB)",
        "versions SET decided_by = CAST(x'ff' AS TEXT)",
        "versions SET decided_at = 'yesterday'",
        "versions SET decision_reason = 7",
        "gates SET policy = '{'",
        """gates SET policy = '{"review": true, "review": false}'""",
        "gates SET at = x'00'",
        "releases SET number = 'x' WHERE number = 13",
        "releases SET main = 1.5",
        "releases SET challengers = '" + "[" * 100_000 + "'",
    ],
    ids=lambda forged: forged[:40],
)
def test_what_can_be_no_value_is_told_too(install: Install, forged: str) -> None:
    assert contradicted(fill(install("sqlite")), f"UPDATE {forged}")


def test_an_emptied_trail_is_found_though_its_head_was_emptied(filled: Installation) -> None:
    sequence = verified(filled).head
    assert sequence is not None
    with filled.database.note() as connection:
        connection.execute(sa.delete(audit))
        connection.execute(sa.update(state).values(chain=""))
    told = verified(filled)
    cut = Break(BreakKind.CUT, 1, sequence.sequence, told.breaks[-1].detail)
    assert cut in told.breaks
    assert sum(one.kind is BreakKind.CONTRADICTED for one in told.breaks) == 12 + 2 + 15


def test_a_new_registry_is_whole(install: Install) -> None:
    told = verified(install("sqlite"))
    assert (told.whole, told.entries) == (True, 0)


def test_a_state_that_is_gone_is_told(filled: Installation) -> None:
    with filled.database.note() as connection:
        connection.execute(sa.delete(state))
    assert {one.kind for one in verified(filled).breaks} == {BreakKind.ADDED}


def test_entries_that_tell_too_little_are_counted(filled: Installation) -> None:
    catalogue, gates = SqlCatalogue(filled.database), SqlGates(filled.database)
    pending = catalogue.version("credit", 12)
    assert pending is not None
    ended = decide(pending, Decision.DEPLOY, by="ann", at=NOON, reason="")
    catalogue.end_review(ended, said(Action.DECIDE_VERSION, ended.title))
    written, _ = gate(3, GatePolicy())
    gates.add(written, said(Action.SET_GATE, "bank"))
    next_one = release(14, Setting(1))
    SqlDeployments(filled.database).release(next_one, said(Action.RELEASE, "credit"))
    told = verified(filled)
    assert (told.whole, told.breaks, told.incomparable) == (True, (), 3)


def test_many_contradictions_are_counted_and_some_are_listed(filled: Installation) -> None:
    deployments = SqlDeployments(filled.database)
    for number in range(14, 124):
        next_one = release(number, Setting(1))
        deployments.release(next_one, released(next_one))
    with filled.database.note() as connection:
        connection.exec_driver_sql("UPDATE releases SET main = 3")
    told = verified(filled)
    assert (len(told.breaks), told.more) == (100, 15 + 110 - 100)


def test_the_streams_agree_however_names_are_sorted(filled: Installation) -> None:
    """Databases have collations in which `credit-2` stands elsewhere, and `Zoo` too."""
    with SqlState(filled.database).chain() as chain:
        assert [found for each in chain.compared for found in contradictions(each)] == []
    with filled.database.read() as connection:
        rows = [[*each.standing] for each in comparisons_of(connection)]
    assert [len(each) for each in rows] == [12, 2, 15]
    assert all(one.place is not None for each in rows for one in each)
