"""Eight writers at once: one line of releases, nothing lost, and the trail's chain whole."""

import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

import pytest
import sqlalchemy as sa

from services.registry.adapters.catalogue_store import SqlCatalogue
from services.registry.adapters.database import Database
from services.registry.adapters.state_store import SqlState
from services.registry.adapters.tables import audit
from services.registry.domain.audit import Action, Entry, Wanted
from services.registry.domain.errors import AlreadyDecidedError
from services.registry.domain.verifying import examined
from services.registry.domain.versions import decide
from tests.conftest import free_port
from tests.fakes.installations import Installation, fill, verified
from tests.fakes.outcome_stores import DATABASES, fresh_url
from tests.fakes.registry import NOON, draft
from tests.fakes.release_writers import (
    FILLED,
    Tally,
    require_linear,
    through_http,
    through_the_operations,
    write,
)
from tests.integration.registry.conftest import RegistryProcess
from tests.postgres_server import postgres_server, there_is_one
from understudy.contracts.vocabulary import BreakKind, Decision

WRITERS = 8
Open = Callable[[], Database]


@pytest.fixture(params=DATABASES)
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A database with a deployment of two releases."""
    if request.param == "postgres":
        request.getfixturevalue("postgres")
    found = fresh_url(request.param, tmp_path)
    _filled(found, tmp_path)
    return found


def _filled(url: str, folder: Path) -> None:
    database = Database(url)
    database.migrate()
    fill(Installation(database, folder))
    database.close()


@pytest.fixture
def opened(url: str) -> Iterator[Open]:
    """Databases of that URL, each with an engine of its own."""
    with ExitStack() as closing:

        def one() -> Database:
            found = Database(url)
            closing.callback(found.close)
            return found

        yield one


def test_eight_writers_make_one_line(opened: Open) -> None:
    asks = [through_the_operations(opened(), f"writer{number}") for number in range(WRITERS)]
    tally = write(asks, Tally(wanted=60))
    assert set(tally.statuses) <= {201, 409}
    assert require_linear(opened(), tally.statuses[201]) == FILLED + tally.statuses[201]


@pytest.mark.slow
@pytest.mark.timeout(1_500)
def test_a_thousand_changes_by_eight_writers_make_one_line(
    url: str, opened: Open, tmp_path: Path
) -> None:
    """Four in this process, and two at each of two registries over HTTP."""
    registries = [_replica(tmp_path, str(number), url) for number in range(2)]
    try:
        for registry in registries:
            registry.start()
        with ExitStack() as closing:
            asks = [through_the_operations(opened(), f"writer{number}") for number in range(4)]
            for registry in registries:
                clients = [closing.enter_context(registry.client()) for _ in range(2)]
                asks += map(through_http, clients)
            tally = write(asks, Tally(wanted=1_000))
    finally:
        for registry in registries:
            registry.end()
    _tell(url.partition(":")[0], tally)
    assert set(tally.statuses) <= {201, 409, 412}
    database = opened()
    assert require_linear(database, tally.statuses[201]) == FILLED + tally.statuses[201]
    _forge(Installation(database, tmp_path))


def _replica(folder: Path, name: str, url: str) -> RegistryProcess:
    (folder / name).mkdir()
    settings = {
        "UNDERSTUDY_DATABASE_URL": url,
        "UNDERSTUDY_ARTIFACTS_URL": str(folder / "artifacts"),
    }
    return RegistryProcess(folder / name, settings=settings)


def _tell(what: str, tally: Tally) -> None:
    sys.stdout.write(f"\n{what}: {dict(tally.statuses)} in {tally.seconds:.0f} s\n")


def _forge(found: Installation) -> None:
    """One column of one row among a thousand, then a row that is gone."""
    (*_, middle, _, _) = SqlState(found.database).entries(Wanted(frozenset({Action.RELEASE})))
    with found.database.note() as connection:
        forged = sa.update(audit).where(audit.c.sequence == middle.sequence)
        connection.execute(forged.values(reason="forged"))
    (told,) = verified(found).breaks
    assert (told.kind, told.first, told.last) == (
        BreakKind.CHANGED,
        middle.sequence,
        middle.sequence,
    )
    with found.database.note() as connection:
        connection.execute(sa.delete(audit).where(audit.c.sequence == middle.sequence))
    (told,) = verified(found).breaks
    assert (told.kind, told.first) == (BreakKind.MISSING, middle.sequence)


def test_of_two_who_decide_at_once_one_is_told_so(opened: Open) -> None:
    rounds, catalogues = 8, [SqlCatalogue(opened()) for _ in range(2)]
    entry = Entry(NOON, "ann", Action.REGISTER_VERSION, "credit")
    barrier = threading.Barrier(2, timeout=60)

    def decided(number: int, place: int) -> str | None:
        decision, by = ((Decision.DEPLOY, "ann"), (Decision.IGNORE, "bob"))[place]
        pending = catalogues[place].version("credit", number)
        assert pending is not None
        ended = decide(pending, decision, by=by, at=NOON, reason="")
        barrier.wait()
        try:
            said = Entry(NOON, by, Action.DECIDE_VERSION, ended.title)
            catalogues[place].end_review(ended, said)
        except AlreadyDecidedError:
            return None
        return by

    with ThreadPoolExecutor(2) as pool:
        for _ in range(rounds):
            number = catalogues[0].add_version(draft(), entry).number
            first, second = pool.map(decided, (number, number), (0, 1))
            kept = catalogues[1].version("credit", number)
            assert kept is not None
            assert kept.ruling is not None
            assert [first, second].count(None) == 1
            assert kept.ruling.decided_by in {first, second}
    with SqlState(opened()).chain() as chain:
        assert examined(chain).whole


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.skipif(not there_is_one(), reason="there is no PostgreSQL for this platform")
def test_a_database_that_is_killed_leaves_no_half_release(tmp_path: Path) -> None:
    """Killed and stopped in a hurry by turns while four write; callers are told to come again."""
    with postgres_server(free_port()) as server:
        _filled(server.url, tmp_path)
        registries = [_replica(tmp_path, str(number), server.url) for number in range(2)]
        over, tally = threading.Event(), Tally(wanted=150)

        def disturb() -> None:
            turn = 0
            while not over.wait(2.0):
                (server.stop if turn % 2 else server.kill)()
                time.sleep(0.5)  # some ask meanwhile
                server.start()
                turn += 1

        disturbing = threading.Thread(target=disturb)
        try:
            for registry in registries:
                registry.start()
            with ExitStack() as closing:
                clients = [
                    closing.enter_context(one.client()) for one in (*registries, *registries)
                ]
                disturbing.start()
                try:
                    write([*map(through_http, clients)], tally)
                finally:
                    over.set()
                    disturbing.join()
        finally:
            for registry in registries:
                registry.end()
        _tell("killed by turns", tally)
        assert set(tally.statuses) <= {201, 409, 412, 503}
        assert tally.statuses[503] > 0
        database = Database(server.url)
        require_linear(database, tally.statuses[201])
        database.close()
