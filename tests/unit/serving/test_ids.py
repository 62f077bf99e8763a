import uuid

import pytest

from services.serving.domain.errors import InvalidPredictionIdError
from services.serving.domain.ids import RANDOM_BITS, check_ids, row_ids, uuid7, well_formed


@pytest.mark.parametrize("randomness", [0, 1, 2**RANDOM_BITS - 1, 0x155555555555555555])
def test_uuid7_has_the_time_the_version_and_the_variant(randomness: int) -> None:
    made = uuid.UUID(uuid7(1_700_000_000_123, randomness))
    assert made.version == 7
    assert made.variant == uuid.RFC_4122
    assert made.int >> 80 == 1_700_000_000_123
    high, low = (made.int >> 64) & 0xFFF, made.int & (2**62 - 1)
    assert high << 62 | low == randomness


def test_later_ids_sort_later() -> None:
    assert uuid7(1_000, 2**RANDOM_BITS - 1) < uuid7(1_001, 0)


@pytest.mark.parametrize("name", ["a", "A-b_c.d:9", "x" * 128, uuid7(1, 1), *row_ids("a", 2)])
def test_well_formed(name: str) -> None:
    assert well_formed(name)


@pytest.mark.parametrize("name", ["", "x" * 129, "a b", "a\n", "é", "a/b", "a\r\nSet-Cookie: x"])
def test_not_well_formed(name: str) -> None:
    assert not well_formed(name)


@pytest.mark.parametrize("ids", [[], ["a"], ["a", "b", "c"], ["a", "a"], ["a", "b c"]])
def test_ids_that_do_not_name_two_rows(ids: list[str]) -> None:
    with pytest.raises(InvalidPredictionIdError):
        check_ids(ids, 2)
