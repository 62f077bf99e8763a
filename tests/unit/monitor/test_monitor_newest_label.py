"""When the newest label came, whatever is read when, and over restarts."""

from collections.abc import Sequence

import msgspec

from services.monitor.adapters.cell_codec import decode_totals, encode_totals
from services.monitor.domain.accounting import Delivery, Positions, State, Totals, account
from services.monitor.domain.rows import LabelRows
from tests.fakes.monitor_entries import NOW, RULES


def labels(*received_at: float) -> LabelRows:
    some: Sequence[None] = [None] * len(received_at)
    ids = tuple(f"p{place}" for place in range(len(received_at)))
    return LabelRows(ids, ("yes",) * len(ids), received_at, tuple(some), tuple(some))


def after(state: State, *rows: LabelRows) -> State:
    delivery = Delivery(Positions(labels="1-0"), labels=rows)

    def no_reference(_: int) -> None:
        raise AssertionError

    return state.after(account(state, delivery, no_reference, RULES, NOW))  # type: ignore[arg-type]


def newest(*deliveries: Sequence[LabelRows]) -> float:
    state = State()
    for rows in deliveries:
        state = after(state, *rows)
    return state.totals.label_received_at


def test_the_newest_counts_in_whatever_order_labels_come() -> None:
    assert newest() == 0.0
    assert newest([labels(NOW - 50, NOW - 10), labels(NOW - 30)]) == NOW - 10
    assert newest([labels(NOW - 10)], [labels(NOW - 500)], []) == NOW - 10


def test_a_clock_that_is_ahead_does_not_hide_that_labels_stop() -> None:
    assert newest([labels(NOW + 86_400)]) == NOW
    assert newest([labels(float("nan"), float("inf"), NOW - 5)]) == NOW - 5


def test_it_outlives_the_process() -> None:
    held = Totals(labels=3, label_received_at=NOW)
    assert decode_totals(encode_totals(held)) == held


def test_what_was_stored_without_it_can_be_read() -> None:
    whole = msgspec.msgpack.decode(encode_totals(Totals(labels=3, label_received_at=NOW)))
    assert decode_totals(msgspec.msgpack.encode(whole[:-1])) == Totals(labels=3)
