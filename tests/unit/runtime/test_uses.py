"""When keys were used: to the minute, and told once."""

from datetime import UTC, datetime, timedelta

from understudy.runtime.uses import Uses

NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)


def test_a_use_is_noted_once_a_minute() -> None:
    uses = Uses()
    for second in range(59):
        uses.note("a", NOON + timedelta(seconds=second))
    assert uses.untold() == {"a": NOON}
    uses.note("a", NOON + timedelta(seconds=60))
    assert uses.untold() == {"a": NOON + timedelta(seconds=60)}


def test_what_was_told_is_not_told_again_and_what_came_meanwhile_is() -> None:
    uses = Uses()
    uses.note("a", NOON)
    uses.note("b", NOON)
    told = uses.untold()
    uses.note("b", NOON + timedelta(minutes=2))
    uses.told(told)
    assert uses.untold() == {"b": NOON + timedelta(minutes=2)}


def test_a_report_holds_so_many_and_the_next_one_the_others() -> None:
    uses = Uses()
    for number in range(10_500):
        uses.note(f"key-{number}", NOON)
    told = uses.untold()
    assert len(told) == 10_000
    uses.told(told)
    assert len(uses.untold()) == 500
