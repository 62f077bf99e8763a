from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from services.serving.operations.receipts import Receipts


@given(st.lists(st.floats(1.5e9, 4e9), min_size=1, max_size=50))
def test_times_of_receipt_grow_whatever_the_clock_does(times: list[float]) -> None:
    left = iter(times)
    receipts = Receipts(lambda: next(left))
    found = [receipts.next() for _ in times]
    assert all(early < late for early, late in pairwise(found))
    assert found[0] == times[0]
