"""What the audit trail can keep of a decision's evidence."""

import math

import pytest

from understudy.contracts.evidence import MAX_BYTES, MAX_DEPTH, require_bounded


def test_what_json_can_say_is_kept_as_it_is() -> None:
    evidence: dict[str, object] = {"n": 1, "x": [1.5, None, True], "ü": {"a": "€"}}
    assert require_bounded(evidence) is evidence
    assert require_bounded({}) == {}


def test_the_limit_is_one_of_bytes() -> None:
    room = MAX_BYTES - len('{"a":""}')
    assert require_bounded({"a": "x" * room})
    for text in ("x" * (room + 1), "€" * (room // 3 + 1)):
        with pytest.raises(ValueError, match=r"at most 65536 are kept"):
            require_bounded({"a": text})


def test_what_is_too_deep_is_refused() -> None:
    deep: dict[str, object] = {}
    for _ in range(MAX_DEPTH - 1):
        deep = {"a": deep}
    assert require_bounded(deep)
    for too_deep in (deep, [deep]):
        with pytest.raises(ValueError, match="deeper than 32 levels"):
            require_bounded({"a": too_deep})


@pytest.mark.parametrize("number", [math.nan, math.inf, -math.inf])
def test_a_number_that_is_none_is_refused(number: float) -> None:
    with pytest.raises(ValueError, match="not finite"):
        require_bounded({"a": [{"b": number}]})


def test_half_a_character_is_refused() -> None:
    with pytest.raises(ValueError, match="half of a character"):
        require_bounded({"a": "\ud800"})
