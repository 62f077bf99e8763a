"""No entry goes that a reader still needs, whatever retention wants."""

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from services.serving.domain.trimming import (
    Contents,
    EntryId,
    Group,
    Look,
    Owed,
    Retention,
    Stream,
    cut,
)

NOW = 1_000_000.0
DAY = 86_400.0
NOW_MS, DAY_MS = int(NOW * 1_000), int(DAY * 1_000)
KEEP = Retention(seconds=DAY, entries=100, size=1_000_000)
READ: EntryId = (NOW_MS, 5)
OLD: EntryId = (NOW_MS - 2 * DAY_MS, 0)


def look(
    *groups: Group,
    entries: int = 50,
    size: int = 1_000,
    monitor: EntryId | None = READ,
    left: dict[int, EntryId] | None = None,
    archived: EntryId | None = None,
) -> Look:
    contents = Contents(entries, size, OLD, groups)
    positions = None if monitor is None else dict.fromkeys(Stream, monitor)
    stored = None if archived is None else dict.fromkeys(Stream, archived)
    return Look(dict.fromkeys(Stream, contents), positions, left or {}, stored)


def owed(*, since: float = NOW, challenges: bool = True) -> Owed:
    return Owed(2, "challenger:2", since, challenges)


def test_what_everybody_has_read_goes_when_it_is_old() -> None:
    plan = cut(Stream.PREDICTIONS, look(Group("a", READ)), [], KEEP, NOW)
    assert plan.below == (NOW_MS - DAY_MS, 0)
    assert (plan.surplus, plan.behind, plan.held_by) == (0, (NOW_MS, 6), None)


def test_what_a_group_has_in_hand_stays() -> None:
    pending = (NOW_MS - 3 * DAY_MS, 7)
    groups = Group("a", READ, oldest_pending=pending), Group("b", READ)
    plan = cut(Stream.PREDICTIONS, look(*groups), [], KEEP, NOW)
    assert (plan.below, plan.behind, plan.held_by) == (pending, pending, "a")


def test_what_a_group_was_not_handed_stays() -> None:
    delivered = (NOW_MS - 3 * DAY_MS, 7)
    plan = cut(Stream.PREDICTIONS, look(Group("a", delivered)), [], KEEP, NOW)
    assert (plan.below, plan.held_by) == ((delivered[0], 8), "a")


def test_what_the_monitor_has_not_accounted_for_stays() -> None:
    place = (NOW_MS - 3 * DAY_MS, 7)
    for stream in Stream:
        plan = cut(stream, look(monitor=place), [], KEEP, NOW)
        assert (plan.below, plan.held_by) == ((place[0], 8), "monitor")


def test_what_is_not_in_the_archive_stays_whether_or_not_there_is_a_monitor() -> None:
    place = (NOW_MS - 3 * DAY_MS, 7)
    for stream in Stream:
        for retention in (KEEP, replace(KEEP, monitored=False)):
            plan = cut(stream, look(archived=place), [], retention, NOW)
            assert (plan.below, plan.held_by) == ((place[0], 8), "archive")


def test_before_the_monitor_has_begun_nothing_goes_unless_there_is_none() -> None:
    plan = cut(Stream.LABELS, look(monitor=None, entries=500), [], KEEP, NOW)
    assert (plan.below, plan.behind, plan.held_by) == ((0, 0), (0, 0), "monitor")
    alone = replace(KEEP, monitored=False)
    plan = cut(Stream.LABELS, look(monitor=None, entries=500), [], alone, NOW)
    assert plan.below == (NOW_MS - DAY_MS, 0)
    assert plan.behind > READ
    assert (plan.surplus, plan.held_by) == (400, None)


def test_what_is_too_many_or_too_large_goes() -> None:
    assert cut(Stream.PAIRS, look(entries=130), [], KEEP, NOW).surplus == 30
    assert cut(Stream.PAIRS, look(entries=80, size=4_000_000), [], KEEP, NOW).surplus == 60
    assert cut(Stream.PAIRS, look(entries=0, size=0), [], KEEP, NOW).surplus == 0


def test_what_a_version_owes_whose_group_is_not_there_yet_stays() -> None:
    begun = NOW - 5 * DAY
    for challenges in (True, False):
        plan = cut(
            Stream.PREDICTIONS, look(), [owed(since=begun, challenges=challenges)], KEEP, NOW
        )
        assert plan.below == (int(begun * 1_000) - 60_000, 0)
    assert cut(Stream.PAIRS, look(), [owed(since=begun)], KEEP, NOW).behind == (NOW_MS, 6)
    there = look(Group("challenger:2", READ))
    assert cut(Stream.PREDICTIONS, there, [owed(since=begun)], KEEP, NOW).behind == (NOW_MS, 6)


def test_a_version_that_has_left_holds_nothing_until_it_comes_back() -> None:
    begun, place = NOW - 5 * DAY, (NOW_MS - 3 * DAY_MS, 1)
    gone = look(left={2: place})
    retired = cut(Stream.PREDICTIONS, gone, [owed(since=begun, challenges=False)], KEEP, NOW)
    assert retired.behind == (NOW_MS, 6)
    back = cut(Stream.PREDICTIONS, gone, [owed(since=begun)], KEEP, NOW)
    assert back.behind == (place[0], 2)
    again = cut(Stream.PREDICTIONS, gone, [owed(since=NOW - DAY, challenges=False)], KEEP, NOW)
    assert again.behind == (NOW_MS - DAY_MS - 60_000, 0)


def test_an_empty_stream_is_held_by_nobody() -> None:
    assert cut(Stream.PAIRS, look(entries=0, monitor=None), [], KEEP, NOW).held_by is None


IDS = st.tuples(st.integers(1, 2 * NOW_MS), st.integers(0, 5))


@given(
    st.lists(st.tuples(IDS, st.none() | IDS), max_size=4),
    IDS,
    IDS,
    st.integers(0, 1_000),
    st.floats(0, NOW * 2),
)
def test_no_cut_reaches_what_a_reader_needs(
    places: list[tuple[EntryId, EntryId | None]],
    monitor: EntryId,
    archived: EntryId,
    entries: int,
    now: float,
) -> None:
    groups = [Group(str(i), delivered, pending) for i, (delivered, pending) in enumerate(places)]
    seen = look(*groups, entries=entries, monitor=monitor, archived=archived)
    plan = cut(Stream.PREDICTIONS, seen, [], KEEP, now)
    for group in groups:
        assert plan.below <= plan.behind <= group.needs
    for place in (monitor, archived):
        assert plan.behind <= (place[0], place[1] + 1)
