"""What processes report is believed for 90 s."""

from datetime import datetime, timedelta

from services.registry.operations.followers import MOST_FOLLOWERS, Followers
from tests.fakes.registry import NOON, Memory, MemoryFollowers, MemoryKeys
from understudy.contracts.registry import FollowerReport
from understudy.contracts.vocabulary import Component


class Clock:
    def __init__(self) -> None:
        self.now = NOON

    def __call__(self) -> datetime:
        return self.now

    def pass_by(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)


def followers_of(memory: Memory, clock: Clock) -> Followers:
    return Followers(MemoryFollowers(memory), MemoryKeys(memory), clock)


def report(instance: str, release: int | None, component: Component) -> FollowerReport:
    releases = {} if release is None else {"credit": release}
    return FollowerReport(instance=instance, component=component, releases=releases)


def test_nobody_is_neither_deployed_nor_running() -> None:
    standing = followers_of(Memory(), Clock()).heard().standing("credit", 1)
    assert (standing.deployed, standing.running, standing.followers) == (False, False, ())


def test_deployed_means_every_serving_worker() -> None:
    followers = followers_of(Memory(), Clock())
    followers.report(report("a", 2, Component.SERVING))
    followers.report(report("m", 1, Component.MONITOR))
    assert followers.heard().standing("credit", 2).deployed
    followers.report(report("b", 1, Component.SERVING))
    standing = followers.heard().standing("credit", 2)
    assert (standing.deployed, standing.running) == (False, True)
    told = [(state.instance, state.release) for state in standing.followers]
    assert told == [("m", 1), ("a", 2), ("b", 1)]


def test_processes_of_two_kinds_may_share_a_name() -> None:
    followers = followers_of(Memory(), Clock())
    followers.report(report("pod:1", 2, Component.SERVING))
    followers.report(report("pod:1", 1, Component.MONITOR))
    assert len(followers.heard().standing("credit", 2).followers) == 2


def test_who_is_silent_is_forgotten() -> None:
    clock = Clock()
    followers = followers_of(Memory(), clock)
    followers.report(report("a", 1, Component.SERVING))
    clock.pass_by(60)
    followers.report(report("b", 2, Component.SERVING))
    clock.pass_by(31)
    assert [state.instance for state in followers.heard().standing("credit", 2).followers] == ["b"]
    assert followers.heard().counts()[Component.SERVING] == 1


def test_there_is_an_end_to_followers() -> None:
    memory = Memory()
    followers = followers_of(memory, Clock())
    for number in range(MOST_FOLLOWERS + 5):
        said = report(str(number), 1, Component.SERVING)
        memory.reports[said.component.value, said.instance] = NOON, said
    assert followers.heard().counts()[Component.SERVING] == MOST_FOLLOWERS
