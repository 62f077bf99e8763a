"""Whatever alerts, releases and time do: alerts make no deployment go back and forth.

A world of a few lines (releases, people, alerts) around the real domain: notices add up, the judge
concludes, the policy considers, and what is due is done at once.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Final

from hypothesis import given, settings
from hypothesis import strategies as st

from services.monitor.domain.deciding.acting import Present, consider
from services.monitor.domain.deciding.alerts import Alert, Blame, read, told
from services.monitor.domain.deciding.deeds import Deed, DeedState
from services.monitor.domain.deciding.judge import Case, judge
from understudy.contracts.judging import Actions
from understudy.contracts.vocabulary import ActionMode

COOL_DOWN: Final = 600.0
LIFE: Final = 900.0
POLICY: Final = Actions(
    roll_back=ActionMode.AUTOMATIC,
    cool_down_seconds=COOL_DOWN,
    minimum_rows=1,
    alerts=("Burn", "Slow"),
)


@dataclass
class World:
    """One deployment. Version 1 was main, 2 is."""

    now: float = 1_800_000_000.0
    mains: list[int] = field(default_factory=lambda: [1, 2])
    """By release; a release that changes no main repeats it."""
    released_at: float = 1_800_000_000.0
    main_since: float = 1_800_000_000.0
    held: Sequence[Alert] = ()
    began: dict[str, float] = field(default_factory=dict)
    deeds: list[Deed] = field(default_factory=list)

    @property
    def main(self) -> int:
        return self.mains[-1]

    @property
    def former(self) -> int | None:
        return next((main for main in reversed(self.mains) if main != self.main), None)

    def release(self, main: int) -> None:
        if main != self.main:
            self.main_since = self.now
        self.mains.append(main)
        self.released_at = self.now

    def tell(self, name: str, *, ends: bool, skew: float) -> None:
        """Of an episode that goes on, or of a new one; the sender's clock may be off."""
        starts = self.began.setdefault(name, self.now + skew)
        news = Alert(name, "", "f00d", starts, self.now, self.now, self.now if ends else None)
        self.held = told(self.held, news, POLICY.alerts, LIFE)[0]
        if ends:
            del self.began[name]

    def judged(self) -> None:
        """Once, as the monitor does it: what is due is done and noted, newest first."""
        blame = Blame(self.main, self.main_since, POLICY.alerts, LIFE)
        found = judge(
            Case(self.main, self.former, 1_000, (), (), None, read(self.held, blame, self.now))
        )
        release = len(self.mains)
        present = Present("risk", release, self.released_at, self.main, 1_000, self.now)
        action = consider(found, POLICY, present, self.deeds)
        if action is None or not action.due or found.version is None:
            return
        assert self.now - self.released_at >= COOL_DOWN
        deed = Deed(
            *("risk", self.now, release, found.verdict, found.version, self.main),
            DeedState.DONE,
            release + 1,
        )
        self.deeds.insert(0, deed)
        self.release(found.version)


Event = tuple[str, float, int]
EVENTS: Final = st.lists(
    st.one_of(
        st.tuples(st.just("wait"), st.sampled_from([60.0, 700.0]), st.just(0)),
        st.tuples(st.sampled_from(["Burn", "Slow"]), st.floats(-200.0, 200.0), st.integers(0, 1)),
        st.tuples(st.just("promote"), st.just(0.0), st.integers(1, 3)),
        st.tuples(st.just("configure"), st.just(0.0), st.just(0)),
    ),
    min_size=20,
    max_size=60,
)


def happens(world: World, event: Event) -> None:
    match event:
        case ("wait", seconds, _):
            world.now += seconds
        case ("promote", _, version):
            world.release(version)
        case ("configure", _, _):
            world.release(world.main)
        case (name, skew, ends):
            world.tell(name, ends=bool(ends) and name in world.began, skew=skew)
    world.judged()


@settings(max_examples=100, deadline=None)
@given(EVENTS)
def test_no_move_is_made_twice_or_taken_back_by_itself(events: list[Event]) -> None:
    world = World()
    for event in events:
        happens(world, event)
    moves = [(deed.former, deed.version) for deed in world.deeds]
    assert len(moves) == len({frozenset(move) for move in moves})
    times = [deed.at for deed in world.deeds]
    assert all(later - sooner >= COOL_DOWN for later, sooner in pairwise(times))


@settings(max_examples=100, deadline=None)
@given(EVENTS)
def test_without_people_there_is_at_most_one_rollback(events: list[Event]) -> None:
    world = World()
    for event in events:
        if event[0] != "promote":
            happens(world, event)
    assert len(world.deeds) <= 1


def test_a_burn_that_begins_under_the_main_is_rolled_back_once() -> None:
    """What the properties above hold for does happen."""
    world = World()
    world.now += 700.0
    world.tell("Burn", ends=False, skew=0.0)
    world.judged()
    assert world.mains == [1, 2, 1]
    for _ in range(100):
        world.now += 300.0
        world.tell("Burn", ends=False, skew=0.0)
        world.judged()
    assert world.mains == [1, 2, 1]


def test_a_cool_down_postpones_and_does_not_forget() -> None:
    world = World()
    world.now += 60.0
    world.tell("Burn", ends=False, skew=0.0)
    world.judged()
    assert world.deeds == []
    world.now += COOL_DOWN
    world.tell("Burn", ends=False, skew=0.0)
    world.judged()
    assert world.mains == [1, 2, 1]
