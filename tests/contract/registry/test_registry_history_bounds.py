"""Reports stay small, tell what they leave out, and don't walk the trail for each reader."""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from itertools import islice

import pytest

from services.registry.domain.access import Key, Reach
from services.registry.domain.audit import Action, Entry
from services.registry.domain.chain import Link
from services.registry.domain.releases import Setting
from services.registry.domain.verifying import Chain
from services.registry.operations.trail import HOLDS_FOR, Examinations, WalkedAlreadyError
from tests.fakes.registry import NOON, Memory, MemoryState, release
from understudy.contracts.vocabulary import Scope

from .conftest import Registry

REPORT = "/v1/deployments/credit/audit-report"
BEYOND = 5


class Watched(MemoryState):
    """Counts who walks, and has them wait where a test wants it."""

    def __init__(self, memory: Memory) -> None:
        super().__init__(memory)
        self.walks = 0
        self.begun = threading.Event()
        self.go = threading.Event()
        self.go.set()

    @contextmanager
    def chain(self) -> Iterator[Chain]:
        with super().chain() as chain:
            yield Chain(chain.state, self._links(chain))

    def _links(self, chain: Chain) -> Iterator[Link]:
        self.walks += 1
        self.begun.set()
        assert self.go.wait(60)
        yield from chain.links


class Clock:
    """Goes on by a second whenever it is read."""

    def __init__(self) -> None:
        self.now = NOON

    def __call__(self) -> datetime:
        self.now += timedelta(seconds=1)
        return self.now


@pytest.fixture
def memory() -> Memory:
    found = Memory()
    for _ in range(3):
        found.record(Entry(NOON, "ann", Action.CONFIGURE, "settings"))
    return found


def test_the_trail_is_walked_once_for_the_same_end(memory: Memory) -> None:
    state, clock = Watched(memory), Clock()
    examinations = Examinations(state, clock)
    found = examinations.recent()
    assert found.examination.whole
    assert examinations.recent() is found
    assert state.walks == 1
    memory.record(Entry(NOON, "ann", Action.CONFIGURE, "settings"))
    later = examinations.recent()
    assert (later.examination.entries, state.walks) == (4, 2)


def test_what_was_found_does_not_hold_for_long(memory: Memory) -> None:
    """Somebody may write into the trail without a change."""
    state, clock = Watched(memory), Clock()
    examinations = Examinations(state, clock)
    assert examinations.recent().examination.whole
    del memory.trail[1]
    clock.now += HOLDS_FOR
    assert not examinations.recent().examination.whole


def test_many_readers_at_once_walk_once(memory: Memory) -> None:
    """One walks, some wait for it, and who comes then is asked to come again."""
    state = Watched(memory)
    examinations = Examinations(state, lambda: datetime.now(UTC))
    state.go.clear()
    with ThreadPoolExecutor(6) as pool:
        first = pool.submit(examinations.recent)
        assert state.begun.wait(60)
        others = [pool.submit(examinations.recent) for _ in range(5)]
        refused = list(islice(as_completed(others, 60), 2))
        state.go.set()
        found = [one.result(60) for one in (first, *others) if one not in refused]
    assert all(isinstance(one.exception(), WalkedAlreadyError) for one in refused)
    assert ({id(one) for one in found}, state.walks) == ({id(found[0])}, 1)


def test_who_comes_while_the_trail_is_walked_is_told_what_was_found_before(memory: Memory) -> None:
    state = Watched(memory)
    examinations = Examinations(state, lambda: datetime.now(UTC))
    before = examinations.recent()
    memory.record(Entry(NOON, "ann", Action.CONFIGURE, "settings"))
    state.begun.clear()
    state.go.clear()
    with ThreadPoolExecutor(1) as pool:
        walking = pool.submit(examinations.recent)
        assert state.begun.wait(60)
        assert examinations.recent() is before
        state.go.set()
        assert walking.result(60).examination.entries == 4


@pytest.mark.anyio
async def test_a_report_lists_the_newest_and_counts_the_others(registry: Registry) -> None:
    memory, count = registry.memory, 1_000 + BEYOND
    for number in range(2, count + 1):
        at = NOON + timedelta(minutes=number)
        made = release(number, Setting(1 + number % 2), at=at)
        memory.histories["credit"].append(made)
        memory.record(Entry(at, "ann", Action.RELEASE, "credit", "", {"release": number}))
        key = Key(f"k{number}", "0" * 64, "n", (Scope.PREDICT,), Reach("credit"), at)
        memory.keys[key.id] = key
        memory.record(Entry(at, "ann", Action.ISSUE_KEY, key.id, "", {"name": f"n{number}"}))
        title = f"credit/{number + 10}"
        memory.record(Entry(at, "ann", Action.DECIDE_VERSION, title, "", {"decision": "ignore"}))
    report = (await registry.http.get(REPORT)).json()
    listed = {name: len(report[name]) for name in ("mains", "releases", "keys")}
    assert listed == dict.fromkeys(listed, 1_000)
    assert report["releases"][-1]["entry"] is not None
    assert report["keys"][-1]["name"] == f"n{count}"
    left = {"mains": BEYOND - 1, "releases": BEYOND, "decisions": BEYOND - 1, "keys": BEYOND - 1}
    assert report["left_out"] == left
    assert report["verification"]["walked_at"] is not None
