"""Kept tallies take a bounded amount of memory, whoever asks for whatever."""

from pathlib import Path

import pytest

from services.monitor.adapters.outcome_store.database import Database
from services.monitor.adapters.outcome_store.tables import cohorts
from services.monitor.adapters.outcome_store.tally_cache import TallyCache, bytes_of
from services.monitor.adapters.outcome_store.tally_codec import encode_tally
from tests.fakes.labelled_rows import binary_rows


@pytest.fixture
def database(tmp_path: Path) -> Database:
    """Of three deployments that are kept by the same name, each with tallies of one day."""
    found = Database(f"sqlite:///{tmp_path / 'outcomes.db'}")
    with found.write() as connection:
        for deployment in (1, 2, 3):
            for name, tally in binary_rows(300).cohorts().items():
                row = {key: getattr(name, key) for key in name.__dataclass_fields__}
                row |= {"deployment": deployment, "revision": 1, "tally": encode_tally(tally)}
                connection.execute(cohorts.insert().values(row))
    return found


def _of_one() -> int:
    return sum(map(bytes_of, binary_rows(300).cohorts().values()))


def test_what_is_asked_for_again_is_the_same_object(database: Database) -> None:
    cache = TallyCache()
    with database.read() as connection:
        one, again = cache.read(connection, 1, 0.0), cache.read(connection, 1, 0.0)
    assert one
    assert all(again[name] is tally for name, tally in one.items())


def test_who_was_not_asked_for_longest_goes_first(database: Database) -> None:
    cache = TallyCache(most_bytes=2 * _of_one())
    with database.read() as connection:
        first = {deployment: cache.read(connection, deployment, 0.0) for deployment in (1, 2, 3)}
        kept = [
            all(tally is first[deployment][name] for name, tally in found.items())
            for deployment in (3, 2, 1)
            if (found := cache.read(connection, deployment, 0.0))
        ]
    assert kept == [True, True, False]


def test_what_is_too_large_is_read_each_time(database: Database) -> None:
    cache = TallyCache(most_bytes=_of_one() - 1)
    with database.read() as connection:
        one, again = cache.read(connection, 1, 0.0), cache.read(connection, 1, 0.0)
    assert one.keys() == again.keys()
    assert all(again[name] is not tally for name, tally in one.items())
