"""The same facts in any order, again, in pieces, over restarts and several stores: the same counts.

What is expected is what a store in memory counts that was told everything once, in order.
"""

import asyncio
import gc
import itertools
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine, event

from services.monitor.adapters.outcome_store import SqlOutcomes
from services.monitor.ports import Outcomes
from tests.fakes.outcome_facts import TARGETS, Entry, Seen, Story, after_all, seen
from tests.fakes.outcome_stores import DATABASES_AT_LENGTH, fresh_url
from tests.fakes.outcomes import MemoryOutcomes

# A connection that is ended while it is opened is nobody's to close.
pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")

EXAMPLES = settings(
    max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


class AbortedError(Exception):
    """The process ended here."""


async def expected(story: Story) -> Seen:
    memory = MemoryOutcomes(after_all)
    await memory.apply(story.incoming(story.entries))
    return await seen(memory)


def deliveries(data: st.DataObject, story: Story) -> list[list[Entry]]:
    """Every entry at least once, in any order, cut anywhere."""
    again = data.draw(st.lists(st.sampled_from(range(len(story.entries))), max_size=12))
    order = data.draw(st.permutations([*range(len(story.entries)), *again]))
    cuts = data.draw(st.sets(st.integers(1, len(order) - 1), max_size=12))
    edges = [0, *sorted(cuts), len(order)]
    return [
        [story.entries[at] for at in order[start:end]] for start, end in itertools.pairwise(edges)
    ]


@contextmanager
def ending_at(statement: int) -> Iterator[None]:
    """Whoever comes to that statement, or commit, gets no further."""
    left = itertools.count(statement, -1)

    def end(*_: Any) -> None:
        if next(left) == 0:
            raise AbortedError

    event.listen(Engine, "before_cursor_execute", end)
    event.listen(Engine, "commit", end)
    try:
        yield
    finally:
        event.remove(Engine, "before_cursor_execute", end)
        event.remove(Engine, "commit", end)


@pytest.mark.parametrize("kind", TARGETS)
@given(data=st.data(), seed=st.integers(0, 10**6))
@EXAMPLES
def test_in_memory(kind: str, data: st.DataObject, seed: int) -> None:
    story = Story(kind, seed)

    async def check() -> None:
        memory = MemoryOutcomes(after_all)
        for entries in deliveries(data, story):
            await memory.apply(story.incoming(entries))
        assert await seen(memory) == await expected(story)

    asyncio.run(check())


@pytest.mark.parametrize("database", DATABASES_AT_LENGTH)
@pytest.mark.parametrize("kind", TARGETS)
@given(data=st.data(), seed=st.integers(0, 10**6))
@EXAMPLES
def test_over_two_stores_that_are_ended_anywhere(
    kind: str, database: str, data: st.DataObject, seed: int
) -> None:
    story = Story(kind, seed)

    async def check(folder: Path) -> None:
        url = fresh_url(database, folder)
        stores = [SqlOutcomes(url, after_all), SqlOutcomes(url, after_all)]
        for entries in deliveries(data, story):
            store = data.draw(st.sampled_from(stores))
            with ending_at(data.draw(st.integers(0, 30))):
                with_luck = asyncio.gather(
                    store.apply(story.incoming(entries)), return_exceptions=True
                )
                (outcome,) = await with_luck
            assert outcome is None or isinstance(outcome, AbortedError)
            await store.apply(story.incoming(entries))
        for store in stores:
            assert await seen(store) == await expected(story)
            store.close()

    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(check(Path(folder)))
    gc.collect()


@pytest.mark.parametrize("database", DATABASES_AT_LENGTH)
@pytest.mark.parametrize("kind", TARGETS)
@given(data=st.data(), seed=st.integers(0, 10**6))
@settings(EXAMPLES, max_examples=6)
def test_two_stores_at_once_with_overlapping_deliveries(
    kind: str, database: str, data: st.DataObject, seed: int
) -> None:
    story = Story(kind, seed)
    mine, theirs = deliveries(data, story), deliveries(data, story)

    async def feed(store: Outcomes, parts: list[list[Entry]]) -> None:
        for entries in parts:
            await store.apply(story.incoming(entries))

    async def check(folder: Path) -> None:
        url = fresh_url(database, folder)
        one, other = SqlOutcomes(url, after_all), SqlOutcomes(url, after_all)
        await asyncio.gather(feed(one, mine), feed(other, theirs))
        assert await seen(one) == await seen(other) == await expected(story)
        one.close()
        other.close()

    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(check(Path(folder)))
